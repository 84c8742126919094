/*
 * Statements that would write other rows on another node. All but the first need
 * no lock; MtmClassOfAlterTable takes the statement's own lock before it looks.
 */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_ROWS_H
#define MTM_BACKEND_SCHEMA_CHANGE_ROWS_H

#include "postgres.h"
#include "backend/schema_change_class.h"
#include "nodes/parsenodes.h"

extern MtmStatementClass MtmClassOfAlterTable(AlterTableStmt *alter, const char *query_string,
											  MtmStatementRefusal *refusal);
extern bool MtmPartitionBoundDiverges(PartitionBoundSpec *bound, const char *query_string);
/* Of ALTER SEQUENCE or ALTER COLUMN ... SET. */
extern bool MtmSequenceOptionsCycle(List *options);
extern const char *const MtmCycleDetail;

#endif
