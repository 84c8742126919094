/*
 * The commit of a transaction that wrote replicated data.
 *
 * Runs in: backends and background workers of other extensions.
 * Path: COMMIT -> here -> backend/drive.c: PREPARE, votes, COMMIT PREPARED -> client
 * Locks: none of its own.
 *
 * Two ways in, because PostgreSQL has two (see docs/commit_hook.md):
 *  - COMMIT of a transaction block is a statement, caught by the utility hook;
 *  - every other commit (autocommit, several statements in one message,
 *    procedures, DO, background workers) passes XACT_EVENT_PRE_COMMIT, where
 *    the block state still lets us turn the transaction into a prepared one and
 *    leave an empty one for the outer CommitTransaction to commit.
 *
 * Steps, named as the stop points are:
 *  1 check     this node is online in generation g, and no check holds commits
 *  2 register  the slot that votes find (before anybody can vote)
 *  3 prepare   under the gate of g
 *  4 votes     wait, in an empty transaction
 *  5 decide    COMMIT or ROLLBACK PREPARED under the gate of g; when the gate
 *              is closed the resolver decides and we only report
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "backend/advisory_locks.h"
#include "commands/async.h"
#include "backend/commit.h"
#include "backend/drive.h"
#include "backend/notifications.h"
#include "backend/sequence_moves.h"
#include "backend/temp_tables.h"
#include "backend/vote_wait.h"
#include "backend/wait_shown.h"
#include "backend/wound.h"
#include "backend/written.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "settings.h"
#include "shmem/hold.h"
#include "shmem/lanes.h"
#include "shmem/peers.h"
#include "shmem/stop_point.h"
#include "shmem/transactions.h"
#include "shmem/view.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timeout.h"
#include "wire/commit_message.h"
#include "wire/executed.h"
#include "wire/frame.h"
#include "wire/gid.h"

/* Inside our own PREPARE and what follows: callbacks pass over. */
static bool committing = false;
/* The transaction that follows delivers notifications: it is local. */
static bool delivering = false;
/* COMMIT or PREPARE TRANSACTION began, and the block is still open. */
static bool block_open = false;

/*
 * The transaction is committed: an error must not make it look undone, so it
 * becomes a warning. Ends the transaction and starts another.
 */
static void
after_commit(void (*step) (void), const char *warning)
{
	uint32		held = InterruptHoldoffCount;

	PG_TRY();
	{
		step();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(TopMemoryContext);
		error = CopyErrorData();
		FlushErrorState();
		InterruptHoldoffCount = held;	/* errors reset it */
		AbortCurrentTransaction();
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("%s: %s", warning, error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	StartTransactionCommand();
}

static void
remove_temporary_files(void)
{
	MtmTempTablesAfterOutcome(true);
}

static void
deliver_notifications(void)
{
	delivering = true;
	MtmNotificationsDeliver();
}

/*
 * A statement_timeout that came too late: PostgreSQL would report it even while
 * the session is idle. Inside a procedure it is not too late.
 */
static void
forget_timeout(bool from_inside)
{
	if (from_inside && ActivePortal)
		return;
	if (get_timeout_indicator(STATEMENT_TIMEOUT, true))
		QueryCancelPending = false;
}

static void
make_gid(const MtmViewData *view, char gid[MTM_GID_SIZE])
{
	MtmGid		parts;

	parts.coordinator = mtm_node_id;
	parts.xid = U64FromFullTransactionId(GetTopFullTransactionId());
	parts.generation = view->generation;
	parts.incarnation = view->incarnation;
	parts.start = GetCurrentTransactionStartTimestamp();
	MtmGidFormat(&parts, gid);
}

/* Steps 1 and 2, under a user's gid or, with NULL, one of ours that is put into `gid`. */
static MtmViewData
begin_commit(const char *user_gid, char gid[MTM_GID_SIZE])
{
	MtmViewData view;

	for (;;)
	{
		MtmHoldWait();
		view = MtmViewGet();
		if (view.status != MTM_ONLINE)
			MtmRefuseNotOnline(view.status);
		if (!user_gid)
			make_gid(&view, gid);
		MtmCommitBegin(user_gid ? user_gid : gid, GetTopTransactionId(),
					   view.generation, view.members);
		if (!MtmHoldInEffect())
			return view;
		MtmCommitEnd();
	}
}

/*
 * What a schema change read, and what it found in the catalogs, must be committed on a peer
 * before it runs there. Of nodes that are no members everything is, as it is older.
 */
static void
log_executed(MtmNodeSet members)
{
	MtmExecuted executed = {0};
	StringInfoData content;

	if (!MtmWrittenHasSchema())
		return;
	MtmForEachPeer(node_id)
	{
		if (MTM_IN_SET(members, node_id))
			executed[node_id - 1] = MtmLanesBegun(node_id);
	}
	initStringInfo(&content);
	MtmExecutedWrite(&content, executed);
	LogLogicalMessage(MTM_MESSAGE_EXECUTED, content.data, content.len, true);
	pfree(content.data);
}

/*
 * The whole commit, from a transaction whose deferred triggers and portals are
 * done, to the empty transaction that follows.
 */
static void
commit_everywhere(bool from_inside, bool notifies)
{
	char		gid[MTM_GID_SIZE];
	MtmViewData view = begin_commit(NULL, gid);
	MtmCommitMessage message;
	bool		used_temp;
	bool		in_doubt;
	bool		committed;

	used_temp = MtmTempTablesBeforePrepare();
	if (notifies)
		AtAbort_Notify();		/* taken already; PREPARE would refuse them */

	log_executed(view.members);
	MtmCommitMessageOfGid(&message, gid);
	MtmCommitMessageLog(&message);

	committing = true;
	MtmStopPointPass(MTM_STOP_REGISTERED);
	MtmPrepareUnderGate(gid, view.generation, from_inside, &block_open);

	committed = MtmDriveToOutcome(gid, view.generation, &in_doubt);
	if (!committed)
	{
		MtmCommit	commit = MtmCommitLook();

		MtmNotificationsForget();
		MtmCommitEnd();
		if (in_doubt)
			MtmReportInDoubt(gid);
		else if (used_temp)
			MtmTempTablesAfterOutcome(false);
		RESUME_INTERRUPTS();
		if (in_doubt)
		{
			CHECK_FOR_INTERRUPTS();
			ereport(ERROR,
					(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
					 errmsg("stopped waiting for the outcome of transaction \"%s\"", gid)));
		}
		MtmReportAbort(&commit);
	}
	pg_atomic_fetch_add_u64(&MtmCountersGet()->commits, 1);
	MtmCommitEnd();
	MtmWrittenReset();
	if (mtm_commit_level == MTM_COMMIT_APPLIED || mtm_wait_peer_commits)
		MtmWaitShownEverywhere(view.generation);
	if (used_temp)
		after_commit(remove_temporary_files,
					 "could not remove files of temporary tables");
	if (MtmNotificationsToDeliver())
		after_commit(deliver_notifications,
					 "could not deliver notifications of the committed transaction");
	MtmAdvisoryCommitted();
	forget_timeout(from_inside);
	RESUME_INTERRUPTS();
	committing = false;
}

/*
 * Must the running transaction be committed on all nodes? Deferred triggers and
 * portals have run. Takes the pending notifications if it must, or if they are
 * what makes it so.
 */
static bool
must_commit_everywhere(bool *notifies)
{
	bool		drew = MtmSequencesTellDrawn() > 0;
	bool		wrote = (MtmWritten() || drew) &&
		TransactionIdIsValid(GetTopTransactionIdIfAny());

	*notifies = MtmNotificationsPending();
	if (!*notifies)
	{
		MtmNotificationsForget();
		return wrote;
	}
	if (MtmViewGet().generation == 0 && !wrote)
		return false;			/* not in a cluster yet: NOTIFY is local */
	return MtmNotificationsTake() > 0 || wrote;
}

static void
on_pre_commit(void)
{
	bool		notifies;

	if (committing || delivering || MtmProcessExempt())
		return;
	MtmWoundCheck();
	MtmAdvisoryCheck();
	if (must_commit_everywhere(&notifies))
		commit_everywhere(true, notifies);
}

static void
on_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			on_pre_commit();
			break;
		case XACT_EVENT_ABORT:
			MtmDriveAbandon();
			MtmNotificationsForget();
			MtmCommitEnd();
			committing = false;
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
			delivering = false;
			if (!committing)
			{
				MtmWrittenReset();
				MtmTempTablesForget(event == XACT_EVENT_COMMIT);
				if (event == XACT_EVENT_COMMIT)
					MtmNotificationsForget();
			}
			break;
		case XACT_EVENT_PREPARE:
			if (!committing)
			{
				MtmWrittenReset();
				MtmTempTablesForget(true);
			}
			break;
		default:
			break;
	}
}

static void
end_subtransactions(void)
{
	MemoryContext context = CurrentMemoryContext;

	while (GetCurrentTransactionNestLevel() > 1)
		ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
}

/* What CommitTransaction does before its callbacks. */
static void
run_deferred(void)
{
	do
	{
		AfterTriggerFireDeferred();
	} while (PreCommit_Portals(false));
}

static bool
in_implicit_block(void)
{
	EndImplicitTransactionBlock();
	if (IsTransactionBlock())
		return false;
	BeginImplicitTransactionBlock();
	return true;
}

/* An error on the way to PREPARE must end the block, as one in COMMIT does. */
static void
mark_block_ended(void)
{
	if (block_open && !in_implicit_block())
		(void) EndTransactionBlock(false);
	block_open = false;
}

static bool
commit_block(void)
{
	bool		notifies;

	end_subtransactions();
	run_deferred();
	if (!must_commit_everywhere(&notifies))
		return false;
	commit_everywhere(false, notifies);
	return true;
}

bool
MtmCommitBlock(bool chain)
{
	volatile bool done = false;
	int			isolation = XactIsoLevel;
	bool		read_only = XactReadOnly;
	bool		deferrable = XactDeferrable;

	if (MtmProcessExempt() || !IsTransactionBlock() ||
		IsAbortedTransactionBlockState())
		return false;
	if (chain && in_implicit_block())
		return false;			/* PostgreSQL refuses it */

	block_open = true;
	PG_TRY();
	{
		done = commit_block();
	}
	PG_CATCH();
	{
		mark_block_ended();
		PG_RE_THROW();
	}
	PG_END_TRY();
	block_open = false;

	if (done && chain)
	{
		XactIsoLevel = isolation;
		XactReadOnly = read_only;
		XactDeferrable = deferrable;
		BeginTransactionBlock();
	}
	return done;
}

/* The one who may end it, on whatever node. */
static void
log_owner(void)
{
	char	   *name = GetUserNameFromId(GetUserId(), false);

	LogLogicalMessage(MTM_MESSAGE_OWNER, name, strlen(name) + 1, true);
}

static void
prepare_everywhere(const char *gid)
{
	MtmViewData view = begin_commit(gid, NULL);
	MtmIdentity identity;
	MtmCommitMessage message;
	MtmVerdict	verdict;

	log_owner();
	log_executed(view.members);
	identity.generation = view.generation;
	identity.coordinator = mtm_node_id;
	identity.xid = GetTopTransactionId();
	MtmCommitMessageOfUser(&message, gid, &identity);
	MtmCommitMessageLog(&message);
	committing = true;
	MtmPrepareUnderGate(gid, view.generation, false, &block_open);

	verdict = MtmWaitForVotes();
	if (verdict == MTM_VERDICT_ABORT && MtmViewEnter(view.generation))
	{
		MtmCommit	commit = MtmCommitLook();

		MtmDriveRollBack(gid);
		MtmCommitEnd();
		RESUME_INTERRUPTS();
		MtmReportAbort(&commit);
	}
	MtmCommitEnd();
	MtmWrittenReset();
	MtmDriveEnd();
	committing = false;
	forget_timeout(false);
	if (verdict != MTM_VERDICT_COMMIT)
		ereport(WARNING,
				(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
				 errmsg("transaction \"%s\" is prepared here, but not known to be prepared on all nodes",
						gid),
				 errhint("COMMIT PREPARED or ROLLBACK PREPARED ends it on all nodes.")));
	RESUME_INTERRUPTS();
}

/* Whatever it wrote, if anything: its name is the cluster's. */
static void
prepare_block(const char *gid)
{
	end_subtransactions();
	AfterTriggerFireDeferred();
	(void) MtmSequencesTellDrawn();
	prepare_everywhere(gid);
}

bool
MtmPrepareByUser(const char *gid)
{
	if (MtmProcessExempt())
		return false;
	if (MtmGidIsOurs(gid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("identifiers starting with \"%s\" are used by multimaster",
						MTM_GID_PREFIX)));
	if (!IsTransactionBlock() || IsAbortedTransactionBlockState())
		return false;

	block_open = true;
	PG_TRY();
	{
		MtmAdvisoryRefusePrepare();
		prepare_block(gid);
	}
	PG_CATCH();
	{
		mark_block_ended();
		PG_RE_THROW();
	}
	PG_END_TRY();
	block_open = false;
	return true;
}

void
MtmCommitInstallHooks(void)
{
	RegisterXactCallback(on_transaction_event, NULL);
	MtmTempTablesInstallHooks();
}
