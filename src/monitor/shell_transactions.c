/*
 * mtm.shell_transactions(): the distributed transactions that are now under way here.
 *
 * Runs in: any session.
 * Locks: MtmCommit.mutex of each slot; MtmTransactions->lock.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "monitor/rows.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "shmem/commits.h"
#include "shmem/transactions.h"

PG_FUNCTION_INFO_V1(mtm_shell_transactions);

static const char *
commit_state(const MtmCommit *commit)
{
	if (commit->outcome == MTM_OUTCOME_COMMIT)
		return "committed";
	if (commit->outcome == MTM_OUTCOME_ABORT)
		return "aborted";
	if (commit->handed_over || !TransactionIdIsValid(commit->xid))
		return "in doubt";
	return commit->aborting ? "aborting" : "voting";
}

static void
add_commit(FunctionCallInfo fcinfo, const MtmCommit *commit)
{
	MtmNodeSet	others = commit->members & ~MTM_NODE_BIT(mtm_node_id);
	MtmRow		row;

	MtmRowBegin(&row);
	MtmRowAddText(&row, commit->gid);
	MtmRowAddInt32(&row, mtm_node_id);
	MtmRowAddXid(&row, commit->xid);
	MtmRowAddText(&row, "coordinator");
	MtmRowAddText(&row, commit_state(commit));
	MtmRowAddTime(&row, commit->since);
	MtmRowAddPid(&row, commit->pid);
	MtmRowAddInt64(&row, commit->yes);
	MtmRowAddInt64(&row, others & ~commit->yes & ~commit->never);
	MtmRowAddInt64(&row, commit->generation);
	MtmRowPut(fcinfo, &row);
}

static const char *
transaction_state(const MtmTransaction *tx)
{
	switch (tx->state)
	{
		case MTM_TX_HELD:
			return "held";
		case MTM_TX_QUEUED:
			return "queued";
		case MTM_TX_APPLYING:
			return "applying";
		case MTM_TX_PREPARED:
			return "prepared";
		case MTM_TX_REFUSED:
			return "refused";
		case MTM_TX_ENDED:
			return "ended";
	}
	return "unknown";
}

static void
add_transaction(FunctionCallInfo fcinfo, const MtmTransaction *tx)
{
	MtmRow		row;

	MtmRowBegin(&row);
	MtmRowAddText(&row, tx->gid);
	MtmRowAddInt32(&row, tx->key.origin);
	MtmRowAddXid(&row, tx->key.xid);
	MtmRowAddText(&row, "participant");
	MtmRowAddText(&row, transaction_state(tx));
	MtmRowAddTime(&row, tx->since);
	MtmRowAddPid(&row, tx->worker_pid);
	MtmRowAddNull(&row);
	MtmRowAddNull(&row);
	MtmRowAddInt64(&row, tx->generation);
	MtmRowPut(fcinfo, &row);
}

Datum
mtm_shell_transactions(PG_FUNCTION_ARGS)
{
	MtmTransaction *list;
	int			count;

	MtmShellRequireConfigured();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < MtmCommitSlots(); i++)
	{
		MtmCommit	commit;

		if (MtmCommitCopy(i, &commit))
			add_commit(fcinfo, &commit);
	}
	list = MtmTransactionList(&count);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_transaction(fcinfo, &list[i]);
	}
	return (Datum) 0;
}
