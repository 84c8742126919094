/*
 * Calling a function as another node did; see function_call.h.
 *
 * Runs in: apply workers and the recovery process, inside the transaction they apply.
 * Path: apply/schema_change.c -> here -> the executor
 *
 * What the function leaves with the session would stay with the worker: settings and temporary
 * objects are looked after elsewhere, locks of the session are released here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "apply/function_call.h"
#include "backend/schema_change.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "storage/lock.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"

typedef struct Statement
{
	RawStmt    *parsed;
	const char *text;
} Statement;

static PlannedStmt *
plan(const Statement *statement)
{
	List	   *queries = pg_analyze_and_rewrite_fixedparams(statement->parsed, statement->text, NULL,
															 0, NULL);
	List	   *plans = pg_plan_queries(queries, statement->text, 0, NULL);

	if (list_length(plans) != 1 || linitial_node(PlannedStmt, plans)->commandType != CMD_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the call of a function is another kind of statement")));
	return linitial_node(PlannedStmt, plans);
}

static void
run(void *arg)
{
	const Statement *statement = arg;
	QueryDesc  *query;

	query = CreateQueryDesc(plan(statement), statement->text, GetActiveSnapshot(), InvalidSnapshot,
							None_Receiver, NULL, NULL, 0);
	ExecutorStart(query, 0);
	ExecutorRun(query, ForwardScanDirection, 0, true);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

void
MtmApplyFunctionCall(RawStmt *parsed, const char *text)
{
	Statement	statement = {parsed, text};

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	PG_TRY();
	{
		MtmSchemaChangeCall(NULL, "", run, &statement);
	}
	PG_FINALLY();
	{
		LockReleaseSession(USER_LOCKMETHOD);
	}
	PG_END_TRY();
	PopActiveSnapshot();
	CommandCounterIncrement();
}
