/* The name of an index whose statement does not give one. */
#ifndef MTM_BACKEND_INDEX_NAME_H
#define MTM_BACKEND_INDEX_NAME_H

#include "postgres.h"
#include "nodes/plannodes.h"

/*
 * CREATE INDEX without a name: with the one that PostgreSQL would choose here, so that all nodes
 * are told the same; the table is locked as the statement locks it. Else `pstmt` itself.
 */
extern PlannedStmt *MtmWithIndexName(PlannedStmt *pstmt);

#endif
