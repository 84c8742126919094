/*
 * What a receiver handed out and is not durable here yet; see in_flight.h.
 *
 * Runs in: the receiver.
 * Locks: those of the structures it asks.
 *
 * A position is safe to confirm when everything before it is done:
 *  - a PREPARE, once it is prepared (flushed by then) or refused: a refused one is
 *    not prepared, and a restarted node says just that when it is asked. A user's own
 *    that is refused, once its outcome came (docs/majority.md, 3.3);
 *  - an outcome, once its lane executed it. Its record need not be flushed by then.
 */
#include "postgres.h"

#include "receiver/in_flight.h"
#include "utils/memutils.h"

typedef struct InFlight
{
	bool		is_outcome;
	MtmTransactionKey key;		/* PREPARE */
	int			peer;			/* outcome */
	int			lane;
	uint64		number;
	XLogRecPtr	end_lsn;
} InFlight;

static InFlight *ring = NULL;
static uint64 first = 0;		/* items [first, next) at index % size */
static uint64 next = 0;
static uint64 size = 0;
static XLogRecPtr done_up_to = InvalidXLogRecPtr;

static InFlight *
append(void)
{
	if (next - first == size)
	{
		uint64		larger = size == 0 ? 256 : size * 2;
		InFlight   *copy = MemoryContextAllocHuge(TopMemoryContext,
												  larger * sizeof(InFlight));

		for (uint64 i = first; i < next; i++)
			copy[i % larger] = ring[i % size];
		if (ring)
			pfree(ring);
		ring = copy;
		size = larger;
	}
	return &ring[next++ % size];
}

static bool
done(const InFlight *item)
{
	MtmTransaction tx;

	if (item->is_outcome)
		return MtmLaneDone(item->peer, item->lane) >= item->number;
	if (!MtmTransactionFind(&item->key, &tx))
		return true;
	if (tx.state == MTM_TX_REFUSED)
		return (tx.flags & MTM_TX_USER_GID) == 0;
	return tx.state == MTM_TX_PREPARED || tx.state == MTM_TX_ENDED;
}

static void
forget_done(void)
{
	while (first < next && done(&ring[first % size]))
		done_up_to = ring[first++ % size].end_lsn;
}

void
MtmInFlightPrepare(const MtmTransactionKey *key, XLogRecPtr end_lsn)
{
	InFlight   *item = append();

	item->is_outcome = false;
	item->key = *key;
	item->end_lsn = end_lsn;
}

void
MtmInFlightOutcome(int peer, int lane, uint64 number, XLogRecPtr end_lsn)
{
	InFlight   *item = append();

	item->is_outcome = true;
	item->peer = peer;
	item->lane = lane;
	item->number = number;
	item->end_lsn = end_lsn;
	if (next - first > 4096)
		forget_done();
}

XLogRecPtr
MtmInFlightDone(XLogRecPtr received)
{
	forget_done();
	if (first == next)
		done_up_to = Max(done_up_to, received);
	return done_up_to;
}

int
MtmInFlightCount(void)
{
	return (int) (next - first);
}
