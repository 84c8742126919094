/*
 * Deferrable unique and exclusion constraints of applied rows; see deferred.c.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_DEFERRED_H
#define MTM_DEFERRED_H

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

/* Does the relation have an index that is checked at commit only? */
extern bool MtmDeferredHas(const ResultRelInfo *result);
/* A row was written to such a relation. */
extern void MtmDeferredNote(Relation relation, TupleTableSlot *row);
/* Check all noted rows, relations being closed or not. Raises 23505 or 23P01. */
extern void MtmDeferredCheck(void);
/* The relation was emptied: its rows need no check. */
extern void MtmDeferredDrop(Oid relation);
extern void MtmDeferredForget(void);

#endif
