/*
 * What the lanes had executed when streaming started; see progress.h.
 *
 * Runs in: the receiver; the origin's name also in lanes.
 * Locks: PostgreSQL's own of replication origins.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "receiver/progress.h"
#include "replication/origin.h"
#include "storage/latch.h"

static XLogRecPtr progress[MTM_LANES];

void
MtmLaneOriginName(int peer, int lane, char name[NAMEDATALEN])
{
	snprintf(name, NAMEDATALEN, "mtm_lane_%d_%d", peer, lane);
}

static bool
load_lane(int peer, int lane)
{
	char		name[NAMEDATALEN];
	RepOriginId origin;

	MtmLaneOriginName(peer, lane, name);
	StartTransactionCommand();
	origin = replorigin_by_name(name, true);
	if (origin != InvalidRepOriginId)
		progress[lane] = replorigin_get_progress(origin, true);
	CommitTransactionCommand();
	return origin != InvalidRepOriginId;
}

bool
MtmProgressLoad(int peer)
{
	bool		any = false;

	for (int lane = 0; lane < MTM_LANES; lane++)
	{
		MtmLaneLetGo(peer, lane);
		MtmLaneWaitIdle(peer, lane);
		while (!load_lane(peer, lane))
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 100L, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if (progress[lane] != InvalidXLogRecPtr)
			any = true;
	}
	return any;
}

XLogRecPtr
MtmProgressOf(int lane)
{
	return progress[lane];
}
