/* Lanes: the processes that execute outcomes in the origin's order. */
#ifndef MTM_LANE_H
#define MTM_LANE_H

#include "postgres.h"

/* Called by the place that monitor/workers.c started (shmem/processes.h). Argument: peer * 256 + lane. */
extern void MtmLaneMain(Datum peer_and_lane);

#endif
