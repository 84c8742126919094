/* What every background worker of the data plane does first. */
#ifndef MTM_BACKGROUND_H
#define MTM_BACKGROUND_H

#include "postgres.h"

/* Signals, a connection to the cluster's database, settings that a role or the
 * database might have and that must not apply here. `name` is shown by ps. */
extern void MtmBackgroundBegin(const char *name);
/* The same for one whose commits are the cluster's, as those of any client. */
extern void MtmBackgroundBeginAsClient(const char *name);

#endif
