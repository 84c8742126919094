/*
 * The receiver: reads one peer's replication stream and hands on what is in it.
 *
 * Runs in: a background worker per peer.
 * Path: receiver/stream.c -> here -> the pool (transactions) and the lanes (outcomes)
 * Locks: none of its own.
 *
 * It never waits for anything that the stream itself might bring: bodies that do
 * not fit in memory go to disk, and a full lane only waits for its own process.
 *
 * Exactly once (PROTOCOL.md, "Applying", I8). The stream is sent again from the
 * confirmed position after a reconnect or a crash:
 *  1. a transaction that shared memory still knows, or that is prepared here, is not put in again;
 *  2. of the others, those whose PREPARE lies at or before their lane's progress
 *     may have been executed already: they are held. Their outcome, if it lies
 *     at or before the progress too, was executed: both are dropped;
 *  3. once the stream has passed the lane's progress, what is still held was not
 *     executed, and is applied;
 *  4. a transaction of an older generation is dropped: this node promised not to
 *     prepare it any more (I2), and the ballot knows that.
 *
 * A node that was away reads a donor instead (recovery/): then this process ends.
 *
 * Schema changes. What follows one in the stream may need it: it is held until
 * the change's outcome was executed. Only what follows the outcome needs the change of
 * a user's own two-phase transaction, which may come late: it holds nothing before.
 */
#include "postgres.h"

#include "access/xact.h"
#include "background.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "receiver/in_flight.h"
#include "receiver/progress.h"
#include "receiver/receiver.h"
#include "receiver/spill.h"
#include "receiver/stream.h"
#include "settings.h"
#include "shmem/bodies.h"
#include "shmem/events.h"
#include "shmem/peers.h"
#include "shmem/shown.h"
#include "shmem/view.h"
#include "shmem/worker_pool.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "wal/history.h"
#include "wire/frame.h"
#include "wire/gid.h"
#include "wire/link_message.h"

/* Also what wakes the peer's walsender when nothing else does (sender/wakeup.c). */
#define FEEDBACK_MS 200

/* So long it goes on without a link to its peer: links break and come back. */
#define WITHOUT_LINK_MS 500

typedef struct Waiting
{
	MtmTransactionKey key;
	int			lane;
	bool		schema_change;
	XLogRecPtr	end_lsn;
} Waiting;

static int	peer;
static TransactionId partial = InvalidTransactionId;	/* its parts are coming */
static List *held = NIL;		/* Waiting: may have been executed already */
static List *behind = NIL;		/* Waiting: behind a schema change */
static List *users = NIL;		/* Waiting: users' own, see wait_for_users */
static XLogRecPtr repeated_up_to;	/* all that was sent before lies before it */
static List *prepared = NIL;	/* gids, see load_prepared */
static TransactionId schema_change = InvalidTransactionId;

/*---------------------------------------------------------------------------
 * Handing transactions on.
 */
static Waiting *
waiting(const MtmTransaction *tx)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Waiting    *item = palloc(sizeof(*item));

	item->key = tx->key;
	item->lane = MtmLaneOf(tx->key.xid);
	item->schema_change = (tx->flags & MTM_TX_SCHEMA_CHANGE) &&
		!(tx->flags & MTM_TX_USER_GID);
	item->end_lsn = tx->prepare_end_lsn;
	MemoryContextSwitchTo(old);
	return item;
}

static List *
add(List *list, Waiting *item)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	list = lappend(list, item);
	MemoryContextSwitchTo(old);
	return list;
}

static void
start(Waiting *item)
{
	if (TransactionIdIsValid(schema_change))
	{
		behind = add(behind, item);
		return;
	}
	if (item->schema_change)
		schema_change = item->key.xid;
	MtmTransactionQueue(&item->key);
	pfree(item);
}

static void
schema_change_ended(void)
{
	List	   *waited = behind;
	ListCell   *cell;

	schema_change = InvalidTransactionId;
	behind = NIL;
	foreach(cell, waited)
		start(lfirst(cell));
	list_free(waited);
}

/* Rule 3. */
static void
release_passed(XLogRecPtr position)
{
	ListCell   *cell;

	foreach(cell, held)
	{
		Waiting    *item = lfirst(cell);

		if (position > MtmProgressOf(item->lane))
		{
			held = foreach_delete_current(held, cell);
			start(item);
		}
	}
}

/* Rule 2: the outcome of a held transaction was executed before. */
static void
drop_held(TransactionId xid)
{
	ListCell   *cell;

	foreach(cell, held)
	{
		Waiting    *item = lfirst(cell);

		if (item->key.xid != xid)
			continue;
		held = foreach_delete_current(held, cell);
		MtmTransactionUndo(&item->key);
		MtmTransactionForget(&item->key);
		pfree(item);
	}
}

/*
 * What waits behind a schema change and is rolled back was never applied. It must not
 * be started either: as a schema change it would wait for an outcome that has passed.
 */
static void
drop_behind(TransactionId xid)
{
	ListCell   *cell;

	foreach(cell, behind)
	{
		Waiting    *item = lfirst(cell);

		if (item->key.xid != xid)
			continue;
		behind = foreach_delete_current(behind, cell);
		pfree(item);
	}
}

/*
 * The schema change that a receiver before us handed out: what follows in the stream
 * waits for it, as it would have then.
 */
static void
find_schema_change(void)
{
	int			count;
	MtmTransaction *list = MtmTransactionList(&count);

	for (int i = 0; i < count; i++)
	{
		if (list[i].key.origin == peer && list[i].state != MTM_TX_REFUSED &&
			(list[i].flags & MTM_TX_SCHEMA_CHANGE) &&
			!(list[i].flags & MTM_TX_USER_GID))
			schema_change = list[i].key.xid;
	}
	pfree(list);
}

/*
 * Nobody but us would ever start what waits here. It was not confirmed, so the stream
 * brings it again to the receiver after us.
 */
static void
forget_waiting(List *list)
{
	MtmPeer    *slot = MtmPeerSlot(peer);
	ListCell   *cell;

	foreach(cell, list)
	{
		Waiting    *item = lfirst(cell);

		SpinLockAcquire(&slot->mutex);
		slot->handled_lsn = Min(slot->handled_lsn, item->end_lsn - 1);
		SpinLockRelease(&slot->mutex);
		MtmTransactionUndo(&item->key);
		MtmTransactionForget(&item->key);
	}
}

/* gids that are prepared here as streaming starts: none is prepared again. */
static void
load_prepared(void)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute("SELECT gid FROM pg_catalog.pg_prepared_xact()", true, 0) !=
		SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not read the prepared transactions")));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		char	   *gid = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		prepared = lappend(prepared, MemoryContextStrdup(TopMemoryContext, gid));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static bool
known_already(const MtmTransaction *tx)
{
	ListCell   *cell;

	/* A user may use a gid again: only what is sent again is looked up by it. */
	if (tx->prepare_end_lsn > repeated_up_to)
		return MtmTransactionFind(&tx->key, NULL);
	foreach(cell, prepared)
	{
		if (strcmp(lfirst(cell), tx->gid) == 0)
			return true;
	}
	return MtmTransactionFind(&tx->key, NULL);
}

/*
 * A user's PREPARE that is never prepared here, as its generation is over. Without this
 * recovery would take what lies before the lane's progress for having been here
 * (docs/majority.md, 3.7).
 */
static void
note_passed_over(const MtmTransaction *tx)
{
	MtmIdentity identity = {
		.generation = tx->generation,
		.coordinator = tx->key.origin,
		.xid = tx->key.xid,
	};

	if ((tx->flags & MTM_TX_USER_GID) && tx->generation < MtmViewGeneration() &&
		!known_already(tx))
		MtmWalLogRefused(&identity);
}

static void
on_prepare(const MtmFrame *frame)
{
	MtmTransaction tx;

	memset(&tx, 0, sizeof(tx));
	tx.key.origin = peer;
	tx.key.xid = frame->xid;
	tx.state = MTM_TX_HELD;
	strlcpy(tx.gid, frame->gid, sizeof(tx.gid));
	tx.generation = frame->generation;
	tx.flags = frame->flags;
	tx.prepare_end_lsn = frame->end_lsn;
	tx.since = GetCurrentTimestamp();

	if ((tx.flags & MTM_TX_INCOMPLETE) || tx.generation < MtmViewGeneration() ||
		known_already(&tx))
	{
		note_passed_over(&tx);
		MtmBodyDrop();
		return;
	}
	MtmBodyAdd(frame->bytes, frame->size);
	MtmBodyStore(&tx);
	if (!MtmTransactionPut(&tx))
	{
		/* Its coordinator asked us to roll it back before it came. */
		MtmTransactionFreeBody(&tx);
		return;
	}
	MtmInFlightPrepare(&tx.key, tx.prepare_end_lsn);
	if (tx.flags & MTM_TX_USER_GID)
		users = add(users, waiting(&tx));
	if (tx.prepare_end_lsn <= MtmProgressOf(MtmLaneOf(tx.key.xid)))
		held = add(held, waiting(&tx));
	else
		start(waiting(&tx));
}

/*
 * A lane's progress must not pass a user's PREPARE that is neither prepared nor refused
 * here: recovery takes what lies before the progress for having been prepared
 * (docs/majority.md, 3.7). What is held waits for an outcome itself, and is not waited for.
 */
static void
wait_for_users(int lane, TransactionId except)
{
	ListCell   *cell;

	foreach(cell, users)
	{
		Waiting    *item = lfirst(cell);
		MtmTransaction tx;

		if (item->lane != lane)
			continue;
		if (MtmTransactionFind(&item->key, &tx) && tx.state == MTM_TX_HELD)
			continue;
		if (item->key.xid != except)
			MtmTransactionWaitApplied(&item->key);
		users = foreach_delete_current(users, cell);
		pfree(item);
	}
}

/* After a restart nobody knows which of the users' transactions changed the schema. */
static bool
may_change_schema(const MtmFrame *frame)
{
	MtmTransactionKey key = {.origin = peer, .xid = frame->xid};
	MtmTransaction tx;

	return frame->xid == schema_change ||
		(!MtmGidIsOurs(frame->gid) &&
		 (!MtmTransactionFind(&key, &tx) || (tx.flags & MTM_TX_SCHEMA_CHANGE)));
}

static void
on_outcome(const MtmFrame *frame)
{
	MtmLaneItem item;
	MtmGid		gid;
	uint64		number;
	int			lane = MtmLaneOf(frame->xid);
	bool		awaited = may_change_schema(frame);

	if (frame->end_lsn <= MtmProgressOf(lane))
	{
		drop_held(frame->xid);
		return;
	}
	memset(&item, 0, sizeof(item));
	item.action = frame->kind == MTM_FRAME_COMMIT ? MTM_LANE_COMMIT : MTM_LANE_ROLLBACK;
	item.key.origin = peer;
	item.key.xid = frame->xid;
	strlcpy(item.gid, frame->gid, sizeof(item.gid));
	item.generation = MtmGidParse(frame->gid, &gid) ? gid.generation : 0;
	item.end_lsn = frame->end_lsn;
	item.time = frame->time;
	if (frame->kind == MTM_FRAME_ROLLBACK)
		drop_behind(frame->xid);
	wait_for_users(lane, frame->xid);
	number = MtmLanePut(peer, lane, &item, true);
	MtmInFlightOutcome(peer, lane, number, frame->end_lsn);

	if (awaited)
		MtmLaneWaitDone(peer, lane, number);
	if (frame->xid == schema_change)
		schema_change_ended();
}

/* After it was handed out: what lies before and is not known here is over. */
static void
note_handled(XLogRecPtr end_lsn)
{
	MtmPeer    *slot = MtmPeerSlot(peer);
	XLogRecPtr	shown;

	SpinLockAcquire(&slot->mutex);
	slot->handled_lsn = Max(slot->handled_lsn, end_lsn);
	SpinLockRelease(&slot->mutex);
	if (MtmShownNote(peer, &shown))
		(void) MtmSendShown(peer, shown);
}

static void
on_frame(StringInfo in)
{
	MtmFrame	frame;

	MtmFrameRead(in, &frame);
	/* The walsender began another one: the earlier was not ours to have. */
	if (frame.xid != partial)
		MtmBodyDrop();
	if (frame.kind == MTM_FRAME_PART)
	{
		partial = frame.xid;
		MtmBodyAdd(frame.bytes, frame.size);
		return;
	}
	partial = InvalidTransactionId;
	release_passed(frame.end_lsn);
	if (frame.kind == MTM_FRAME_PREPARE)
		on_prepare(&frame);
	else
		on_outcome(&frame);
	note_handled(frame.end_lsn);
}

/*---------------------------------------------------------------------------
 * The process.
 */
static void
tell(bool streaming)
{
	MtmPeer    *slot = MtmPeerSlot(peer);

	SpinLockAcquire(&slot->mutex);
	slot->stream = streaming;
	slot->receiver_pid = streaming ? MyProcPid : 0;
	if (streaming)
		slot->receiver_started = GetCurrentTimestamp();
	SpinLockRelease(&slot->mutex);
	MtmMonitorWake();
}

static void
gone(int code, Datum arg)
{
	tell(false);
	MtmBodyDrop();
	forget_waiting(held);
	forget_waiting(behind);
}

static void
note_received(XLogRecPtr received)
{
	MtmPeer    *slot = MtmPeerSlot(peer);

	SpinLockAcquire(&slot->mutex);
	slot->received_lsn = Max(slot->received_lsn, received);
	SpinLockRelease(&slot->mutex);
}

static void
feedback(XLogRecPtr received)
{
	XLogRecPtr	done = MtmInFlightDone(received);
	XLogRecPtr	confirmed;
	MtmPeer    *slot = MtmPeerSlot(peer);

	MtmLanesFlush(peer);
	SpinLockAcquire(&slot->mutex);
	slot->done_lsn = done;
	/* What others of the peer's WAL is not here yet, we may need some day. */
	confirmed = slot->confirmed_lsn = Min(done, slot->horizon_lsn);
	SpinLockRelease(&slot->mutex);
	MtmStreamConfirm(received, confirmed);
}

/*
 * A server that shuts down waits until its walsenders' peers have confirmed all, which
 * we cannot do without its control plane: no horizon comes any more. Its links end
 * before, and without a link nobody starts a receiver (monitor/workers.c).
 */
static void
end_without_link(void)
{
	static int64 lost_ms = 0;

	if (MtmPeerCopy(peer).link_out)
		lost_ms = 0;
	else if (lost_ms == 0)
		lost_ms = MtmNowMs();
	else if (MtmNowMs() - lost_ms >= WITHOUT_LINK_MS)
		proc_exit(0);
}

static void
stream_for_ever(void)
{
	XLogRecPtr	received = InvalidXLogRecPtr;
	TimestampTz last_feedback = GetCurrentTimestamp();

	for (;;)
	{
		StringInfoData frame;
		XLogRecPtr	position = InvalidXLogRecPtr;
		bool		reply;
		MtmStreamEvent event = MtmStreamNext(&frame, &position, &reply, FEEDBACK_MS);

		CHECK_FOR_INTERRUPTS();
		if (MtmViewAway())
			proc_exit(0);
		MtmReloadIfAsked();
		if (event != MTM_STREAM_NOTHING && position > received)
		{
			received = position;
			note_received(received);
		}
		if (event == MTM_STREAM_FRAME)
			on_frame(&frame);
		if (event == MTM_STREAM_KEEPALIVE)
		{
			release_passed(position);
			note_handled(position);
		}
		if (reply || event == MTM_STREAM_NOTHING ||
			TimestampDifferenceExceeds(last_feedback, GetCurrentTimestamp(), FEEDBACK_MS))
		{
			end_without_link();
			feedback(received);
			last_feedback = GetCurrentTimestamp();
		}
	}
}

/* Positions of a receiver before us say nothing of what this one has done. */
static void
begin_unconfirmed(void)
{
	MtmPeer    *slot = MtmPeerSlot(peer);

	SpinLockAcquire(&slot->mutex);
	slot->done_lsn = slot->horizon_lsn = InvalidXLogRecPtr;
	SpinLockRelease(&slot->mutex);
}

/* What is older than the generation in which this node is online is all here. */
static uint64
start_of_generation(void)
{
	MtmViewData view = MtmViewGet();

	return view.status == MTM_ONLINE ? view.generation : 0;
}

void
MtmReceiverMain(Datum argument)
{
	bool		read_before;

	peer = DatumGetInt32(argument);
	MtmBackgroundBegin(psprintf("receiver %d", peer));
	before_shmem_exit(gone, 0);
	read_before = MtmProgressLoad(peer);
	begin_unconfirmed();
	MtmStreamConnect(peer);
	repeated_up_to = MtmStreamOpen(peer, read_before, start_of_generation());
	load_prepared();
	find_schema_change();
	tell(true);
	stream_for_ever();
}
