/*
 * How far each node shows the commits of the others; see shown.h.
 *
 * Runs in: backends; lanes, receivers and link receivers.
 * Path: apply/lane.c, receiver/, link/receiver.c -> here -> backend/wait_shown.c
 * Locks: MtmShown.mutex of a peer's answer, around two loads or stores.
 */
#include "postgres.h"

#include "pgstat.h"
#include "port/atomics.h"
#include "shmem/lanes.h"
#include "shmem/peers.h"
#include "shmem/shown.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

typedef struct PeerShown
{
	pg_atomic_uint64 asked;		/* it wants to be told up to here */
	pg_atomic_uint64 told;		/* it was told up to here */
	pg_atomic_uint64 there;		/* it told: so much of our WAL */
	pg_atomic_uint64 question;	/* number of our newest */
	slock_t		mutex;			/* guards the answer */
	uint64		answered;		/* its number */
	uint64		generation;
	XLogRecPtr	newest;
} PeerShown;

typedef struct Shown
{
	ConditionVariable changed;
	PeerShown	peers[MTM_MAX_NODES];
} Shown;

static Shown *shown = NULL;

static PeerShown *
peer_shown(int peer)
{
	Assert(peer >= 1 && peer <= MTM_MAX_NODES);
	return &shown->peers[peer - 1];
}

Size
MtmShownSize(void)
{
	return sizeof(Shown);
}

void
MtmShownInit(void *at, bool found)
{
	shown = at;
	if (found)
		return;
	memset(shown, 0, sizeof(Shown));
	ConditionVariableInit(&shown->changed);
	for (int i = 0; i < MTM_MAX_NODES; i++)
	{
		PeerShown  *peer = &shown->peers[i];

		pg_atomic_init_u64(&peer->asked, 0);
		pg_atomic_init_u64(&peer->told, 0);
		pg_atomic_init_u64(&peer->there, 0);
		/* Not what was asked, and may be answered still, before this server started. */
		pg_atomic_init_u64(&peer->question, GetCurrentTimestamp());
		SpinLockInit(&peer->mutex);
	}
}

static bool
raise_to(pg_atomic_uint64 *value, uint64 to)
{
	uint64		known = pg_atomic_read_u64(value);

	while (known < to)
	{
		if (pg_atomic_compare_exchange_u64(value, &known, to))
			return true;
	}
	return false;
}

/* What was handed out comes first: a lane that is looked at later has it, or had it. */
XLogRecPtr
MtmShownHere(int peer)
{
	XLogRecPtr	handled = MtmPeerCopy(peer).handled_lsn;
	XLogRecPtr	waiting = MtmLanesWaiting(peer);

	return waiting == InvalidXLogRecPtr ? handled : Min(handled, waiting - 1);
}

bool
MtmShownNote(int node_id, XLogRecPtr *here)
{
	PeerShown  *peer = peer_shown(node_id);

	ConditionVariableBroadcast(&shown->changed);
	if (pg_atomic_read_u64(&peer->asked) <= pg_atomic_read_u64(&peer->told))
		return false;
	*here = MtmShownHere(node_id);
	return raise_to(&peer->told, *here);
}

void
MtmShownAsked(int node_id, XLogRecPtr up_to)
{
	(void) raise_to(&peer_shown(node_id)->asked, up_to);
	/* Who executes something from now on sees that it was asked, or we see that it did. */
	pg_memory_barrier();
}

void
MtmShownTold(int node_id, XLogRecPtr there)
{
	if (raise_to(&peer_shown(node_id)->there, there))
		ConditionVariableBroadcast(&shown->changed);
}

XLogRecPtr
MtmShownThere(int node_id)
{
	return pg_atomic_read_u64(&peer_shown(node_id)->there);
}

uint64
MtmNewestAsk(int node_id)
{
	return pg_atomic_add_fetch_u64(&peer_shown(node_id)->question, 1);
}

void
MtmNewestTold(int node_id, uint64 number, uint64 generation, XLogRecPtr newest)
{
	PeerShown  *peer = peer_shown(node_id);

	SpinLockAcquire(&peer->mutex);
	if (number > peer->answered)
	{
		peer->answered = number;
		peer->generation = generation;
		peer->newest = newest;
	}
	SpinLockRelease(&peer->mutex);
	ConditionVariableBroadcast(&shown->changed);
}

bool
MtmNewestKnown(int node_id, uint64 number, uint64 generation, XLogRecPtr *newest)
{
	PeerShown  *peer = peer_shown(node_id);
	bool		known;

	SpinLockAcquire(&peer->mutex);
	known = peer->answered >= number && peer->generation == generation;
	*newest = peer->newest;
	SpinLockRelease(&peer->mutex);
	return known;
}

void
MtmShownSleep(long timeout_ms)
{
	(void) ConditionVariableTimedSleep(&shown->changed, timeout_ms, PG_WAIT_EXTENSION);
}

void
MtmShownSleepEnd(void)
{
	ConditionVariableCancelSleep();
}
