/* Sessions on the nodes on which a statement runs outside of transactions. */
#ifndef MTM_BACKEND_OUTSIDE_SESSION_H
#define MTM_BACKEND_OUTSIDE_SESSION_H

#include "postgres.h"

/*
 * Only one statement about `target` at a time runs in the cluster: this waits, interruptibly
 * and without a snapshot, until it is ours. Until MtmOutsideUnlock or the session's end.
 */
extern void MtmOutsideLock(const char *target);
extern void MtmOutsideUnlock(void);

/*
 * Run there what mtm.unfinished_statements has under `target` and `id`, and wait for it,
 * interruptibly: a cancel cancels it there, too. Its error is raised with its SQLSTATE.
 */
extern void MtmOutsideRunOn(int node_id, const char *command, const char *target,
							const char *id);

#endif
