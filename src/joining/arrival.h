/*
 * A new node between its first start and mtm.join_node(): it is a copy of some node, and does
 * nothing before it is told whose.
 *
 * Runs in: the postmaster; the monitor waits; sessions of the node that it was copied from ask and tell.
 */
#ifndef MTM_JOINING_ARRIVAL_H
#define MTM_JOINING_ARRIVAL_H

#include "postgres.h"

/* Is this a node that was added and was never told whose copy it is? */
extern bool MtmArrivalPending(void);
/* In the postmaster, before it replays WAL. */
extern void MtmArrivalKeepWal(void);
/* Notes how far the copy goes, and returns when it was told. */
extern void MtmArrivalWait(void);
/* It was online: what was noted is of no use any more. */
extern void MtmArrivalDone(void);

#endif
