/*
 * Statements are answered only by a node that is online; see statement_gate.h.
 *
 * Runs in: every process that runs statements.
 * Path: the executor's and the utility hook -> here
 * Locks: none; it may wait for the monitor to renew the lease, interruptibly.
 *
 * A node that the majority left behind must not answer from what it has (I10). Let
 * through are the statements by which one finds out and mends: functions and views of
 * schema mtm, settings, the ends of transactions (which commit nothing that must be
 * committed everywhere), and all of a session with multimaster.bypass.
 *
 * What a client sends is looked at, not what runs inside of it: the depth of running
 * executors tells them apart. But inside of a statement that was let through to look,
 * nothing may read more than it could itself: query_to_xml() runs any query.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "backend/advisory_locks.h"
#include "backend/causal_reads.h"
#include "backend/replaced_calls.h"
#include "backend/statement_gate.h"
#include "backend/wound.h"
#include "backend/written.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "nodes/plannodes.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/lease.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#define SCHEMA "mtm"
/* How often a lease that ran out is looked at. */
#define LOOK_MS 10

static int	depth = 0;
/* The client's statement was let through because it only looks. */
static bool looking = false;
static ExecutorStart_hook_type next_start = NULL;
static ExecutorRun_hook_type next_run = NULL;
static ExecutorFinish_hook_type next_finish = NULL;

bool
MtmStatementNeedsLease(void)
{
	return !IsParallelWorker() && MtmLeaseNeeded() && !MtmProcessExempt();
}

static void
refuse(const char *status, const char *detail)
{
	ereport(mtm_break_connection ? FATAL : ERROR,
			(errcode(ERRCODE_CANNOT_CONNECT_NOW),
			 errmsg("multimaster node is not online: current status %s", status),
			 detail ? errdetail("%s", detail) : 0,
			 errhint("SELECT * FROM mtm.status() tells what it waits for; another node "
					 "may take the statement.")));
}

/* The monitor or its peers have been late: they are given the time that a peer would be. */
void
MtmWaitForLease(void)
{
	int64		end_ms = MtmNowMs() + mtm_heartbeat_recv_timeout;

	while (!MtmLeaseHolds())
	{
		MtmViewData view = MtmViewGet();

		if (view.status != MTM_ONLINE)
			refuse(MtmStatusName(view.status), NULL);
		if (MtmNowMs() >= end_ms)
			refuse("unknown", "No other node has confirmed lately that this one is not left "
				   "behind, or the process multimaster monitor does not answer.");
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Plans name functions by the hash values of their catalog rows. */
static bool
is_function_of_schema(Oid schema, uint32 hash_value)
{
	Relation	catalog = table_open(ProcedureRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_proc_pronamespace, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(schema));
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			id = ((Form_pg_proc) GETSTRUCT(tuple))->oid;

		found = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(id)) == hash_value;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

/* Nothing but schema mtm and catalogs; *of_schema: one of schema mtm at least. */
static bool
reads_only(const PlannedStmt *plan, Oid schema, bool *of_schema)
{
	ListCell   *cell;

	foreach(cell, plan->relationOids)
	{
		Oid			of = get_rel_namespace(lfirst_oid(cell));

		if (of != schema && of != PG_CATALOG_NAMESPACE)
			return false;
		*of_schema = *of_schema || of == schema;
	}
	return true;
}

static bool
calls_only(const PlannedStmt *plan, Oid schema, bool *of_schema)
{
	ListCell   *cell;

	foreach(cell, plan->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, cell);

		if (item->cacheId != PROCOID)
			continue;
		if (!is_function_of_schema(schema, item->hashValue) || MtmIsReplacement(item->hashValue))
			return false;
		*of_schema = true;
	}
	return true;
}

/* Does it only look at what schema mtm tells, and at catalogs beside it? */
static bool
only_looks(const PlannedStmt *plan)
{
	Oid			schema = get_namespace_oid(SCHEMA, true);
	bool		of_schema = false;

	return OidIsValid(schema) && plan->commandType == CMD_SELECT &&
		!plan->hasModifyingCTE && reads_only(plan, schema, &of_schema) &&
		calls_only(plan, schema, &of_schema) && of_schema;
}

static bool
looks_on(const PlannedStmt *plan)
{
	bool		of_schema = false;

	return reads_only(plan, get_namespace_oid(SCHEMA, true), &of_schema);
}

static void
judge_query(const PlannedStmt *plan)
{
	if (depth == 0)
		looking = false;
	if ((depth > 0 && !looking) || !MtmStatementNeedsLease() || MtmLeaseHolds())
		return;
	if (depth > 0 && looks_on(plan))
		return;
	looking = depth == 0 && only_looks(plan);
	if (!looking)
		MtmWaitForLease();
}

static void
on_start(QueryDesc *query, int eflags)
{
	MtmWoundCheck();
	MtmAdvisoryCheck();
	judge_query(query->plannedstmt);
	if (depth == 0 && !looking)
		MtmCausalQuery(query);
	if (next_start)
		next_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static void
on_run(QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once)
{
	depth++;
	PG_TRY();
	{
		if (next_run)
			next_run(query, direction, count, execute_once);
		else
			standard_ExecutorRun(query, direction, count, execute_once);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
}

static void
on_finish(QueryDesc *query)
{
	depth++;
	PG_TRY();
	{
		if (next_finish)
			next_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
}

/* Those that run a query in turn are looked at when they start it. */
static bool
is_harmless(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_TransactionStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_DiscardStmt:
		case T_ConstraintsSetStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_ExplainStmt:
		case T_ClosePortalStmt:
		case T_UnlistenStmt:
		case T_AlterSystemStmt:
		case T_LoadStmt:
		case T_CheckPointStmt:
			return true;
		default:
			return false;
	}
}

void
MtmStatementGateUtility(Node *statement, ProcessUtilityContext context)
{
	if (context > PROCESS_UTILITY_QUERY || is_harmless(statement) || depth > 0)
		return;
	if (MtmStatementNeedsLease() && !MtmLeaseHolds())
		MtmWaitForLease();
}

void
MtmStatementGateInstallHooks(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = on_start;
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = on_run;
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = on_finish;
}
