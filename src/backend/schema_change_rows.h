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
/* Could nodes compute different values of this (analyzed) expression? */
extern bool MtmDependsOnNode(Node *expression);
/* The default that ADD COLUMN gives, as the column's type. */
extern Node *MtmCookedDefault(ColumnDef *column, Node *raw, const char *query_string);
/* Of ALTER SEQUENCE or ALTER COLUMN ... SET. */
extern bool MtmSequenceOptionsCycle(List *options);
extern const char *const MtmCycleDetail;

#endif
