/* Calls of some functions of PostgreSQL become calls of multimaster's own; see replaced_calls.c. */
#ifndef MTM_BACKEND_REPLACED_CALLS_H
#define MTM_BACKEND_REPLACED_CALLS_H

#include "postgres.h"

/* Is this hash value of a plan that of one of ours? It writes, though it is one of schema mtm. */
extern bool MtmIsReplacement(uint32 hash_value);
extern void MtmReplacedCallsInstallHooks(void);

#endif
