/*
 * A lane: executes the outcomes of its share of one peer's transactions, strictly
 * in that peer's order.
 *
 * Runs in: a background worker per lane and peer.
 * Path: receiver/ -> shmem/lanes.c -> here: COMMIT / ROLLBACK PREPARED
 * Locks: the view's gate around a roll-back at the coordinator's request.
 *
 * Each lane owns a replication origin. COMMIT PREPARED advances it in the same WAL
 * record, so the lane's durable progress is exact, whatever crashes (I8). It is not
 * flushed here: what a crash takes away, the stream brings again.
 *
 * A transaction that is not prepared here when its outcome comes:
 *  - it was refused here, and this is the roll-back that follows;
 *  - its outcome was executed here already by a ballot;
 *  - it belongs to a generation that this node left before it came;
 *  - others committed it by a ballot that this node was not part of.
 * It is never passed as if it were here: see ended_here.
 *
 * Users' own transactions. A name may have been given to another one since, so only
 * what is known to be this one is ended by its name. A ballot may have ended it before
 * its outcome comes here: then the lane's progress alone is recorded, since the
 * PREPARE may be sent again.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "apply/lane.h"
#include "background.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "receiver/progress.h"
#include "replication/origin.h"
#include "settings.h"
#include "shmem/lanes.h"
#include "shmem/peers.h"
#include "shmem/shown.h"
#include "shmem/stop_point.h"
#include "shmem/view.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "wal/commit_prepared.h"
#include "wire/gid.h"
#include "wire/link_message.h"

/* So long an outcome may be in the stream before its generation is known to be over. */
#define LOST_MS 10000

static RepOriginId my_origin;
static XLogRecPtr my_end = InvalidXLogRecPtr;	/* of the newest commit record */

typedef enum Finished
{
	FINISHED_DONE,
	FINISHED_ABSENT,
	FINISHED_BUSY
} Finished;

/* COMMIT or ROLLBACK PREPARED in a transaction of its own. */
static Finished
finish(const char *gid, bool commit)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Finished result = FINISHED_DONE;

	StartTransactionCommand();
	PG_TRY();
	{
		if (commit)
			my_end = MtmCommitPrepared(gid);
		else
			FinishPreparedTransaction(gid, false);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		int			sqlstate = geterrcode();

		if (sqlstate == ERRCODE_UNDEFINED_OBJECT)
			result = FINISHED_ABSENT;
		else if (sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
			result = FINISHED_BUSY;
		else
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return result;
}

/* Somebody else may be ending it just now: look again until he has. */
static bool
finish_surely(const char *gid, bool commit)
{
	for (;;)
	{
		Finished	finished = finish(gid, commit);

		if (finished != FINISHED_BUSY)
			return finished == FINISHED_DONE;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
deliver_notifies(const MtmTransaction *tx)
{
	const char *at;
	const char *end;

	if (!DsaPointerIsValid(tx->notifies))
		return;
	at = dsa_get_address(MtmQueueArea(), tx->notifies);
	end = at + tx->notifies_size;
	replorigin_session_origin = DoNotReplicateId;
	StartTransactionCommand();
	while (at < end)
	{
		const char *channel = at;
		const char *payload = channel + strlen(channel) + 1;

		Async_Notify(channel, payload);
		at = payload + strlen(payload) + 1;
	}
	CommitTransactionCommand();
}

/*
 * Its COMMIT came, and it is not prepared here. Either it ended here already, by a
 * ballot of a newer generation; or this node is not in the cluster's present generation
 * any more, does not know it yet, and will recover it from a donor. Which of the two
 * the view tells sooner or later. But it cannot be online in a generation whose streams are not
 * read: so a receiver that begins anew is not kept waiting, it gets the outcome again. True: it
 * ended here.
 */
static bool
ended_here(const MtmLaneItem *item)
{
	int64		end_ms = MtmNowMs() + LOST_MS;

	for (;;)
	{
		MtmViewData view = MtmViewGet();

		if (view.donor != 0)
			return false;
		if (view.status == MTM_ONLINE && item->generation < view.generation)
			return true;
		if (MtmLaneDrop(item->key.origin, MtmLaneOf(item->key.xid)))
			return false;
		if (MtmNowMs() >= end_ms && view.status == MTM_ONLINE)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("transaction \"%s\" was committed on node %u and is not prepared here",
							item->gid, item->key.origin),
					 errhint("This node must be rebuilt from another one.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Is what is prepared under the name surely the one that is meant, until we end it? */
static bool
is_meant(const MtmLaneItem *item)
{
	return MtmGidIsOurs(item->gid) || MtmTransactionClaimForLane(&item->key);
}

/* Durable when it returns, as that of an outcome is. */
static void
record_progress(void)
{
	StartTransactionCommand();
	(void) GetTopTransactionId();
	ForceSyncCommit();
	CommitTransactionCommand();
}

/*
 * Nothing may pass that this node has not got, or the lane's progress would claim it. So
 * what comes while this node is away is dropped with its progress: it is recovered.
 */
static void
execute_outcome(const MtmLaneItem *item)
{
	bool		commit = item->action == MTM_LANE_COMMIT;
	MtmTransaction tx;
	bool		known;
	bool		done = false;

	/* The process before us died between executing it and saying so. */
	if (item->end_lsn <= replorigin_session_get_progress(false))
	{
		MtmTransactionForget(&item->key);
		return;
	}
	if (commit)
		MtmTransactionWaitApplied(&item->key);
	else
		MtmTransactionUndo(&item->key);
	known = MtmTransactionFind(&item->key, &tx);
	if (MtmViewAway())
		return;

	replorigin_session_origin = my_origin;
	replorigin_session_origin_lsn = item->end_lsn;
	replorigin_session_origin_timestamp = item->time;
	if (is_meant(item))
		done = finish_surely(item->gid, commit);
	if (!done && !MtmGidIsOurs(item->gid))
		record_progress();
	replorigin_session_origin = DoNotReplicateId;

	if (done && commit)
	{
		pg_atomic_fetch_add_u64(&MtmCountersGet()->applied, 1);
		if (known)
			deliver_notifies(&tx);
	}
	else if (commit && item->generation != 0 &&
			 !(known && tx.state == MTM_TX_PREPARED) && !ended_here(item))
		return;
	MtmTransactionForget(&item->key);
}

/* A transaction that was not received yet must not be prepared when it is. */
static void
refuse_in_advance(const MtmLaneItem *item)
{
	MtmTransaction tx;

	memset(&tx, 0, sizeof(tx));
	tx.key = item->key;
	tx.state = MTM_TX_REFUSED;
	tx.undo = true;
	tx.generation = item->generation;
	tx.since = GetCurrentTimestamp();
	strlcpy(tx.gid, item->gid, sizeof(tx.gid));
	tx.refusal.node_id = mtm_node_id;
	tx.refusal.sqlstate = ERRCODE_QUERY_CANCELED;
	strlcpy(tx.refusal.message, "transaction was rolled back by its coordinator",
			sizeof(tx.refusal.message));
	(void) MtmTransactionPut(&tx);
}

/*
 * The coordinator asks us to roll back. Only in the transaction's own generation may a
 * participant do so: later it is a ballot's to decide. What is not known here was not
 * received yet, or is over; the entry of what is over would stay for ever.
 */
static void
undo(const MtmLaneItem *item)
{
	MtmRefusal	refusal;

	if (MtmPeerCopy(item->key.origin).handled_lsn < item->end_lsn)
		refuse_in_advance(item);
	MtmTransactionUndo(&item->key);
	if (!MtmViewEnter(item->generation))
		return;
	replorigin_session_origin = DoNotReplicateId;
	if (is_meant(item))
		(void) finish_surely(item->gid, false);
	memset(&refusal, 0, sizeof(refusal));
	refusal.node_id = mtm_node_id;
	refusal.sqlstate = ERRCODE_QUERY_CANCELED;
	strlcpy(refusal.message, "transaction was rolled back by its coordinator",
			sizeof(refusal.message));
	MtmTransactionSetRefused(&item->key, &refusal);
	MtmSendUndone(item->key.origin, item->key.xid, item->generation);
	MtmViewLeave();
}

/* It was handed out, but is not shown here: the stream will bring it again. */
static void
note_dropped(const MtmLaneItem *item)
{
	MtmPeer    *slot = MtmPeerSlot(item->key.origin);

	SpinLockAcquire(&slot->mutex);
	slot->handled_lsn = Min(slot->handled_lsn, item->end_lsn - 1);
	SpinLockRelease(&slot->mutex);
}

static void
own_origin(int peer, int lane)
{
	char		name[NAMEDATALEN];

	MtmLaneOriginName(peer, lane, name);
	StartTransactionCommand();
	my_origin = replorigin_by_name(name, true);
	if (my_origin == InvalidRepOriginId)
		my_origin = replorigin_create(name);
	CommitTransactionCommand();
	StartTransactionCommand();
	replorigin_session_setup(my_origin);
	/* What the process before us did, and nobody may have flushed. */
	(void) replorigin_session_get_progress(true);
	CommitTransactionCommand();
	replorigin_session_origin = DoNotReplicateId;
}

void
MtmLaneMain(Datum argument)
{
	int			peer = DatumGetInt32(argument) / 256;
	int			lane = DatumGetInt32(argument) % 256;
	MemoryContext context;

	MtmBackgroundBegin(psprintf("lane %d/%d", peer, lane));
	own_origin(peer, lane);
	MtmLaneAttach(peer, lane);

	context = AllocSetContextCreate(TopMemoryContext, "multimaster lane",
									ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		MtmLaneItem item;
		XLogRecPtr	shown;
		bool		dropped;

		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		MtmReloadIfAsked();
		MtmLaneNext(peer, lane, &item);
		MtmStopPointPass(MTM_STOP_OUTCOME);
		if (item.action == MTM_LANE_UNDO)
			undo(&item);
		else if (!MtmLaneDropped(peer, lane))
			execute_outcome(&item);
		MtmStopPointPass(MTM_STOP_ENDED);
		dropped = MtmLaneDropped(peer, lane);
		if (dropped && item.action != MTM_LANE_UNDO)
			note_dropped(&item);
		MtmLaneFinish(peer, lane, my_end);
		if (!dropped && MtmShownNote(peer, &shown))
			(void) MtmSendShown(peer, shown);
	}
}
