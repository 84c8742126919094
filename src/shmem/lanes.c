/*
 * Lanes; see lanes.h.
 *
 * Runs in: receivers and link receivers put in; each lane's process takes out.
 * Path: receiver/, link/ -> here -> apply/lane.c
 * Locks: MtmLane.mutex around a few loads and stores; latches are set and
 *        waiters woken after it is released.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "shmem/lanes.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

typedef struct MtmLane
{
	slock_t		mutex;
	uint64		put;			/* number of the newest item */
	uint64		done;			/* number of the newest finished item */
	uint64		let_go;			/* up to this number they will come again */
	uint64		dropped;		/* up to this number none is executed */
	XLogRecPtr	end_lsn;		/* the WAL of all finished ones lies before it */
	XLogRecPtr	begun;			/* of the newest outcome that was taken, in the peer's WAL */
	Latch	   *latch;			/* of its process, while there is one */
	ConditionVariable progress;
	MtmLaneItem ring[MTM_LANE_RING];
} MtmLane;

static MtmLane *lanes = NULL;	/* [MTM_MAX_NODES][MTM_LANES] */
static MtmLane *attached = NULL;

static MtmLane *
lane_at(int peer, int lane)
{
	return &lanes[(peer - 1) * MTM_LANES + lane];
}

Size
MtmLanesSize(void)
{
	return mul_size(sizeof(MtmLane), MTM_MAX_NODES * MTM_LANES);
}

void
MtmLanesInit(void *at, bool found)
{
	lanes = at;
	if (found)
		return;
	memset(lanes, 0, MtmLanesSize());
	for (int i = 0; i < MTM_MAX_NODES * MTM_LANES; i++)
	{
		SpinLockInit(&lanes[i].mutex);
		ConditionVariableInit(&lanes[i].progress);
	}
}

int
MtmLaneOf(TransactionId xid)
{
	return xid % MTM_LANES;
}

static uint64
try_put(MtmLane *lane, const MtmLaneItem *item)
{
	uint64		number = 0;
	Latch	   *latch = NULL;

	SpinLockAcquire(&lane->mutex);
	if (lane->put - lane->done < MTM_LANE_RING)
	{
		if (lane->put == lane->done)
			latch = lane->latch;
		number = ++lane->put;
		lane->ring[number % MTM_LANE_RING] = *item;
	}
	SpinLockRelease(&lane->mutex);
	if (latch)
		SetLatch(latch);
	return number;
}

uint64
MtmLanePut(int peer, int lane_number, const MtmLaneItem *item, bool wait)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	uint64		number = try_put(lane, item);

	if (number != 0 || !wait)
		return number;
	ConditionVariablePrepareToSleep(&lane->progress);
	while ((number = try_put(lane, item)) == 0)
		ConditionVariableSleep(&lane->progress, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	return number;
}

uint64
MtmLaneDone(int peer, int lane_number)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	uint64		done;

	SpinLockAcquire(&lane->mutex);
	done = lane->done;
	SpinLockRelease(&lane->mutex);
	return done;
}

XLogRecPtr
MtmLanesWaiting(int peer)
{
	XLogRecPtr	first = InvalidXLogRecPtr;

	for (int i = 0; i < MTM_LANES; i++)
	{
		MtmLane    *lane = lane_at(peer, i);
		XLogRecPtr	waiting = InvalidXLogRecPtr;

		SpinLockAcquire(&lane->mutex);
		if (lane->put > lane->done)
			waiting = lane->ring[(lane->done + 1) % MTM_LANE_RING].end_lsn;
		SpinLockRelease(&lane->mutex);
		if (waiting != InvalidXLogRecPtr &&
			(first == InvalidXLogRecPtr || waiting < first))
			first = waiting;
	}
	return first;
}

XLogRecPtr
MtmLanesBegun(int peer)
{
	XLogRecPtr	begun = InvalidXLogRecPtr;

	for (int i = 0; i < MTM_LANES; i++)
	{
		MtmLane    *lane = lane_at(peer, i);

		SpinLockAcquire(&lane->mutex);
		begun = Max(begun, lane->begun);
		SpinLockRelease(&lane->mutex);
	}
	return begun;
}

void
MtmLanesFlush(int peer)
{
	XLogRecPtr	end_lsn = InvalidXLogRecPtr;

	for (int i = 0; i < MTM_LANES; i++)
	{
		MtmLane    *lane = lane_at(peer, i);

		SpinLockAcquire(&lane->mutex);
		end_lsn = Max(end_lsn, lane->end_lsn);
		SpinLockRelease(&lane->mutex);
	}
	XLogFlush(end_lsn);
}

void
MtmLaneWaitDone(int peer, int lane_number, uint64 number)
{
	MtmLane    *lane = lane_at(peer, lane_number);

	if (MtmLaneDone(peer, lane_number) >= number)
		return;
	ConditionVariablePrepareToSleep(&lane->progress);
	while (MtmLaneDone(peer, lane_number) < number)
		ConditionVariableSleep(&lane->progress, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

void
MtmLaneWaitIdle(int peer, int lane_number)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	uint64		put;

	SpinLockAcquire(&lane->mutex);
	put = lane->put;
	SpinLockRelease(&lane->mutex);
	MtmLaneWaitDone(peer, lane_number, put);
}

void
MtmLaneLetGo(int peer, int lane_number)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	Latch	   *latch;

	SpinLockAcquire(&lane->mutex);
	lane->let_go = lane->put;
	latch = lane->latch;
	SpinLockRelease(&lane->mutex);
	if (latch)
		SetLatch(latch);
}

bool
MtmLaneDrop(int peer, int lane_number)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	bool		may;

	SpinLockAcquire(&lane->mutex);
	may = lane->done < lane->let_go;
	if (may)
		lane->dropped = lane->let_go;
	SpinLockRelease(&lane->mutex);
	return may;
}

bool
MtmLaneDropped(int peer, int lane_number)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	bool		is;

	SpinLockAcquire(&lane->mutex);
	is = lane->done < lane->dropped;
	SpinLockRelease(&lane->mutex);
	return is;
}

bool
MtmLaneIdle(int peer, int lane_number)
{
	MtmLane    *lane = lane_at(peer, lane_number);
	bool		idle;

	SpinLockAcquire(&lane->mutex);
	idle = lane->put == lane->done;
	SpinLockRelease(&lane->mutex);
	return idle;
}

static void
detach_at_exit(int code, Datum arg)
{
	SpinLockAcquire(&attached->mutex);
	attached->latch = NULL;
	SpinLockRelease(&attached->mutex);
}

void
MtmLaneAttach(int peer, int lane_number)
{
	attached = lane_at(peer, lane_number);
	SpinLockAcquire(&attached->mutex);
	attached->latch = MyLatch;
	SpinLockRelease(&attached->mutex);
	before_shmem_exit(detach_at_exit, 0);
}

void
MtmLaneNext(int peer, int lane_number, MtmLaneItem *item)
{
	MtmLane    *lane = lane_at(peer, lane_number);

	for (;;)
	{
		bool		any;

		CHECK_FOR_INTERRUPTS();
		ResetLatch(MyLatch);
		SpinLockAcquire(&lane->mutex);
		any = lane->put > lane->done;
		if (any)
			*item = lane->ring[(lane->done + 1) % MTM_LANE_RING];
		if (any && item->action != MTM_LANE_UNDO)
			lane->begun = Max(lane->begun, item->end_lsn);
		SpinLockRelease(&lane->mutex);
		if (any)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1,
						 PG_WAIT_EXTENSION);
	}
}

void
MtmLaneFinish(int peer, int lane_number, XLogRecPtr end_lsn)
{
	MtmLane    *lane = lane_at(peer, lane_number);

	SpinLockAcquire(&lane->mutex);
	lane->done++;
	lane->end_lsn = Max(lane->end_lsn, end_lsn);
	SpinLockRelease(&lane->mutex);
	ConditionVariableBroadcast(&lane->progress);
}
