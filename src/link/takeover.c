/*
 * Which inbound connection of a peer counts; see takeover.h.
 *
 * Runs in: link receivers.
 * Locks: MtmPeer.mutex.
 *
 * A peer connects again as soon as it believes its connection lost, which may be long
 * before we notice that. So the newest connection wins: it raises link_in_epoch, and
 * a receiver whose number is not the current one ends without touching the peer.
 */
#include "postgres.h"

#include "link/takeover.h"
#include "miscadmin.h"
#include "shmem/events.h"
#include "shmem/peers.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"

static uint64 my_epoch = 0;

/* `arg`: node_id. */
static void
give_back(int code, Datum arg)
{
	MtmPeer    *peer = MtmPeerSlot(DatumGetInt32(arg));

	SpinLockAcquire(&peer->mutex);
	if (peer->link_in_epoch == my_epoch)
	{
		peer->link_in = false;
		peer->link_receiver_pid = 0;
	}
	SpinLockRelease(&peer->mutex);
	MtmMonitorWake();
}

void
MtmLinkTake(int node_id)
{
	MtmPeer    *peer = MtmPeerSlot(node_id);
	int			previous_pid;
	PGPROC	   *previous;

	before_shmem_exit(give_back, Int32GetDatum(node_id));
	SpinLockAcquire(&peer->mutex);
	my_epoch = ++peer->link_in_epoch;
	previous_pid = peer->link_receiver_pid;
	peer->link_receiver_pid = MyProcPid;
	peer->link_in = true;
	peer->gone = false;
	peer->last_heard = GetCurrentTimestamp();
	SpinLockRelease(&peer->mutex);
	MtmMonitorWake();

	previous = previous_pid != 0 ? BackendPidGetProc(previous_pid) : NULL;
	if (previous)
		SetLatch(&previous->procLatch);
}

bool
MtmLinkIsMine(int node_id)
{
	MtmPeer    *peer = MtmPeerSlot(node_id);
	bool		mine;

	SpinLockAcquire(&peer->mutex);
	mine = peer->link_in_epoch == my_epoch;
	SpinLockRelease(&peer->mutex);
	return mine;
}
