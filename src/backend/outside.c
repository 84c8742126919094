/*
 * Statements that run outside of transactions, on every node; see outside.h.
 *
 * Runs in: the client's backend.
 * Path: backend/schema_change.c -> here -> backend/outside_index.c and its like
 *       -> backend/outside_steps.c
 * Locks: one statement about a target at a time (outside_session.h).
 *
 * Steps of CREATE INDEX CONCURRENTLY:
 *  1 here      PostgreSQL's own, with all its errors
 *  2 publish   a commit on all nodes puts what it makes so into mtm.unfinished_statements
 *  3 nodes     each other online node runs it, one after the other
 *  4 record    a commit on all nodes: the row goes, and what is so now is a schema change
 *              of the kind `outside`, which nodes that are away will read
 * When one fails, the index is dropped everywhere by the same steps. DROP INDEX
 * CONCURRENTLY and DROP TABLESPACE run on the other nodes first: what failed is still here,
 * and the same statement may be tried again. DETACH PARTITION CONCURRENTLY cannot be undone:
 * the row comes first and stays until all nodes have it, and meanwhile nobody changes the
 * schema of the partitioned table (backend/detaching.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/drive.h"
#include "backend/outside.h"
#include "backend/outside_kinds.h"
#include "backend/outside_session.h"
#include "backend/schema_change_content.h"
#include "settings.h"
#include "shmem/view.h"
#include "tcop/cmdtag.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "wire/outside.h"

static void
run_statement(MtmOutsideClient *statement)
{
	switch (nodeTag(statement->node))
	{
		case T_IndexStmt:
			MtmOutsideCreateIndex(statement);
			break;
		case T_DropStmt:
			MtmOutsideDropIndex(statement);
			break;
		case T_AlterTableStmt:
			MtmOutsideDetachPartition(statement);
			break;
		case T_CreateTableSpaceStmt:
			MtmOutsideCreateTablespace(statement);
			break;
		case T_DropTableSpaceStmt:
			MtmOutsideDropTablespace(statement);
			break;
		default:
			elog(ERROR, "unexpected statement outside of transactions: %d",
				 (int) nodeTag(statement->node));
	}
}

static const char *
command_name(Node *node)
{
	const char *name = GetCommandTagName(CreateCommandTag(node));

	if (IsA(node, AlterTableStmt))
		return MtmDetachCommand((AlterTableStmt *) node)->subtype == AT_DetachPartition ?
			"ALTER TABLE ... DETACH CONCURRENTLY" : "ALTER TABLE ... DETACH FINALIZE";
	return IsA(node, IndexStmt) || IsA(node, DropStmt) ? psprintf("%s CONCURRENTLY", name) :
		name;
}

void
MtmOutsideStatement(const PlannedStmt *pstmt, const char *query_string,
					ProcessUtilityContext context, MtmRunHere run, const void *call)
{
	MtmViewData view = MtmViewGet();
	MemoryContext mine;
	MemoryContext old;
	MtmOutsideClient	statement = {.run = run,.call = call};

	PreventInTransactionBlock(context == PROCESS_UTILITY_TOPLEVEL,
							  command_name(pstmt->utilityStmt));
	if (view.status != MTM_ONLINE)
		MtmRefuseNotOnline(view.status);

	/* It outlives the transactions that are committed or rolled back on the way. */
	mine = AllocSetContextCreate(PortalContext, "multimaster statement",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(mine);
	statement.node = copyObject(pstmt->utilityStmt);
	statement.text = MtmStatementText(pstmt, query_string);
	statement.command = command_name(statement.node);
	ForgetPortalSnapshots();
	MtmOutsideBegin();
	PG_TRY();
	{
		run_statement(&statement);
	}
	PG_FINALLY();
	{
		MtmOutsideUnlock();
	}
	PG_END_TRY();
	MtmOutsideBegin();
	MemoryContextSwitchTo(old);
}
