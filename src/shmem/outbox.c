/*
 * Outboxes; see outbox.h.
 *
 * Runs in: anybody puts; the link sender takes.
 * Path: wire/link_message.c -> here -> link/sender.c
 * Locks: MtmOutbox.mutex around copies into the ring. Copies out of it need none:
 *        there is one taker, and nobody writes between its two positions.
 *
 * The sender's latch is set only by whoever puts into an empty outbox: the
 * sender takes until it is empty, so any later message is seen by it or wakes it.
 */
#include "postgres.h"

#include "port/pg_bswap.h"
#include "shmem/outbox.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "storage/spin.h"

typedef struct MtmOutbox
{
	slock_t		mutex;
	bool		open;
	uint64		put;			/* bytes ever put; position modulo the size */
	uint64		taken;
	char		ring[MTM_OUTBOX_SIZE];
} MtmOutbox;

typedef struct MtmOutboxes
{
	slock_t		mutex;
	Latch	   *sender;
	MtmOutbox	boxes[MTM_MAX_NODES];
} MtmOutboxes;

static MtmOutboxes *outboxes = NULL;

static MtmOutbox *
outbox_of(int node_id)
{
	Assert(node_id >= 1 && node_id <= MTM_MAX_NODES);
	return &outboxes->boxes[node_id - 1];
}

Size
MtmOutboxesSize(void)
{
	return sizeof(MtmOutboxes);
}

void
MtmOutboxesInit(void *at, bool found)
{
	outboxes = at;
	if (found)
		return;
	SpinLockInit(&outboxes->mutex);
	outboxes->sender = NULL;
	for (int i = 0; i < MTM_MAX_NODES; i++)
	{
		MtmOutbox  *box = &outboxes->boxes[i];

		SpinLockInit(&box->mutex);
		box->open = false;
		box->put = box->taken = 0;
	}
}

static void
ring_write(MtmOutbox *box, uint64 position, const void *bytes, uint32 length)
{
	uint32		at = position % MTM_OUTBOX_SIZE;
	uint32		first = Min(length, MTM_OUTBOX_SIZE - at);

	memcpy(box->ring + at, bytes, first);
	memcpy(box->ring, (const char *) bytes + first, length - first);
}

void
MtmOutboxWakeSender(void)
{
	Latch	   *sender;

	SpinLockAcquire(&outboxes->mutex);
	sender = outboxes->sender;
	SpinLockRelease(&outboxes->mutex);
	if (sender)
		SetLatch(sender);
}

bool
MtmOutboxPut(int node_id, const char *message, uint32 length)
{
	MtmOutbox  *box = outbox_of(node_id);
	uint32		length_on_wire = pg_hton32(length);
	uint64		whole = sizeof(uint32) + length;
	bool		put;
	bool		was_empty;

	if (length > MTM_MESSAGE_MAX)
		return false;
	SpinLockAcquire(&box->mutex);
	was_empty = box->put == box->taken;
	put = box->open && box->put - box->taken + whole <= MTM_OUTBOX_SIZE;
	if (put)
	{
		ring_write(box, box->put, &length_on_wire, sizeof(uint32));
		ring_write(box, box->put + sizeof(uint32), message, length);
		box->put += whole;
	}
	SpinLockRelease(&box->mutex);
	if (put && was_empty)
		MtmOutboxWakeSender();
	return put;
}

static void
set_open(int node_id, bool open)
{
	MtmOutbox  *box = outbox_of(node_id);

	SpinLockAcquire(&box->mutex);
	box->open = open;
	box->taken = box->put;
	SpinLockRelease(&box->mutex);
}

void
MtmOutboxOpen(int node_id)
{
	set_open(node_id, true);
}

void
MtmOutboxClose(int node_id)
{
	set_open(node_id, false);
}

static void
append_range(MtmOutbox *box, uint64 from, uint64 to, StringInfo into)
{
	uint32		length = to - from;
	uint32		at = from % MTM_OUTBOX_SIZE;
	uint32		first = Min(length, MTM_OUTBOX_SIZE - at);

	appendBinaryStringInfo(into, box->ring + at, first);
	appendBinaryStringInfo(into, box->ring, length - first);
}

bool
MtmOutboxTake(int node_id, StringInfo into)
{
	MtmOutbox  *box = outbox_of(node_id);
	uint64		from;
	uint64		to;
	bool		any = false;

	SpinLockAcquire(&box->mutex);
	from = box->taken;
	to = box->put;
	SpinLockRelease(&box->mutex);

	while (from != to)
	{
		append_range(box, from, to, into);
		any = true;
		SpinLockAcquire(&box->mutex);
		box->taken = from = to;
		to = box->put;
		SpinLockRelease(&box->mutex);
	}
	return any;
}

void
MtmOutboxSetSender(Latch *latch)
{
	SpinLockAcquire(&outboxes->mutex);
	outboxes->sender = latch;
	SpinLockRelease(&outboxes->mutex);
}
