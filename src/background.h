/* What background workers have in common: how they begin, and take new settings. */
#ifndef MTM_BACKGROUND_H
#define MTM_BACKGROUND_H

#include "postgres.h"

/* At the server's start: one that always runs, again a second after it ended. */
extern void MtmBackgroundRegister(const char *name, const char *function);

/* Signals, a connection to the cluster's database, settings that a role or the
 * database might have and that must not apply here. `name` is shown by ps. */
extern void MtmBackgroundBegin(const char *name);
/* The same for one whose commits are the cluster's, as those of any client. */
extern void MtmBackgroundBeginAsClient(const char *name);

/* Between two pieces of work: read the configuration again after a SIGHUP. */
extern void MtmReloadIfAsked(void);

#endif
