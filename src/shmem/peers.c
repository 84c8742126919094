/*
 * Peers and counters; see peers.h.
 *
 * Runs in: link and stream processes write; all read.
 * Locks: MtmPeer.mutex; what concerns the link sender has one of its own.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "settings.h"
#include "shmem/peers.h"
#include "storage/latch.h"

#define WHY_SIZE 256

typedef struct MtmPeers
{
	slock_t		mutex;			/* guards the next four */
	int			link_sender_pid;
	Latch	   *flusher_latch;
	bool		links_wanted;
	char		told_why[WHY_SIZE];
	pg_atomic_uint32 promises;	/* backends that will wake the walsenders */
	pg_atomic_uint64 outcome;	/* end of the newest outcome that may not be flushed */
	pg_atomic_uint64 dropped;	/* MtmNodeSet */
	pg_atomic_uint32 told_dropped;	/* this node: a peer said so */
	MtmCounters counters;
	MtmPeer		peers[MTM_MAX_NODES];
} MtmPeers;

static MtmPeers *peers = NULL;
static bool promised = false;

Size
MtmPeersSize(void)
{
	return sizeof(MtmPeers);
}

static void
init_counters(MtmCounters *counters)
{
	pg_atomic_init_u64(&counters->commits, 0);
	pg_atomic_init_u64(&counters->aborts, 0);
	pg_atomic_init_u64(&counters->conflicts, 0);
	pg_atomic_init_u64(&counters->handed_over, 0);
	pg_atomic_init_u64(&counters->applied, 0);
	pg_atomic_init_u64(&counters->refused, 0);
}

void
MtmPeersInit(void *at, bool found)
{
	peers = at;
	if (found)
		return;
	memset(peers, 0, sizeof(MtmPeers));
	SpinLockInit(&peers->mutex);
	pg_atomic_init_u32(&peers->promises, 0);
	pg_atomic_init_u64(&peers->outcome, 0);
	pg_atomic_init_u64(&peers->dropped, 0);
	pg_atomic_init_u32(&peers->told_dropped, 0);
	init_counters(&peers->counters);
	for (int i = 0; i < MTM_MAX_NODES; i++)
		SpinLockInit(&peers->peers[i].mutex);
}

MtmPeer *
MtmPeerSlot(int node_id)
{
	Assert(node_id >= 1 && node_id <= MTM_MAX_NODES);
	return &peers->peers[node_id - 1];
}

MtmPeer
MtmPeerCopy(int node_id)
{
	MtmPeer    *peer = MtmPeerSlot(node_id);
	MtmPeer		copy;

	SpinLockAcquire(&peer->mutex);
	copy = *peer;
	SpinLockRelease(&peer->mutex);
	return copy;
}

MtmCounters *
MtmCountersGet(void)
{
	return &peers->counters;
}

void
MtmSendersPromise(void)
{
	if (promised)
		return;
	pg_atomic_fetch_add_u32(&peers->promises, 1);
	promised = true;
}

static void
wake_walsenders(void)
{
	MtmForEachPeer(node_id)
	{
		MtmPeer    *peer = MtmPeerSlot(node_id);
		Latch	   *latch;

		SpinLockAcquire(&peer->mutex);
		latch = peer->sender_latch;
		SpinLockRelease(&peer->mutex);
		if (latch)
			SetLatch(latch);
	}
}

XLogRecPtr
MtmOutcomesNewest(void)
{
	return pg_atomic_read_u64(&peers->outcome);
}

void
MtmOutcomesFlush(void)
{
	XLogFlush(MtmOutcomesNewest());
	wake_walsenders();
}

/* While there is no flusher, everybody is his own. */
static void
wake_flusher(void)
{
	Latch	   *latch;

	SpinLockAcquire(&peers->mutex);
	latch = peers->flusher_latch;
	SpinLockRelease(&peers->mutex);
	if (latch)
		SetLatch(latch);
	else
		MtmOutcomesFlush();
}

void
MtmFlusherSet(Latch *latch)
{
	SpinLockAcquire(&peers->mutex);
	peers->flusher_latch = latch;
	SpinLockRelease(&peers->mutex);
}

/* A promise that is seen here is taken back later, and who does that looks for outcomes. */
void
MtmSendersOutcome(XLogRecPtr end_lsn)
{
	uint64		known = pg_atomic_read_u64(&peers->outcome);

	while (known < end_lsn &&
		   !pg_atomic_compare_exchange_u64(&peers->outcome, &known, end_lsn))
		;
	pg_memory_barrier();
	if (pg_atomic_read_u32(&peers->promises) == 0)
		wake_flusher();
}

void
MtmSendersWake(void)
{
	bool		left_to_us = promised;
	XLogRecPtr	flushed;

	if (promised)
		pg_atomic_fetch_sub_u32(&peers->promises, 1);
	promised = false;
	flushed = GetFlushRecPtr(NULL);
	wake_walsenders();
	/* What came too late for our flush: the walsenders may have looked before another's. */
	if (left_to_us && pg_atomic_read_u64(&peers->outcome) > flushed &&
		pg_atomic_read_u32(&peers->promises) == 0)
		wake_flusher();
}

void
MtmSendersKeepPromise(void)
{
	if (promised)
		MtmSendersWake();
}

int
MtmLinkSenderPid(void)
{
	int			pid;

	SpinLockAcquire(&peers->mutex);
	pid = peers->link_sender_pid;
	SpinLockRelease(&peers->mutex);
	return pid;
}

void
MtmLinkSenderSetPid(int pid)
{
	SpinLockAcquire(&peers->mutex);
	peers->link_sender_pid = pid;
	SpinLockRelease(&peers->mutex);
}

void
MtmLinksWant(void)
{
	SpinLockAcquire(&peers->mutex);
	peers->links_wanted = true;
	SpinLockRelease(&peers->mutex);
}

bool
MtmLinksWanted(void)
{
	bool		wanted;

	SpinLockAcquire(&peers->mutex);
	wanted = peers->links_wanted;
	SpinLockRelease(&peers->mutex);
	return wanted;
}

void
MtmDroppedSet(MtmNodeSet nodes)
{
	pg_atomic_write_u64(&peers->dropped, nodes);
}

bool
MtmNodeDropped(int node_id)
{
	if (node_id == mtm_node_id && pg_atomic_read_u32(&peers->told_dropped) != 0)
		return true;
	return MTM_IN_SET(pg_atomic_read_u64(&peers->dropped), node_id);
}

void
MtmRefuseDropped(int node_id, const char *why)
{
	if (MtmNodeDropped(node_id))
		ereport(ERROR,
				(errcode(MTM_ERRCODE_DROPPED),
				 errmsg("node %d was dropped from the cluster%s%s", node_id,
						why ? ": " : "", why ? why : ""),
				 errhint("It cannot come back with the data that it has: rebuild it with "
						 "multimaster join.")));
}

/* Takes what MtmRefuseDropped said. */
void
MtmDroppedTold(const char *message)
{
	const char *why = message ? strstr(message, ": ") : NULL;
	char		copy[WHY_SIZE] = "";

	if (why)
		strlcpy(copy, why + strlen(": "), sizeof(copy));
	SpinLockAcquire(&peers->mutex);
	memcpy(peers->told_why, copy, sizeof(copy));
	SpinLockRelease(&peers->mutex);
	pg_atomic_write_u32(&peers->told_dropped, 1);
}

char *
MtmDroppedWhy(void)
{
	char		copy[WHY_SIZE];

	SpinLockAcquire(&peers->mutex);
	memcpy(copy, peers->told_why, sizeof(copy));
	SpinLockRelease(&peers->mutex);
	return copy[0] == '\0' ? NULL : pstrdup(copy);
}
