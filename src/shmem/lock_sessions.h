/*
 * Sessions that hold advisory locks of the cluster on this node, and whose they are: a client's
 * own session, or the one by which a session of another node holds its locks here.
 *
 * Runs in: each such session claims its slot; the monitor ends those whose locks are lost.
 * Locks: LockSession.mutex (spinlock) around copies.
 */
#ifndef MTM_LOCK_SESSIONS_H
#define MTM_LOCK_SESSIONS_H

#include "shmem/view.h"

extern Size MtmLockSessionsSize(void);
extern void MtmLockSessionsInit(void *at, bool found);

/* This process holds, or is about to hold, locks for a session of that node. Until Leave, or its end. */
extern void MtmLockSessionEnter(int node_id);
extern void MtmLockSessionLeave(void);

/*
 * Monitor: `view` was published. Terminates this node's own sessions that entered before it was
 * out of the cluster, and those of nodes that are no members any more.
 */
extern void MtmLockSessionsEnd(const MtmViewData *view);

#endif
