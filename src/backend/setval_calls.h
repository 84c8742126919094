/* Calls of setval() become calls of multimaster's own, which reach all nodes; see setval_calls.c. */
#ifndef MTM_BACKEND_SETVAL_CALLS_H
#define MTM_BACKEND_SETVAL_CALLS_H

#include "postgres.h"

/* Is this hash value of a plan that of a setval()? It writes, though it is one of schema mtm. */
extern bool MtmIsSetval(uint32 hash_value);
extern void MtmSetvalCallsInstallHooks(void);

#endif
