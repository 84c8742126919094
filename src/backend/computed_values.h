/* What a statement of the schema computes once, before it runs (wire/computed_values.h). */
#ifndef MTM_BACKEND_COMPUTED_VALUES_H
#define MTM_BACKEND_COMPUTED_VALUES_H

#include "postgres.h"
#include "nodes/plannodes.h"

/*
 * Computes what nodes could get others of, and puts it into (a copy of) the statement; a list
 * of MtmComputedValue, NIL: the statement is as it was. The table of ALTER TABLE is locked.
 */
extern List *MtmComputeValues(PlannedStmt **pstmt, const char *query_string);

#endif
