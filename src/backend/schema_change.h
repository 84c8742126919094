/* Catching schema changes of clients and sending them along with the transaction. */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_H
#define MTM_BACKEND_SCHEMA_CHANGE_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "tcop/utility.h"

/* All utility statements but TransactionStmt go through here (backend/utility.c); runs the
 * statement by `next`. */
extern void MtmSchemaChangeUtility(ProcessUtility_hook_type next, PlannedStmt *pstmt,
								   const char *query_string, bool read_only_tree,
								   ProcessUtilityContext context, ParamListInfo params,
								   QueryEnvironment *query_env, DestReceiver *dest,
								   QueryCompletion *qc);
/*
 * A call of a function that is carried out on all nodes as one statement: `run` makes it. The
 * content is logged; NULL: it comes from another node.
 */
extern void MtmSchemaChangeCall(StringInfo content, const char *function,
								void (*run) (void *), void *arg);
/* object_access_hook and the like. */
extern void MtmSchemaChangeInstallHooks(void);

#endif
