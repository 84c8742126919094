/*
 * The monitor: hands what happened to the control plane (mtm.monitor_step, in
 * TypeScript), which acts through the shell_* functions.
 *
 * Runs in: a background worker, one per server.
 * Path: shmem/events.c, shmem/peers.c -> here -> mtm.monitor_step()
 * Locks: none over a step but those the step's functions take.
 *
 * The control plane's state lives in this session. Any error ends the process: a new
 * one starts a second later as a new incarnation, and until then this node is not
 * online. Between two steps there is no transaction, so vacuum is not held up.
 */
#include "postgres.h"

#include "access/xact.h"
#include "background.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "joining/arrival.h"
#include "joining/copy.h"
#include "miscadmin.h"
#include "monitor/database.h"
#include "monitor/deadlock_detector.h"
#include "monitor/event_list.h"
#include "monitor/monitor.h"
#include "monitor/referee.h"
#include "monitor/workers.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/lease.h"
#include "shmem/peers.h"
#include "shmem/view.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#define NAME "multimaster monitor"

static bool is_monitor = false;
static MemoryContext step_context = NULL;
static SPIPlanPtr step_plan = NULL;
static emit_log_hook_type previous_emit_log = NULL;

bool
MtmIsMonitor(void)
{
	return is_monitor;
}

void
MtmMonitorRegister(void)
{
	MtmBackgroundRegister(NAME, "MtmMonitorMain");
}

/* What the control plane logs is its own; that a step was running says nothing. */
static void
hide_context(ErrorData *edata)
{
	if (edata->elevel == LOG)
		edata->hide_ctx = true;
	if (previous_emit_log)
		previous_emit_log(edata);
}

static void
withdraw_at_exit(int code, Datum arg)
{
	MtmEventsSetMonitor(NULL);
	MtmViewWithdraw();
	MtmViewSetReport(NULL);
}

static void
start(void)
{
	MtmDatabaseConnect();
	MtmDatabaseWaitForExtension();

	MtmArrivalWait();
	MtmCopyPrepare();
	is_monitor = true;
	previous_emit_log = emit_log_hook;
	emit_log_hook = hide_context;
	before_shmem_exit(withdraw_at_exit, 0);
	MtmEventsSetMonitor(MyLatch);
	MtmLinksWant();
	MtmRefereeTry();
	step_context = AllocSetContextCreate(TopMemoryContext, "multimaster monitor step",
										 ALLOCSET_DEFAULT_SIZES);
}

static SPIPlanPtr
plan_of_step(void)
{
	Oid			argument_types[] = {JSONBOID};

	if (step_plan)
		return step_plan;
	step_plan = SPI_prepare("SELECT mtm.monitor_step($1)", 1, argument_types);
	if (!step_plan)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not prepare the control plane's step: %s",
						SPI_result_code_string(SPI_result))));
	SPI_keepplan(step_plan);
	return step_plan;
}

typedef struct Answer
{
	int64		next_ms;		/* never longer than a heartbeat */
	int64		lease_end_ms;
} Answer;

static int64
number_of(Jsonb *answer, const char *key)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(answer) ||
		!getKeyJsonValueFromContainer(&answer->root, key, strlen(key), &value) ||
		value.type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the control plane's step gave no number \"%s\"", key)));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(value.val.numeric)));
}

static Answer
run_step(Datum input)
{
	Datum		datum;
	Jsonb	   *json;
	Answer		answer;
	bool		isnull;
	int			code;

	code = SPI_execute_plan(plan_of_step(), &input, NULL, false, 1);
	if (code != SPI_OK_SELECT || SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the control plane's step gave no row: %s",
						SPI_result_code_string(code))));
	datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the control plane's step gave null")));
	json = DatumGetJsonbP(datum);
	answer.next_ms = number_of(json, "next_ms");
	answer.next_ms = Max(1, Min(answer.next_ms, mtm_heartbeat_send_timeout));
	answer.lease_end_ms = number_of(json, "lease_end_ms");
	return answer;
}

/* One step in a transaction of its own; returns when the next one is due. */
static int64
step(void)
{
	MemoryContext old = MemoryContextSwitchTo(step_context);
	StringInfoData text;
	Answer		answer;

	initStringInfo(&text);
	MtmEventListWrite(&text);

	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "multimaster control plane step");
	answer = run_step(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	if (MtmViewOnline())
		MtmLeaseSet(answer.lease_end_ms);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);

	MemoryContextSwitchTo(old);
	MemoryContextReset(step_context);
	return MtmNowMs() + answer.next_ms;
}

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	MtmReloadIfAsked();
}

void
MtmMonitorMain(Datum arg)
{
	int64		due_ms;

	start();
	due_ms = MtmNowMs();
	for (;;)
	{
		ResetLatch(MyLatch);
		serve_interrupts();
		MtmWorkersKeep();
		MtmDeadlockDetectorKeep();
		if (MtmNowMs() >= due_ms || MtmEventListPending())
			due_ms = step();
		else
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 Max(0, due_ms - MtmNowMs()), PG_WAIT_EXTENSION);
	}
}
