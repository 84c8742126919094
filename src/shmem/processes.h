/*
 * Which of the processes that must be there once are there: a receiver and a few
 * lanes per peer; in the place of a receiver from this node itself, the recovery process.
 *
 * Runs in: each such process claims its place; the monitor looks.
 * Locks: MtmProcesses.mutex (spinlock).
 *
 * The claim, not the monitor's memory, says whether one runs, so that neither a
 * monitor that was restarted nor one that asked twice gives a peer two receivers.
 */
#ifndef MTM_PROCESSES_H
#define MTM_PROCESSES_H

#include "shmem/lanes.h"

/* Places of one peer: its receiver, then its lanes. */
#define MTM_PLACES (1 + MTM_LANES)
#define MTM_PLACE_RECEIVER 0
#define MTM_PLACE_LANE(lane) (1 + (lane))

extern Size MtmProcessesSize(void);
extern void MtmProcessesInit(void *at, bool found);

/* False when another process has it. Given back at exit. */
extern bool MtmProcessClaim(int peer, int place);
/* 0: nobody has it. */
extern int	MtmProcessPid(int peer, int place);

/* Monitor: the last attempt to connect to the cluster's database did not succeed. */
extern bool MtmDatabaseMissing(void);
extern void MtmDatabaseSetMissing(bool missing);

#endif
