/*
 * The lease: until when statements may be answered here (I10).
 *
 * Runs in: the monitor renews and ends it; every backend looks at each statement.
 * Locks: none; atomics.
 *
 * The view alone would let a node answer that was stopped for a while: its view is that
 * of before, until its monitor has run. So "online" counts only until the lease ends that
 * other nodes granted it, as the control plane counts it (ts-src/core/lease.ts).
 */
#ifndef MTM_LEASE_H
#define MTM_LEASE_H

#include "shmem/shared.h"

extern Size MtmLeaseSize(void);
extern void MtmLeaseInit(void *at, bool found);

/* Monitor: this node is online; `until_ms` on its monotonic clock, 0 for no lease. */
extern void MtmLeaseSet(int64 until_ms);
extern void MtmLeaseEnd(void);

/* Also false once the postmaster is gone: the others may have seen that. */
extern bool MtmLeaseHolds(void);
/* Was this server in a cluster before it started? Then its data may be old. */
extern bool MtmLeaseNeeded(void);

#endif
