/*
 * A transaction from its PREPARE to its outcome; see drive.h.
 *
 * Runs in: backends and background workers of other extensions.
 * Path: backend/commit.c -> here: PREPARE -> sender/ ... votes -> COMMIT PREPARED
 * Locks: the view's gate (shmem/view.h) around PREPARE and around the decision,
 *        never over the wait for votes.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "backend/drive.h"
#include "backend/vote_wait.h"
#include "miscadmin.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/lease.h"
#include "shmem/peers.h"
#include "shmem/stop_point.h"
#include "superuser.h"
#include "utils/memutils.h"
#include "wal/commit_prepared.h"
#include "wire/gid.h"

/* The transaction is prepared and its outcome is not decided: an abort now is
 * not its abort, and the resolver must hear of it. */
static bool prepared = false;
static char prepared_gid[MTM_GID_SIZE];

void
MtmRefuseNotOnline(MtmStatus status)
{
	ereport(ERROR,
			(errcode(ERRCODE_CANNOT_CONNECT_NOW),
			 errmsg("multimaster node is not online: current status %s",
					MtmStatusName(status)),
			 errdetail("The transaction was rolled back.")));
}

/*
 * A user's name may be in use elsewhere, if this node was left behind and does not know it
 * yet: under the lease it was not. The gate is left by the error.
 */
static void
refuse_name_without_lease(const char *gid)
{
	MtmGid		parsed;

	if (MtmGidParse(gid, &parsed) || MtmLeaseHolds())
		return;
	MtmViewLeave();
	ereport(ERROR,
			(errcode(ERRCODE_CANNOT_CONNECT_NOW),
			 errmsg("transaction \"%s\" cannot be prepared: no other node has confirmed lately that this one is not left behind",
					gid),
			 errhint("Retry the transaction.")));
}

/*
 * PREPARE everything up to here under `gid` and leave an empty transaction. The
 * block state is "started" (from inside) or that of a block.
 */
void
MtmPrepareUnderGate(const char *gid, uint64 generation, bool from_inside,
					bool *block_open)
{
	if (from_inside)
	{
		BeginTransactionBlock();
		CommitTransactionCommand();
	}
	if (!PrepareTransactionBlock(gid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("could not prepare transaction \"%s\"", gid)));
	*block_open = false;		/* from here on an error ends it */
	/* Everything that may wait for others has run: only local flushes follow. */
	if (!MtmViewEnter(generation))
		MtmRefuseNotOnline(MtmViewGet().status);
	refuse_name_without_lease(gid);
	MtmSendersPromise();
	CommitTransactionCommand();
	/* To the outcome a cancel is obeyed by rules (vote_wait.c), not by an error. */
	HOLD_INTERRUPTS();
	MtmSendersWake();
	MtmViewLeave();
	strlcpy(prepared_gid, gid, sizeof(prepared_gid));
	prepared = true;
	StartTransactionCommand();
}

/*
 * COMMIT or ROLLBACK PREPARED as superuser: the transaction may have run under
 * another role (SET LOCAL ROLE), which ended with it.
 */
static void
finish_prepared(const char *gid, bool commit)
{
	MtmSavedUser saved;

	saved = MtmBecomeSuperuser();
	if (commit)
		MtmSendersOutcome(MtmCommitPrepared(gid));
	else
	{
		FinishPreparedTransaction(gid, false);
		MtmSendersOutcome(XactLastRecEnd);
	}
	MtmBecomeUser(saved);
}

void
MtmReportInDoubt(const char *gid)
{
	MtmEventPut(MTM_EVENT_ORPHAN, mtm_node_id, gid, strlen(gid));
	pg_atomic_fetch_add_u64(&MtmCountersGet()->handed_over, 1);
	ereport(WARNING,
			(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
			 errmsg("the outcome of transaction \"%s\" is not known yet", gid),
			 errdetail("It will be committed or rolled back on all nodes."),
			 errhint("SELECT * FROM mtm.get_trans_by_gid('%s') tells later.", gid)));
}

void
MtmReportAbort(const MtmCommit *commit)
{
	const MtmRefusal *refusal = &commit->refusal;
	bool		conflict = refusal->sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		refusal->sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;

	pg_atomic_fetch_add_u64(&MtmCountersGet()->aborts, 1);
	if (conflict)
		pg_atomic_fetch_add_u64(&MtmCountersGet()->conflicts, 1);

	/* A cancel that we obeyed: PostgreSQL's own words for it. */
	if (commit->aborting)
		CHECK_FOR_INTERRUPTS();

	if (refusal->node_id != 0)
		ereport(ERROR,
				(errcode(refusal->sqlstate),
				 errmsg("%s", refusal->message),
				 refusal->detail[0] != '\0' ?
				 errdetail("%s On node %d.", refusal->detail, refusal->node_id) :
				 errdetail("On node %d.", refusal->node_id),
				 refusal->hint[0] != '\0' ? errhint("%s", refusal->hint) : 0));
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("transaction aborted: the cluster changed while it was being committed"),
			 errhint("Retry the transaction.")));
}

/* Steps 4 and 5. Returns whether it was committed; an abort is left to report. */
static bool
drive(const char *gid, uint64 generation, bool *in_doubt)
{
	MtmVerdict	verdict;

	MtmStopPointPass(MTM_STOP_PREPARED);
	verdict = MtmWaitForVotes();
	MtmStopPointPass(MTM_STOP_DECIDED);
	*in_doubt = false;
	if (verdict == MTM_VERDICT_COMMIT || verdict == MTM_VERDICT_ABORT)
	{
		bool		commit = verdict == MTM_VERDICT_COMMIT;

		/* Isolated for a while and back in the same generation: still ours. */
		while (!MtmViewEnter(generation))
		{
			verdict = MtmWaitForGate(generation);
			if (verdict != MTM_VERDICT_UNDECIDED)
				break;
		}
		if (MtmViewInside())
		{
			finish_prepared(gid, commit);
			prepared = false;
			MtmViewLeave();
			MtmStopPointPass(MTM_STOP_COMMITTED);
			return commit;
		}
	}
	prepared = false;
	*in_doubt = verdict == MTM_VERDICT_IN_DOUBT;
	return verdict == MTM_VERDICT_COMMITTED;
}

/* An error must not look like an abort while the outcome is open. */
bool
MtmDriveToOutcome(const char *gid, uint64 generation, bool *in_doubt)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool committed = false;

	PG_TRY();
	{
		committed = drive(gid, generation, in_doubt);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!prepared)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
				 errmsg("the outcome of transaction \"%s\" is not known yet: %s", gid,
						error->message),
				 errdetail("It will be committed or rolled back on all nodes."),
				 errhint("SELECT * FROM mtm.get_trans_by_gid('%s') tells later.", gid)));
	}
	PG_END_TRY();
	return committed;
}

/* Inside the gate, which is left. */
void
MtmDriveRollBack(const char *gid)
{
	finish_prepared(gid, false);
	prepared = false;
	MtmViewLeave();
}

void
MtmDriveEnd(void)
{
	prepared = false;
}

/* An error or the end of the process between PREPARE and the decision. */
void
MtmDriveAbandon(void)
{
	MtmViewLeave();
	MtmSendersKeepPromise();
	if (prepared && MtmGidIsOurs(prepared_gid))
		MtmEventPut(MTM_EVENT_ORPHAN, mtm_node_id, prepared_gid, strlen(prepared_gid));
	prepared = false;
}
