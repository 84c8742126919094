/* The table that CREATE TABLE AS has just created, as a statement that creates it empty. */
#ifndef MTM_BACKEND_CREATED_TABLE_H
#define MTM_BACKEND_CREATED_TABLE_H

#include "postgres.h"
#include "nodes/primnodes.h"
#include "utils/rel.h"

extern char *MtmCreatedTableText(Relation table, const IntoClause *into);

#endif
