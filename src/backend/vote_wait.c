/*
 * Waiting for the votes on one's own transaction.
 *
 * Runs in: the committing backend, in the empty transaction after PREPARE.
 * Path: link/receiver.c (votes into the slot) -> here -> backend/drive.c
 * Locks: none over a wait.
 *
 * The rules (PROTOCOL.md, "The commit" and "Abort by the coordinator"):
 *  1. All members said yes: the outcome is commit.
 *  2. Nodes that can never be found with the transaction prepared (they said no,
 *     or rolled it back at our request; we count ourselves, since we roll back
 *     before we tell) meet every quorum: the outcome is abort.
 *  3. A no that is not enough, a cancel, or a wound (docs/conflicts.md): ask the
 *     members to roll back, count them, and go on by rule 2. Rule 1 is out from then
 *     on: a yes may be undone.
 *  4. The generation moved on, or went on without this node: only the resolver, or
 *     recovery, can tell (MtmWaitForOutcome).
 *  5. Cancelled while nobody answers: stop waiting, it is in doubt.
 *
 * Interrupts are obeyed by reading their flags: an error thrown here would leave
 * the transaction prepared with nobody to drive it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "backend/vote_wait.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/view.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "utils/timeout.h"
#include "wire/gid.h"
#include "wire/link_message.h"

/* How often an unanswered request to roll back is repeated. */
#define ASK_AGAIN_MS 500
/* How often a gate that closed without a new generation is tried again. */
#define GATE_LOOK_MS 50
/* A latch that is set for nothing we know of costs one look at the slot. */
#define LOOK_AGAIN_MS 1000

static bool
told_to_stop(void)
{
	return QueryCancelPending || ProcDiePending;
}

static bool
can_never_commit(const MtmCommit *commit)
{
	MtmNodeSet	never = commit->never | MTM_NODE_BIT(mtm_node_id);
	MtmViewData view = MtmViewGet();

	return !MtmViewIsQuorum(&view, view.configured & ~never);
}

static void
ask_to_roll_back(const MtmCommit *commit)
{
	MtmForEachPeer(node_id)
	{
		if (MTM_IN_SET(commit->members, node_id) &&
			!MTM_IN_SET(commit->never, node_id))
			MtmSendUndo(node_id, commit->xid, commit->generation, commit->gid,
						GetXLogInsertRecPtr());
	}
}

static void
wait_latch(long timeout_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
}

static bool
resolved(const MtmCommit *commit, MtmVerdict *verdict)
{
	if (commit->outcome == MTM_OUTCOME_UNKNOWN)
		return false;
	*verdict = commit->outcome == MTM_OUTCOME_COMMIT ?
		MTM_VERDICT_COMMITTED : MTM_VERDICT_ABORTED;
	return true;
}

/*
 * PostgreSQL stops the clock of statement_timeout before it commits a statement
 * alone; a wait for others has to stand under it all the same.
 */
static bool
start_statement_clock(void)
{
	if (MyBackendType != B_BACKEND || StatementTimeout <= 0 ||
		get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	enable_timeout_at(STATEMENT_TIMEOUT,
					  TimestampTzPlusMilliseconds(GetCurrentStatementStartTimestamp(),
												  StatementTimeout));
	return true;
}

/* A user's own: only its user decides, and does not while its PREPARE is under way. */
static MtmVerdict
after_move(const MtmCommit *commit)
{
	return MtmGidIsOurs(commit->gid) ? MtmWaitForOutcome(0) : MTM_VERDICT_IN_DOUBT;
}

static MtmVerdict
wait_for_votes(void)
{
	bool		asked = false;
	TimestampTz asked_at = 0;
	TimestampTz stop_at = 0;

	for (;;)
	{
		MtmCommit	commit = MtmCommitLook();
		MtmNodeSet	peers = commit.members & ~MTM_NODE_BIT(mtm_node_id);
		MtmVerdict	verdict;
		TimestampTz now;

		if (resolved(&commit, &verdict))
			return verdict;
		if (commit.handed_over || MtmViewAway())
			return after_move(&commit);
		if (MtmNodeDropped(mtm_node_id))
			return MTM_VERDICT_IN_DOUBT;
		if (!asked && (commit.yes & peers) == peers)
			return MTM_VERDICT_COMMIT;
		if ((asked || commit.never != 0) && can_never_commit(&commit))
			return MTM_VERDICT_ABORT;

		if (commit.never == 0 && !commit.wounded && !told_to_stop() && !asked)
		{
			wait_latch(LOOK_AGAIN_MS);
			continue;
		}

		now = GetCurrentTimestamp();
		if (!asked)
		{
			MtmCommitSetAborting();
			asked = true;
		}
		if (told_to_stop())
		{
			if (stop_at == 0)
				stop_at = TimestampTzPlusMilliseconds(now, mtm_heartbeat_recv_timeout);
			else if (now >= stop_at)
				return MTM_VERDICT_IN_DOUBT;
		}
		if (asked_at == 0 ||
			TimestampDifferenceExceeds(asked_at, now, ASK_AGAIN_MS))
		{
			commit = MtmCommitLook();
			ask_to_roll_back(&commit);
			asked_at = now;
		}
		wait_latch(ASK_AGAIN_MS);
	}
}

MtmVerdict
MtmWaitForVotes(void)
{
	bool		started = start_statement_clock();
	MtmVerdict	verdict = wait_for_votes();

	/* The indicator stays: it says why we were told to stop. */
	if (started)
		disable_timeout(STATEMENT_TIMEOUT, true);
	return verdict;
}

MtmVerdict
MtmWaitForOutcome(long timeout_ms)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);

	for (;;)
	{
		MtmCommit	commit = MtmCommitLook();
		MtmVerdict	verdict;

		if (resolved(&commit, &verdict))
			return verdict;
		/* The others decide, and nobody tells a node that was dropped. */
		if (told_to_stop() || MtmNodeDropped(mtm_node_id))
			return MTM_VERDICT_IN_DOUBT;
		if (timeout_ms > 0 && GetCurrentTimestamp() >= end)
			return MTM_VERDICT_UNDECIDED;
		wait_latch(timeout_ms > 0 ? Min(timeout_ms, LOOK_AGAIN_MS) : LOOK_AGAIN_MS);
	}
}

MtmVerdict
MtmWaitForGate(uint64 generation)
{
	if (MtmViewGeneration() != generation)
		return MtmWaitForOutcome(0);
	return MtmWaitForOutcome(GATE_LOOK_MS);
}
