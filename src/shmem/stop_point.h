/*
 * Stop points: places in the commit path where a test may let a process fail, wait or
 * crash (mtm.inject_2pc_error).
 *
 * Runs in: backends that commit, apply workers, lanes.
 * Locks: none; one atomic. One point of a node is set at a time.
 */
#ifndef MTM_STOP_POINT_H
#define MTM_STOP_POINT_H

#include "port/atomics.h"
#include "shmem/shared.h"

typedef enum MtmStopPoint
{
	MTM_STOP_NONE,
	/* the coordinator */
	MTM_STOP_REGISTERED,		/* votes find it; not prepared yet */
	MTM_STOP_PREPARED,			/* prepared, waits for votes */
	MTM_STOP_DECIDED,			/* the votes decided, nothing is executed yet */
	MTM_STOP_COMMITTED,			/* executed, the client does not know */
	/* a participant */
	MTM_STOP_APPLIED,			/* applied, not prepared */
	MTM_STOP_VOTING,			/* prepared, the vote is not sent; inside the gate */
	MTM_STOP_OUTCOME,			/* a lane has the outcome and has not executed it */
	MTM_STOP_ENDED				/* executed, and the lane has not said so */
} MtmStopPoint;

typedef enum MtmStopAction
{
	MTM_STOP_FAIL,
	MTM_STOP_WAIT,				/* until the point is set anew */
	MTM_STOP_CRASH
} MtmStopAction;

extern Size MtmStopPointSize(void);
extern void MtmStopPointInit(void *at, bool found);

extern void MtmStopPointSet(MtmStopPoint point, MtmStopAction action);
extern uint32 MtmStopPointArmed(void);
extern void MtmStopPointReached(MtmStopPoint point);

static inline void
MtmStopPointPass(MtmStopPoint point)
{
	if (unlikely(MtmStopPointArmed() != 0))
		MtmStopPointReached(point);
}

#endif
