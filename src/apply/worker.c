/*
 * An apply worker: takes transactions of other nodes from the queue, applies
 * them, prepares them and votes.
 *
 * Runs in: a background worker of the pool.
 * Path: receiver/ -> shmem/worker_pool.c -> here: rows, PREPARE, vote -> link/
 * Locks: the view's gate around PREPARE and the vote (I2); before that, row and
 *        relation locks may be waited for, up to lock_timeout.
 *
 * Everything applied here has the origin DoNotReplicateId: other nodes get it
 * from its own node, not from us.
 */
#include "postgres.h"

#include "access/xact.h"
#include "apply/body.h"
#include "apply/conflict.h"
#include "apply/described_row.h"
#include "apply/earlier_commits.h"
#include "apply/lock_wait.h"
#include "apply/records.h"
#include "apply/relation.h"
#include "apply/worker.h"
#include "background.h"
#include "commands/trigger.h"
#include "link/votes.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "replication/origin.h"
#include "settings.h"
#include "shmem/bodies.h"
#include "shmem/peers.h"
#include "shmem/stop_point.h"
#include "shmem/transactions.h"
#include "shmem/view.h"
#include "shmem/worker_pool.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "wal/history.h"
#include "wire/commit_message.h"
#include "wire/link_message.h"

/* With the words around it, no more than fits into a refusal. */
#define WAITED_FOR_SIZE 200

static MtmApplied applied;
static MtmTransaction *in_hand = NULL;	/* taken, and neither prepared nor refused */

/* What lanes send after the commit: shared, since a lane is another process. */
static void
keep_notifies(const MtmTransaction *tx)
{
	dsa_pointer kept;

	if (applied.notifies.len == 0)
		return;
	kept = MtmQueueAllocate(applied.notifies.len);
	if (!DsaPointerIsValid(kept))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("no memory left for notifications of transaction \"%s\"", tx->gid),
				 errhint("Increase multimaster.queue_size.")));
	memcpy(dsa_get_address(MtmQueueArea(), kept), applied.notifies.data,
		   applied.notifies.len);
	MtmTransactionSetNotifies(&tx->key, kept, applied.notifies.len);
}

static MtmIdentity
identity_of(const MtmTransaction *tx)
{
	MtmIdentity identity = {
		.generation = tx->generation,
		.coordinator = tx->key.origin,
		.xid = tx->key.xid,
	};

	return identity;
}

/* So that a node that comes back can read from this one's WAL what it missed. */
static void
log_identity(const MtmTransaction *tx)
{
	MtmCommitMessage message;

	if (tx->flags & MTM_TX_USER_GID)
	{
		MtmIdentity identity = identity_of(tx);

		MtmApplyLogOwner(&applied);
		MtmCommitMessageOfUser(&message, tx->gid, &identity);
		message.coordinator_end_lsn = tx->prepare_end_lsn;
	}
	else
		MtmCommitMessageOfGid(&message, tx->gid);
	MtmCommitMessageLog(&message);
}

static void
refuse_old_generation(const MtmTransaction *tx)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("transaction aborted: the cluster changed while it was being committed"),
			 errdetail("It belongs to generation " UINT64_FORMAT ".", tx->generation),
			 errhint("Retry the transaction.")));
}

/*
 * Enter the gate of the transaction's generation, waiting while this node is
 * still on its way into it.
 */
static void
enter_gate(const MtmTransaction *tx)
{
	for (;;)
	{
		uint64		version = MtmViewVersion();

		if (MtmViewEnter(tx->generation))
			return;
		if (MtmViewGeneration() > tx->generation)
			refuse_old_generation(tx);
		MtmViewWaitChange(version, PG_WAIT_EXTENSION);
	}
}

/* Prepare; the role that does so is the owner. */
static void
prepare(void)
{
	Oid			me;
	int			context;

	GetUserIdAndSecContext(&me, &context);
	if (OidIsValid(applied.owner))
		SetUserIdAndSecContext(applied.owner, context | SECURITY_LOCAL_USERID_CHANGE);
	CommitTransactionCommand();
	SetUserIdAndSecContext(me, context);
}

static void
apply_and_prepare(MtmTransaction *tx)
{
	StartTransactionCommand();
	BeginTransactionBlock();
	CommitTransactionCommand();
	StartTransactionCommand();
	if ((tx->flags & MTM_TX_SCHEMA_CHANGE) && !MtmWaitEarlierCommits(tx))
		refuse_old_generation(tx);
	/* Invalidations of what was committed before this came must be seen. */
	AcceptInvalidationMessages();
	resetStringInfo(&applied.notifies);
	applied.owner = InvalidOid;
	MtmConflictBegin(tx);
	MtmApplyRecords(tx, &applied);
	MtmConflictEnd();
	MtmTransactionFreeBody(tx);
	keep_notifies(tx);
	log_identity(tx);

	if (!PrepareTransactionBlock(tx->gid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("could not prepare transaction \"%s\"", tx->gid)));
	MtmStopPointPass(MTM_STOP_APPLIED);
	enter_gate(tx);
	if (MtmTransactionUndoAsked(&tx->key))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("transaction was rolled back by its coordinator")));
	prepare();
	in_hand = NULL;
	MtmStopPointPass(MTM_STOP_VOTING);
	MtmTransactionEndApply(&tx->key, NULL);
	MtmSendYes(tx->key.origin, tx->key.xid, tx->generation);
	MtmViewLeave();
}

static void
describe_refusal(const ErrorData *error, const char *waited_for, MtmRefusal *refusal)
{
	memset(refusal, 0, sizeof(*refusal));
	refusal->node_id = mtm_node_id;
	refusal->sqlstate = error->sqlerrcode;
	strlcpy(refusal->message, error->message ? error->message : "unknown error",
			sizeof(refusal->message));
	if (error->detail)
		strlcpy(refusal->detail, error->detail, sizeof(refusal->detail));
	if (error->hint)
		strlcpy(refusal->hint, error->hint, sizeof(refusal->hint));
	if (MtmLockWaitFailed(error, refusal->detail, sizeof(refusal->detail)))
		return;
	/* Somebody who need not give way holds a lock. */
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		refusal->sqlstate = ERRCODE_T_R_SERIALIZATION_FAILURE;
		snprintf(refusal->message, sizeof(refusal->message),
				 "could not serialize access due to a lock that is held on node %d",
				 mtm_node_id);
		snprintf(refusal->detail, sizeof(refusal->detail),
				 "It waited longer than deadlock_timeout for %s.", waited_for);
		strlcpy(refusal->hint, "Retry the transaction.", sizeof(refusal->hint));
	}
}

static void
refuse(MtmTransaction *tx, const ErrorData *error, const char *waited_for)
{
	MtmRefusal	refusal;

	describe_refusal(error, waited_for, &refusal);
	MtmTransactionFreeBody(tx);
	if (tx->flags & MTM_TX_USER_GID)
	{
		MtmIdentity identity = identity_of(tx);

		MtmWalLogRefused(&identity);
	}
	MtmTransactionEndApply(&tx->key, &refusal);
	/* A cancel meant for this transaction must not reach the next. */
	QueryCancelPending = false;
	pg_atomic_fetch_add_u64(&MtmCountersGet()->refused, 1);
	(void) MtmVoteNo(&tx->key, tx->generation, &refusal);
	ereport(DEBUG1,
			(errmsg("node %d: refused transaction \"%s\": %s", mtm_node_id, tx->gid,
					refusal.message)));
}

/* Terminated while it applies: no other worker takes this transaction up. */
static void
gone(int code, Datum arg)
{
	MtmTransaction *tx = in_hand;
	ErrorData	error = {
		.sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE,
		.message = "transaction aborted: the process that applied it was terminated",
		.hint = "Retry the transaction."
	};

	if (!tx)
		return;
	in_hand = NULL;
	MtmViewLeave();
	MtmBodyClose();
	MtmConflictEnd();
	AbortOutOfAnyTransaction();
	refuse(tx, &error, NULL);
}

static void
handle(MtmTransaction *tx)
{
	MemoryContext context = CurrentMemoryContext;

	pgstat_report_activity(STATE_RUNNING, tx->gid);
	in_hand = tx;
	PG_TRY();
	{
		apply_and_prepare(tx);
	}
	PG_CATCH();
	{
		char		waited_for[WAITED_FOR_SIZE];
		ErrorData  *error;

		HOLD_INTERRUPTS();
		MtmConflictEnd();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		MtmDescribedRow(waited_for, sizeof(waited_for));
		MtmViewLeave();
		MtmBodyClose();
		MtmRelationsForget();
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(context);
		in_hand = NULL;
		refuse(tx, error, waited_for);
		FreeErrorData(error);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	QueryCancelPending = false;
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(false);
}

static void
set_lock_timeout(void)
{
	char		value[32];

	/* A little more: what PostgreSQL itself does at deadlock_timeout comes first. */
	snprintf(value, sizeof(value), "%d", DeadlockTimeout + DeadlockTimeout / 2 + 1);
	SetConfigOption("lock_timeout", value, PGC_SUSET, PGC_S_OVERRIDE);
}

void
MtmApplyWorkerMain(Datum unused)
{
	MemoryContext context;
	MtmTransaction tx;

	MtmBackgroundBegin("apply worker");
	MtmWorkerRegister();
	MtmConflictInitialize();
	before_shmem_exit(gone, 0);
	SetConfigOption("session_replication_role", "replica", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("check_function_bodies", "off", PGC_SUSET, PGC_S_OVERRIDE);
	set_lock_timeout();
	replorigin_session_origin = DoNotReplicateId;

	initStringInfo(&applied.notifies);
	context = AllocSetContextCreate(TopMemoryContext, "multimaster apply",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	while (MtmTransactionTake(&tx))
	{
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			MtmConflictCheckSettings();
			set_lock_timeout();
		}
		handle(&tx);
		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
	}
}
