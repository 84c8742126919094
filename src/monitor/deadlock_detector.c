/*
 * The deadlock detector; see deadlock_detector.h.
 *
 * Runs in: the monitor starts it; the rest in a background worker, which ends when nobody has
 *          waited for a lock for a while.
 * Path: shmem/deadlocks.c (somebody waits long) -> mtm.deadlock_step(), which asks all nodes
 *       -> mtm.shell_end_wait() -> shmem/deadlocks.c -> interrupt.c -> locks/deadlock.c
 * Locks: none of its own.
 *
 * Not in the monitor: it must not wait for other nodes. While nobody waits for a lock there is
 * no process, and the monitor reads one word of each backend now and then.
 *
 * The detectors of all nodes with a wait in a circle find the same one, and choose the same
 * victim; that one's node ends it. So they tell each other nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "background.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "interrupt.h"
#include "miscadmin.h"
#include "monitor/deadlock_detector.h"
#include "monitor/remote_query.h"
#include "monitor/shell_access.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "shmem/deadlocks.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#define NAME "multimaster deadlock detector"

/* A conflict that the rule for writers decides is over before that. */
#define LONG_WAIT_MS 200
/* How often it is looked whether somebody waits. */
#define LOOK_MS 200
/* It is started again after so long at the soonest, should it fail. */
#define START_AGAIN_MS 1000
/* With nobody waiting it stays for so long. */
#define STAY_MS 10000
/* Of its time, at most one part in so many goes into looking: long queues make long graphs. */
#define REST 5

PG_FUNCTION_INFO_V1(mtm_shell_end_wait);

/*---------------------------------------------------------------------------
 * The monitor's side.
 */
static BackgroundWorkerHandle *detector = NULL;
static int64 started_ms = 0;
static int64 looked_ms = 0;

static void
start(void)
{
	BackgroundWorker worker = MtmBackgroundWorker(NAME, "MtmDeadlockDetectorMain");

	/* If it fails, it is tried again; deadlock_timeout bounds the wait. */
	(void) MtmBackgroundStart(&worker, &detector);
}

void
MtmDeadlockDetectorKeep(void)
{
	int64		now_ms = MtmNowMs();

	if (now_ms - looked_ms < LOOK_MS)
		return;
	looked_ms = now_ms;
	if (MtmNewestWait(LONG_WAIT_MS) == 0 || MtmBackgroundRuns(&detector) || now_ms - started_ms < START_AGAIN_MS)
		return;
	started_ms = now_ms;
	start();
}

/*---------------------------------------------------------------------------
 * The process.
 */

/* One look at all nodes, in a transaction of its own; after how long the next one is due. */
static int64
look(void)
{
	int64		next_ms;
	bool		isnull;

	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "looking for a circle of waits");
	if (SPI_execute("SELECT mtm.deadlock_step()", false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the deadlock detector's step gave no row")));
	next_ms = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										  &isnull));
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return next_ms;
}

void
MtmDeadlockDetectorMain(Datum arg)
{
	int64		waited_ms = MtmNowMs();
	int64		rested_ms = 0;	/* not before that */
	bool		first = true;	/* which also loads the code */
	int64		due_ms = 0;
	TimestampTz seen = 0;

	MtmBackgroundBegin("deadlock detector");
	MtmBackgroundOwnNames();
	MtmRemoteQueryKeep();
	for (;;)
	{
		TimestampTz newest = MtmNewestWait(LONG_WAIT_MS);
		int64		now_ms = MtmNowMs();

		CHECK_FOR_INTERRUPTS();
		MtmReloadIfAsked();
		if (newest != 0)
			waited_ms = now_ms;
		else if (now_ms - waited_ms >= STAY_MS)
			proc_exit(0);
		/* A circle is closed by the wait that begins last. */
		if (newest != 0 && now_ms >= rested_ms && (newest != seen || now_ms >= due_ms))
		{
			int64		next_ms = look();
			int64		took_ms = MtmNowMs() - now_ms;

			seen = newest;
			now_ms += took_ms;
			rested_ms = first ? now_ms : now_ms + took_ms * (REST - 1);
			first = false;
			due_ms = Max(rested_ms, now_ms + next_ms);
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 newest == 0 ? LOOK_MS : Max(1, Min(LOOK_MS, due_ms - now_ms)),
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

Datum
mtm_shell_end_wait(PG_FUNCTION_ARGS)
{
	int			pid = PG_GETARG_INT32(0);
	BackendId	backend_id;

	MtmShellRequireSuperuser();
	if (!MtmDeadlockTell(pid, PG_GETARG_TIMESTAMPTZ(1),
						 text_to_cstring(PG_GETARG_TEXT_PP(2)), &backend_id))
		PG_RETURN_BOOL(false);
	MtmInterruptProcess(pid, backend_id);
	PG_RETURN_BOOL(true);
}
