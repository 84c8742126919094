/*
 * The utility hook.
 *
 * Runs in: every process that runs statements.
 * Path: PostgreSQL's ProcessUtility -> here -> backend/commit.c for the end of
 *       transactions, backend/schema_change.c for all others
 * Locks: none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/advisory_locks.h"
#include "backend/causal_reads.h"
#include "backend/commit.h"
#include "backend/emptied_tables.h"
#include "backend/notifications.h"
#include "backend/schema_change.h"
#include "backend/statement_gate.h"
#include "backend/utility.h"
#include "backend/wound.h"
#include "backend/written.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"

static ProcessUtility_hook_type next_utility = NULL;

static void
run_next(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
		 ProcessUtilityContext context, ParamListInfo params,
		 QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	if (next_utility)
		next_utility(pstmt, query_string, read_only_tree, context, params,
					 query_env, dest, qc);
	else
		standard_ProcessUtility(pstmt, query_string, read_only_tree, context, params,
								query_env, dest, qc);
}

/* True when the statement was done here. */
static bool
transaction_statement(TransactionStmt *stmt, ProcessUtilityContext context,
					  QueryCompletion *qc)
{
	bool		top_level = context == PROCESS_UTILITY_TOPLEVEL;

	if (!top_level || MtmProcessExempt())
		return false;
	switch (stmt->kind)
	{
		case TRANS_STMT_COMMIT:
			if (!MtmCommitBlock(stmt->chain))
				return false;
			if (qc)
				SetQueryCompletion(qc, CMDTAG_COMMIT, 0);
			return true;
		case TRANS_STMT_PREPARE:
			return MtmPrepareByUser(stmt->gid);
		case TRANS_STMT_COMMIT_PREPARED:
			PreventInTransactionBlock(top_level, "COMMIT PREPARED");
			MtmFinishByUser(stmt->gid, true);
			return true;
		case TRANS_STMT_ROLLBACK_PREPARED:
			PreventInTransactionBlock(top_level, "ROLLBACK PREPARED");
			MtmFinishByUser(stmt->gid, false);
			return true;
		default:
			return false;
	}
}

static void
note_listen(Node *stmt)
{
	if (MtmProcessExempt())
		return;
	if (IsA(stmt, ListenStmt))
		MtmNotificationsListen(castNode(ListenStmt, stmt)->conditionname);
	else if (IsA(stmt, UnlistenStmt))
		MtmNotificationsUnlisten(castNode(UnlistenStmt, stmt)->conditionname);
}

static void
run_statement(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
				   ProcessUtilityContext context, ParamListInfo params,
				   QueryEnvironment *query_env, DestReceiver *dest,
				   QueryCompletion *qc)
{
	bool		before;

	before = MtmEmptiedTablesCreating(MtmCreatesEmptiedTable(pstmt->utilityStmt));
	PG_TRY();
	{
		MtmSchemaChangeUtility(run_next, pstmt, query_string, read_only_tree, context,
							   params, query_env, dest, qc);
	}
	PG_FINALLY();
	{
		(void) MtmEmptiedTablesCreating(before);
	}
	PG_END_TRY();
}

static void
on_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params,
		   QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;

	MtmWoundCheck();
	MtmAdvisoryCheck();
	MtmStatementGateUtility(stmt, context);
	MtmCausalUtility(pstmt);
	if (IsA(stmt, TransactionStmt))
	{
		MtmWoundTransactionStatement(castNode(TransactionStmt, stmt));
		if (!transaction_statement(castNode(TransactionStmt, stmt), context, qc))
			run_next(pstmt, query_string, read_only_tree, context, params, query_env,
					 dest, qc);
		MtmCausalUtilityEnded(pstmt);
		return;
	}
	run_statement(pstmt, query_string, read_only_tree, context, params, query_env,
					   dest, qc);
	note_listen(stmt);
	if (IsA(stmt, DiscardStmt) && castNode(DiscardStmt, stmt)->target == DISCARD_ALL)
		MtmAdvisoryDiscard();
	MtmCausalUtilityEnded(pstmt);
}

void
MtmUtilityInstallHooks(void)
{
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
}
