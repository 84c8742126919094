/* Statements that run outside of transactions, on every node (wire/outside.h). */
#ifndef MTM_BACKEND_OUTSIDE_H
#define MTM_BACKEND_OUTSIDE_H

#include "postgres.h"
#include "nodes/plannodes.h"
#include "tcop/utility.h"

/* How PostgreSQL runs the client's statement on this node. */
typedef void (*MtmRunHere) (const void *call);

extern void MtmOutsideStatement(const PlannedStmt *pstmt, const char *query_string,
								ProcessUtilityContext context, MtmRunHere run,
								const void *call);

#endif
