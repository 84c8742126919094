/*
 * multimaster.causal_reads: where a statement waits for others' commits; see causal_reads.h.
 *
 * Runs in: client backends.
 * Path: the executor's and the utility hook -> here -> backend/wait_shown.c
 * Locks: none over a wait.
 *
 * No hook comes before PostgreSQL takes a statement's snapshot. So
 *  1. at READ COMMITTED a client's own statement waits when it has one already, and then takes
 *     another in its place. Queries inside of functions belong to the statement.
 *  2. At the levels above, the snapshot is that of the whole transaction: the block waits when
 *     it has begun, before it has one. A statement alone, outside of a block, has no such
 *     moment, and is refused.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/causal_reads.h"
#include "backend/statement_gate.h"
#include "backend/wait_shown.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#define LOOK_MS 10

/* The transaction whose snapshot will be new enough. */
static LocalTransactionId waited = InvalidLocalTransactionId;

/* Is it what the client sent, and not something inside of that? */
static bool
is_clients(const PlannedStmt *plan)
{
	return mtm_causal_reads && MyBackendType == B_BACKEND && ActivePortal &&
		list_member_ptr(ActivePortal->stmts, plan) && MtmStatementNeedsLease();
}

/* A node that is not online, and not known to be left behind, is looked at again. */
static void
wait_for_others(void)
{
	while (!MtmWaitCausal())
	{
		MtmWaitForLease();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
require_block(void)
{
	if (waited != MyProc->lxid)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("with multimaster.causal_reads a transaction at this isolation level "
						"must begin with BEGIN"),
				 errhint("Set multimaster.causal_reads before BEGIN; or use READ COMMITTED.")));
}

void
MtmCausalQuery(QueryDesc *query)
{
	if (!is_clients(query->plannedstmt))
		return;
	if (IsolationUsesXactSnapshot())
	{
		require_block();
		return;
	}
	wait_for_others();
	PopActiveSnapshot();
	PushCopiedSnapshot(GetTransactionSnapshot());
	UnregisterSnapshot(query->snapshot);
	query->snapshot = RegisterSnapshot(GetActiveSnapshot());
}

/* Those that run a query by a portal of its own wait there: EXECUTE, DECLARE. */
static bool
reads(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CopyStmt:
		case T_ExplainStmt:
		case T_CreateTableAsStmt:
		case T_RefreshMatViewStmt:
		case T_CallStmt:
		case T_DoStmt:
			return true;
		default:
			return false;
	}
}

/* As PortalRunUtility() made it. */
static void
renew_portal_snapshot(Portal portal)
{
	if (!portal->portalSnapshot || !ActiveSnapshotSet() ||
		portal->portalSnapshot != GetActiveSnapshot())
		return;
	PopActiveSnapshot();
	portal->portalSnapshot = NULL;
	PushActiveSnapshotWithLevel(GetTransactionSnapshot(), portal->createLevel);
	portal->portalSnapshot = GetActiveSnapshot();
}

void
MtmCausalUtility(const PlannedStmt *plan)
{
	if (!reads(plan->utilityStmt) || !is_clients(plan))
		return;
	if (IsolationUsesXactSnapshot())
	{
		require_block();
		return;
	}
	wait_for_others();
	renew_portal_snapshot(ActivePortal);
}

/* After BEGIN, or SET TRANSACTION. */
void
MtmCausalUtilityEnded(const PlannedStmt *plan)
{
	if (!mtm_causal_reads || !IsTransactionBlock() || !IsolationUsesXactSnapshot() ||
		FirstSnapshotSet || IsAbortedTransactionBlockState() ||
		waited == MyProc->lxid || !is_clients(plan))
		return;
	wait_for_others();
	waited = MyProc->lxid;
}
