/* Who may call which of the control plane's functions. */
#ifndef MTM_SHELL_ACCESS_H
#define MTM_SHELL_ACCESS_H

#include "postgres.h"

/* Any session of a server that is configured as a node. */
extern void MtmShellRequireConfigured(void);
/* Superuser's code there (mostly within SECURITY DEFINER). */
extern void MtmShellRequireSuperuser(void);
/* Another node's session: whoever may replicate from this server. */
extern void MtmShellRequireReplication(void);
/* The monitor's own step. */
extern void MtmShellRequireMonitor(void);

#endif
