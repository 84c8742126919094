/*
 * Composite types of columns, made known before a row is written.
 *
 * Runs in: a walsender per peer.
 */
#ifndef MTM_SENDER_ROW_TYPES_H
#define MTM_SENDER_ROW_TYPES_H

#include "access/tupdesc.h"
#include "nodes/pg_list.h"

/* Types of columns (Oid) that are, or hold, composite ones. */
extern List *MtmCompositeTypes(TupleDesc desc);
extern void MtmCompositeTypesLoad(List *types);

#endif
