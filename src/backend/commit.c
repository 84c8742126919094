/*
 * The commit of a transaction that wrote replicated data.
 *
 * Runs in: backends and background workers of other extensions.
 * Path: COMMIT -> here: PREPARE -> sender/ ... votes -> COMMIT PREPARED -> client
 * Locks: the view's gate (shmem/view.h) around PREPARE and around the decision,
 *        never over the wait for votes.
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
#include "access/twophase.h"
#include "access/xact.h"
#include "commands/async.h"
#include "backend/commit.h"
#include "backend/notifications.h"
#include "backend/temp_tables.h"
#include "backend/vote_wait.h"
#include "backend/written.h"
#include "catalog/pg_authid_d.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "replication/message.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/hold.h"
#include "shmem/peers.h"
#include "shmem/stop_point.h"
#include "shmem/transactions.h"
#include "shmem/view.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timeout.h"
#include "wal/commit_prepared.h"
#include "wire/commit_message.h"
#include "wire/frame.h"
#include "wire/gid.h"

/* Inside our own PREPARE and what follows: callbacks pass over. */
static bool committing = false;
/* The transaction is prepared and its outcome is not decided: an abort now is
 * not its abort, and the resolver must hear of it. */
static bool prepared = false;
static char prepared_gid[MTM_GID_SIZE];
/* The transaction that follows delivers notifications: it is local. */
static bool delivering = false;
/* COMMIT or PREPARE TRANSACTION began, and the block is still open. */
static bool block_open = false;

static void
refuse_not_online(MtmStatus status)
{
	ereport(ERROR,
			(errcode(ERRCODE_CANNOT_CONNECT_NOW),
			 errmsg("multimaster node is not online: current status %s",
					MtmStatusName(status)),
			 errdetail("The transaction was rolled back.")));
}

/*
 * PREPARE everything up to here under `gid` and leave an empty transaction. The
 * block state is "started" (from inside) or that of a block.
 */
static void
prepare_under_gate(const char *gid, uint64 generation, bool from_inside)
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
	block_open = false;			/* from here on an error ends it */
	/* Everything that may wait for others has run: only local flushes follow. */
	if (!MtmViewEnter(generation))
		refuse_not_online(MtmViewGet().status);
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
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   context | SECURITY_LOCAL_USERID_CHANGE);
	if (commit)
		MtmSendersOutcome(MtmCommitPrepared(gid));
	else
	{
		FinishPreparedTransaction(gid, false);
		MtmSendersOutcome(XactLastRecEnd);
	}
	SetUserIdAndSecContext(user, context);
}

static void
report_in_doubt(const char *gid)
{
	MtmEventPut(MTM_EVENT_ORPHAN, mtm_node_id, gid, strlen(gid));
	pg_atomic_fetch_add_u64(&MtmCountersGet()->handed_over, 1);
	ereport(WARNING,
			(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
			 errmsg("the outcome of transaction \"%s\" is not known yet", gid),
			 errdetail("It will be committed or rolled back on all nodes."),
			 errhint("SELECT * FROM mtm.get_trans_by_gid('%s') tells later.", gid)));
}

static void
report_abort(const MtmCommit *commit)
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
static bool
drive_to_outcome(const char *gid, uint64 generation, bool *in_doubt)
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
			refuse_not_online(view.status);
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

	MtmCommitMessageOfGid(&message, gid);
	MtmCommitMessageLog(&message);

	committing = true;
	MtmStopPointPass(MTM_STOP_REGISTERED);
	prepare_under_gate(gid, view.generation, from_inside);

	committed = drive_to_outcome(gid, view.generation, &in_doubt);
	if (!committed)
	{
		MtmCommit	commit = MtmCommitLook();

		MtmNotificationsForget();
		MtmCommitEnd();
		if (in_doubt)
			report_in_doubt(gid);
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
		report_abort(&commit);
	}
	pg_atomic_fetch_add_u64(&MtmCountersGet()->commits, 1);
	MtmCommitEnd();
	MtmWrittenReset();
	if (used_temp)
		after_commit(remove_temporary_files,
					 "could not remove files of temporary tables");
	if (MtmNotificationsToDeliver())
		after_commit(deliver_notifications,
					 "could not deliver notifications of the committed transaction");
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
	bool		wrote = MtmWritten() && TransactionIdIsValid(GetTopTransactionIdIfAny());

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
	if (must_commit_everywhere(&notifies))
		commit_everywhere(true, notifies);
}

/* An error or the end of the process between PREPARE and the decision. */
static void
leave_orphan(void)
{
	MtmViewLeave();
	MtmSendersKeepPromise();
	if (prepared && MtmGidIsOurs(prepared_gid))
		MtmEventPut(MTM_EVENT_ORPHAN, mtm_node_id, prepared_gid, strlen(prepared_gid));
	prepared = false;
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
			leave_orphan();
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
	identity.generation = view.generation;
	identity.coordinator = mtm_node_id;
	identity.xid = GetTopTransactionId();
	MtmCommitMessageOfUser(&message, gid, &identity);
	MtmCommitMessageLog(&message);
	committing = true;
	prepare_under_gate(gid, view.generation, false);

	verdict = MtmWaitForVotes();
	if (verdict == MTM_VERDICT_ABORT && MtmViewEnter(view.generation))
	{
		MtmCommit	commit = MtmCommitLook();

		finish_prepared(gid, false);
		prepared = false;
		MtmViewLeave();
		MtmCommitEnd();
		RESUME_INTERRUPTS();
		report_abort(&commit);
	}
	MtmCommitEnd();
	MtmWrittenReset();
	prepared = false;
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
