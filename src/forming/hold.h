/*
 * A server of which mtm.init_cluster() makes a node: nothing may be written in its database
 * from the moment that it is copied until the server has started as a node.
 *
 * Runs in: every session of a server that is no node yet; the file survives a crash.
 */
#ifndef MTM_FORMING_HOLD_H
#define MTM_FORMING_HOLD_H

#include "postgres.h"

/* In the postmaster of a server that is no node. */
extern void MtmFormingInstallHooks(void);
/* In the postmaster of a node: it is made. */
extern void MtmFormingDone(void);
/* "forming", "formed"; NULL: let writes in again. */
extern void MtmFormingSet(const char *state);

#endif
