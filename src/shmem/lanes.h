/*
 * Lanes: per peer, a few queues of outcomes (COMMIT / ROLLBACK PREPARED) that
 * are executed strictly in the origin's order.
 *
 * Runs in: a peer's receiver and link receiver put in, the lane's own process takes out.
 * Locks: MtmLane.mutex (spinlock); never held over a call.
 */
#ifndef MTM_LANES_H
#define MTM_LANES_H

#include "shmem/transactions.h"

#define MTM_LANES 4
/*
 * How far a lane may fall behind: the receiver waits when it is full. Each item is a
 * transaction that still is prepared here, so the settings' check counts on it.
 */
#define MTM_LANE_RING 16

typedef enum MtmLaneAction
{
	MTM_LANE_COMMIT,
	MTM_LANE_ROLLBACK,
	MTM_LANE_UNDO				/* the coordinator asks to roll back; no outcome */
} MtmLaneAction;

typedef struct MtmLaneItem
{
	MtmLaneAction action;
	MtmTransactionKey key;
	char		gid[MTM_GID_SIZE];
	uint64		generation;		/* of the gid; 0 for a user's gid */
	XLogRecPtr	end_lsn;		/* of the record in the origin's WAL; undo: of the request */
	TimestampTz time;
} MtmLaneItem;

extern Size MtmLanesSize(void);
extern void MtmLanesInit(void *at, bool found);

extern int	MtmLaneOf(TransactionId xid);
/* Put gives the item's number (numbers of a lane only grow). `wait`: wait
 * (interruptibly) while the lane is full; else 0 is returned. */
extern uint64 MtmLanePut(int peer, int lane, const MtmLaneItem *item, bool wait);
extern uint64 MtmLaneDone(int peer, int lane);
extern void MtmLaneWaitDone(int peer, int lane, uint64 number);
extern void MtmLaneWaitIdle(int peer, int lane);
extern bool MtmLaneIdle(int peer, int lane);
/*
 * What is in it will be sent again: its process need not wait with an item that it cannot execute
 * yet. It may Drop the one in hand, if that is let go; what came behind that one by then is
 * Dropped, too, or the lane's progress would claim what it passed over.
 */
extern void MtmLaneLetGo(int peer, int lane);
extern bool MtmLaneDrop(int peer, int lane);
extern bool MtmLaneDropped(int peer, int lane);
/* Where the first outcome of the peer ends that no lane has done yet; invalid: there is none. */
extern XLogRecPtr MtmLanesWaiting(int peer);
/* Where the peer's newest outcome ends that a lane has begun: none behind it was executed here. */
extern XLogRecPtr MtmLanesBegun(int peer);
/* What the peer's lanes have done by now is durable when it returns. */
extern void MtmLanesFlush(int peer);

/*
 * The lane's process. Next waits for an item and leaves it in place; Finish drops it and
 * says where this node's WAL of it ends, which need not be flushed.
 */
extern void MtmLaneAttach(int peer, int lane);
extern void MtmLaneNext(int peer, int lane, MtmLaneItem *item);
extern void MtmLaneFinish(int peer, int lane, XLogRecPtr end_lsn);

#endif
