/*
 * The functions of multimaster.remote_functions, and their calls, which run on every node.
 */
#ifndef MTM_BACKEND_REMOTE_FUNCTIONS_H
#define MTM_BACKEND_REMOTE_FUNCTIONS_H

#include "postgres.h"
#include "fmgr.h"
#include "utils/guc.h"

extern char *mtm_remote_functions;

/* Of the setting. */
extern bool MtmRemoteFunctionsCheck(char **value, void **extra, GucSource source);
extern void MtmRemoteFunctionsAssign(const char *value, void *extra);

extern bool MtmIsRemoteFunction(Oid function);

/* SELECT of this very call, with its arguments as constants. */
extern char *MtmRemoteCallText(FunctionCallInfo fcinfo);

extern void MtmRemoteCallsInstallHooks(void);

#endif
