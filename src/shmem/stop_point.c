/*
 * Stop points; see stop_point.h.
 *
 * Runs in: backends that commit, apply workers, lanes.
 * Locks: none.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "shmem/stop_point.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"

#define LOOK_MS 50

/* Point and action in one word; 0: none. */
static pg_atomic_uint32 *armed = NULL;

static uint32
packed(MtmStopPoint point, MtmStopAction action)
{
	return point == MTM_STOP_NONE ? 0 : ((uint32) point << 8) | (uint32) action;
}

Size
MtmStopPointSize(void)
{
	return sizeof(pg_atomic_uint32);
}

void
MtmStopPointInit(void *at, bool found)
{
	armed = at;
	if (!found)
		pg_atomic_init_u32(armed, 0);
}

void
MtmStopPointSet(MtmStopPoint point, MtmStopAction action)
{
	pg_atomic_write_u32(armed, packed(point, action));
}

uint32
MtmStopPointArmed(void)
{
	return pg_atomic_read_u32(armed);
}

/* Who is told to end goes on, also where interrupts are held: what follows obeys. */
static void
wait_here(uint32 set)
{
	while (pg_atomic_read_u32(armed) == set && !ProcDiePending)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
		CHECK_FOR_INTERRUPTS();
	}
}

void
MtmStopPointReached(MtmStopPoint point)
{
	uint32		set = pg_atomic_read_u32(armed);
	MtmStopAction action = (MtmStopAction) (set & 0xff);

	if (set >> 8 != (uint32) point)
		return;
	if (action == MTM_STOP_WAIT)
	{
		wait_here(set);
		return;
	}
	/* Once: the one who clears it is the one who is hit. */
	if (!pg_atomic_compare_exchange_u32(armed, &set, 0))
		return;
	if (action == MTM_STOP_CRASH)
		(void) kill(MyProcPid, SIGKILL);
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("an error was injected into the commit path"),
			 errdetail("See mtm.inject_2pc_error().")));
}
