/*
 * Advisory locks that hold over all nodes (multimaster.cluster_advisory_locks); see
 * docs/advisory_locks.md.
 *
 * Runs in: backends.
 */
#ifndef MTM_ADVISORY_LOCKS_H
#define MTM_ADVISORY_LOCKS_H

#include "storage/lock.h"

/* Are locks that this session takes now those of the cluster? */
extern bool MtmAdvisoryOfCluster(void);

/*
 * Take the lock, on all nodes or, when locks are local, on this one; for the session or for the
 * transaction. False: another session has it, and `wait` is false.
 */
extern bool MtmAdvisoryTake(const LOCKTAG *tag, LOCKMODE mode, bool session, bool wait);

/* PostgreSQL let go of locks here: do so on the other nodes, and wait until they are free there. */
extern void MtmAdvisoryReleased(void);
extern void MtmAdvisoryReleasedOne(const LOCKTAG *tag, LOCKMODE mode);
/* The session begins anew (DISCARD ALL). */
extern void MtmAdvisoryDiscard(void);

/* FATAL when locks of this session were lost, as this node was out of the cluster. */
extern void MtmAdvisoryCheck(void);
/* 0A000 when the transaction holds some: another session may end it. */
extern void MtmAdvisoryRefusePrepare(void);
/* The transaction was committed, and the next one begins without an end of this one. */
extern void MtmAdvisoryCommitted(void);

extern void MtmAdvisoryInstallHooks(void);

#endif
