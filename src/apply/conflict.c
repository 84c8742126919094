/*
 * Conflicts of the transaction that is being applied with others: PROTOCOL.md, "Conflicts
 * between nodes"; why it is safe and ends: docs/conflicts.md.
 *
 * Runs in: apply workers, while they wait for a lock.
 * Path: a timer -> interrupt.c -> here -> shmem/writers.h and backend/wound.c (a local
 *       transaction fails), shmem/commits.h or link/ (a prepared one is to be aborted)
 * Locks: those of locks/blockers.c and of shmem/, for a look.
 *
 * PostgreSQL waits for locks without asking anybody. So a timer looks every few
 * milliseconds whether the worker waits; if so, its own wait is interrupted for a look at
 * who it waits for: whoever holds the lock or stands before it in the queue, and whoever
 * these wait for in turn. Longer waits are looked at less often.
 *
 * The timer is not one of PostgreSQL's timeouts: a timeout that was disabled goes off all
 * the same, which for nearly every transaction wakes a worker that has nothing to do.
 *
 * Nothing may be looked up in catalogs here: that takes locks, and the process is in the
 * middle of waiting for one.
 */
#include "postgres.h"

#include <signal.h>
#include <time.h>

#include "apply/conflict.h"
#include "apply/described_row.h"
#include "interrupt.h"
#include "locks/blockers.h"
#include "locks/deadlock.h"
#include "miscadmin.h"
#include "settings.h"
#include "shmem/writers.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "wire/gid.h"
#include "wire/link_message.h"

#define TICK_MS 4
/* Background workers have no other use for it. */
#define TICK_SIGNAL SIGUSR2
/* A wait is looked at in its 1st, 2nd, 4th ... tick, and then at every one of these. */
#define MOST_TICKS 16
/* Processes that are followed; enough for the longest queue that a look should cost. */
#define MOST_WAITERS 256

/* One that the transaction waits for, maybe by way of others. */
typedef struct Waiter
{
	int			pid;
	int			behind;			/* index of the one that waits for it; -1: none */
	LocalTransactionId lxid;
	BackendId	backend_id;
	bool		holds;			/* more than a place in a queue */
	bool		writes;			/* a local one that must fail, sooner or later */
	bool		spared;			/* an older schema change */
} Waiter;

static const MtmTransaction *applying = NULL;
static MtmGid applying_gid;
static bool applying_ordered;	/* it has a place in the order: not a user's own */
static timer_t timer;

static Waiter waiters[MOST_WAITERS];
static int	waiter_count;
static bool behind_earlier;		/* there is one that must be waited for anyhow */

static volatile sig_atomic_t asked = false;
/* Of the wait that the timer saw last. */
static uint64 wait_start = 0;
static int	ticks = 0;

/*---------------------------------------------------------------------------
 * What becomes of those that are in the way.
 */
/* `behind`: who waits for the one that is told it, as in Waiter. */
static void
describe(MtmRefusal *refusal, int behind)
{
	char		row[sizeof(refusal->detail) - 64];
	int			node = applying_ordered ? applying_gid.coordinator : (int) applying->key.origin;

	MtmDescribedRowForOther(row, sizeof(row), behind == -1);
	memset(refusal, 0, sizeof(*refusal));
	refusal->node_id = mtm_node_id;
	refusal->sqlstate = ERRCODE_T_R_SERIALIZATION_FAILURE;
	snprintf(refusal->message, sizeof(refusal->message),
			 "could not serialize access due to a concurrent transaction on node %d", node);
	snprintf(refusal->detail, sizeof(refusal->detail),
			 "A transaction of node %d waits for %s.", node, row);
	strlcpy(refusal->hint, "Retry the transaction.", sizeof(refusal->hint));
}

static void
fail_local(const Waiter *waiter)
{
	MtmRefusal	refusal;

	describe(&refusal, waiter->behind);
	if (MtmWriterWound(waiter->pid, waiter->lxid, &refusal))
		MtmInterruptProcess(waiter->pid, waiter->backend_id);
}

static bool
is_earlier(const MtmGid *one, const MtmGid *other)
{
	if (one->start != other->start)
		return one->start < other->start;
	if (one->coordinator != other->coordinator)
		return one->coordinator < other->coordinator;
	return one->xid < other->xid;
}

/* Wound-wait: a later one must not hold up an earlier one. */
static void
judge_distributed(const char *text, int behind)
{
	MtmGid		gid;
	MtmRefusal	refusal;
	TransactionId xid;

	if (!applying_ordered || !MtmGidParse(text, &gid))
		return;
	if (!is_earlier(&applying_gid, &gid))
	{
		behind_earlier = true;
		return;
	}
	describe(&refusal, behind);
	xid = (TransactionId) gid.xid;
	if (gid.coordinator == mtm_node_id)
		MtmCommitWound(xid, gid.generation, &refusal);
	else
		(void) MtmSendWound(gid.coordinator, xid, gid.generation, &refusal);
}

/* By now it may have prepared it, and work on another. */
static bool
still_runs(const Waiter *waiter)
{
	PGPROC	   *process = BackendPidGetProc(waiter->pid);

	return process && process->lxid == waiter->lxid;
}

static void
judge_process(Waiter *waiter)
{
	MtmTransaction other;
	bool		schema;
	TimestampTz start;

	if (MtmTransactionOfWorker(waiter->pid, &other))
	{
		/* Who only keeps a place is overtaken by ending the one it waits for. */
		if (waiter->holds && still_runs(waiter))
			judge_distributed(other.gid, waiter->behind);
	}
	else if (MtmWriterLook(waiter->pid, waiter->lxid, &schema, &start))
	{
		waiter->spared = schema && (!applying_ordered || start < applying_gid.start);
		waiter->writes = !waiter->spared;
	}
}

/*
 * Who only keeps a place is let be while there is an earlier one to wait for: that may
 * well be the end of T, and then this one fails for nothing.
 */
static void
fail_locals(void)
{
	for (int i = 0; i < waiter_count; i++)
	{
		if (waiters[i].writes && (waiters[i].holds || !behind_earlier))
			fail_local(&waiters[i]);
	}
}

/* We wait for ourselves by way of a schema change that was to be left alone. */
static void
break_circle(int last)
{
	for (int i = last; i >= 0; i = waiters[i].behind)
	{
		if (waiters[i].spared)
		{
			fail_local(&waiters[i]);
			return;
		}
	}
}

/*---------------------------------------------------------------------------
 * Who is in the way.
 */
static Waiter *
find(int pid)
{
	for (int i = 0; i < waiter_count; i++)
	{
		if (waiters[i].pid == pid)
			return &waiters[i];
	}
	return NULL;
}

static Waiter *
add(const MtmBlocker *blocker, int behind)
{
	Waiter	   *waiter;

	if (waiter_count == MOST_WAITERS)
		return NULL;
	waiter = &waiters[waiter_count++];
	memset(waiter, 0, sizeof(*waiter));
	waiter->pid = blocker->pid;
	waiter->behind = behind;
	waiter->lxid = blocker->lxid;
	waiter->backend_id = blocker->backend_id;
	return waiter;
}

/* Not kept to the end of a transaction: waiting for them says nothing about it. */
static bool
is_short(const LOCKTAG *lock)
{
	return lock->locktag_type == LOCKTAG_RELATION_EXTEND ||
		lock->locktag_type == LOCKTAG_PAGE ||
		lock->locktag_type == LOCKTAG_SPECULATIVE_TOKEN ||
		lock->locktag_type == LOCKTAG_DATABASE_FROZEN_IDS;
}

static void
meet_process(const MtmBlocker *blocker, int behind)
{
	Waiter	   *waiter = find(blocker->pid);
	bool		known = waiter != NULL;
	/* A tuple's lock is a place in the queue for its row. */
	bool		holds = blocker->holds && blocker->lock.locktag_type != LOCKTAG_TUPLE;

	if (!known)
		waiter = add(blocker, behind);
	if (!waiter || (known && (waiter->holds || !holds)))
		return;
	waiter->holds = holds;
	judge_process(waiter);
}

/* `argument`: the index of the one that waits. */
static void
meet(const MtmBlocker *blocker, void *argument)
{
	int			behind = *(int *) argument;

	if (is_short(&blocker->lock))
		return;
	if (blocker->pid == 0)
		judge_distributed(blocker->gid, behind);
	else if (blocker->pid == MyProcPid)
		break_circle(behind);
	else
		meet_process(blocker, behind);
}

/* In ProcessInterrupts(), which the wait for the lock has called. */
static bool
look(void)
{
	MemoryContext context;
	MemoryContext old;
	int			first = -1;

	bool		deadlock = MtmDeadlockServe(applying ? MtmDescribedRow : NULL);

	if (!asked)
		return deadlock;
	asked = false;
	if (!applying || !IsWaitingForLock())
		return true;
	context = AllocSetContextCreate(TopMemoryContext, "multimaster conflict",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	waiter_count = 0;
	behind_earlier = false;
	MtmBlockersOf(MyProcPid, MyProc->lxid, meet, &first);
	for (int i = 0; i < waiter_count; i++)
		MtmBlockersOf(waiters[i].pid, waiters[i].lxid, meet, &i);
	fail_locals();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return true;
}

/* In a signal handler. */
static void
on_tick(SIGNAL_ARGS)
{
	int			save_errno = errno;
	uint64		start;

	if (!IsWaitingForLock() || proc_exit_inprogress)
		return;
	start = pg_atomic_read_u64(&MyProc->waitStart);
	if (start != wait_start)
		ticks = 0;
	wait_start = start;
	ticks++;
	if ((ticks & (ticks - 1)) == 0 || ticks % MOST_TICKS == 0)
	{
		asked = true;
		MtmInterruptSelf();
		SetLatch(MyLatch);
	}
	errno = save_errno;
}

/* 0: it stops. */
static void
tick_every(int ms)
{
	struct timespec every = {.tv_nsec = ms * 1000 * 1000L};
	struct itimerspec spec = {.it_interval = every, .it_value = every};

	(void) timer_settime(timer, 0, &spec, NULL);
}

void
MtmConflictBegin(const MtmTransaction *tx)
{
	applying_ordered = MtmGidParse(tx->gid, &applying_gid);
	applying = tx;
	tick_every(TICK_MS);
}

void
MtmConflictEnd(void)
{
	if (!applying)
		return;
	applying = NULL;
	tick_every(0);
}

/* See interrupt.c. */
void
MtmConflictCheckSettings(void)
{
	if (log_min_messages == FATAL || log_min_messages == PANIC)
		SetConfigOption("log_min_messages", "log", PGC_SUSET, PGC_S_OVERRIDE);
}

void
MtmConflictInitialize(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = TICK_SIGNAL};

	MtmConflictCheckSettings();
	pqsignal(TICK_SIGNAL, on_tick);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		ereport(FATAL, (errmsg("could not create a timer: %m")));
	MtmInterruptSetHandler(look);
}
