/* Telling statements on temporary objects, which stay local, from the others. */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_TEMPORARY_H
#define MTM_BACKEND_SCHEMA_CHANGE_TEMPORARY_H

#include "postgres.h"
#include "nodes/parsenodes.h"

typedef enum MtmTemporary
{
	MTM_TEMPORARY_NONE,
	MTM_TEMPORARY_ALL,
	MTM_TEMPORARY_SOME			/* beside permanent ones */
} MtmTemporary;

extern MtmTemporary MtmStatementTemporary(Node *statement, const char *query_string);
extern bool MtmRangeVarIsTemporary(RangeVar *relation);

/* A copy without its temporary relations; NULL for another statement, or kind of object. */
extern DropStmt *MtmDropOfPermanent(Node *statement);

/* Does any of these (a list of ObjectAddress) depend on a temporary object? */
extern bool MtmObjectsUseTemporary(List *objects);

#endif
