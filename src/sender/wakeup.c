/*
 * When a walsender of ours is woken; see wakeup.h.
 *
 * Runs in: walsenders.
 * Path: backend/drive.c, monitor/shell_finish.c -> shmem/peers.c -> sender/plugin.c
 * Locks: WalSnd.mutex (spinlock) of its own slot.
 *
 * PostgreSQL wakes every walsender at every flush. Two flushes of three on a node are
 * of other nodes' transactions, which are filtered out: waking for them costs more
 * than decoding them, and each time a keepalive is sent that wakes the peer's
 * receiver, too. So our walsenders take their latch out of PostgreSQL's reach, and
 * who prepares or ends a transaction of this node sets it; for an outcome, the next
 * PREPARE will do if one is on its way (shmem/peers.h). What others did here is
 * read along with the next of these, or when the peer's feedback comes (several
 * times a second), which bounds how far a walsender lags behind.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "sender/wakeup.h"
#include "shmem/peers.h"
#include "storage/latch.h"

void
MtmSenderTakeOver(int peer_id)
{
	MtmPeer    *peer = MtmPeerSlot(peer_id);

	if (!am_walsender || !MyWalSnd)
		return;
	SpinLockAcquire(&peer->mutex);
	peer->sender_latch = MyLatch;
	SpinLockRelease(&peer->mutex);
	SpinLockAcquire(&MyWalSnd->mutex);
	MyWalSnd->latch = NULL;
	SpinLockRelease(&MyWalSnd->mutex);
}

/*
 * A walsender that is about to sleep sends a keepalive when the peer has not written
 * what was sent. Ours answers for it: the peer tells what is durable there in time.
 */
void
MtmSenderQuiet(void)
{
	XLogRecPtr	now = GetFlushRecPtr(NULL);

	if (!am_walsender || !MyWalSnd)
		return;
	SpinLockAcquire(&MyWalSnd->mutex);
	if (MyWalSnd->write < now)
		MyWalSnd->write = now;
	SpinLockRelease(&MyWalSnd->mutex);
}
