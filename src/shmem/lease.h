/*
 * The lease: until when statements may be answered here (I10).
 *
 * Runs in: the monitor renews and ends it; every backend looks at each statement.
 * Locks: none; atomics.
 *
 * The view alone would let a node answer that was stopped for a while: its view is that
 * of before, until its monitor has run. So "online" counts only for as long as a peer
 * that hears nothing from this node waits before it goes on without it.
 */
#ifndef MTM_LEASE_H
#define MTM_LEASE_H

#include "shmem/shared.h"

extern Size MtmLeaseSize(void);
extern void MtmLeaseInit(void *at, bool found);

/* Monitor: this node was online at `from_ms`, as of a step that began then. */
extern void MtmLeaseRenew(int64 from_ms);
extern void MtmLeaseEnd(void);

extern bool MtmLeaseHolds(void);
/* Was this server in a cluster before it started? Then its data may be old. */
extern bool MtmLeaseNeeded(void);

#endif
