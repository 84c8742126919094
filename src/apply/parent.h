/*
 * Waiting for the rows that a foreign key refers to.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_APPLY_PARENT_H
#define MTM_APPLY_PARENT_H

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

typedef struct MtmParent MtmParent;

/* `trigger` is the one on the referencing table that checks the constraint. */
extern MtmParent *MtmParentOpen(Trigger *trigger);
/* Locks stay. */
extern void MtmParentClose(MtmParent *parent);
/*
 * Returns when no other transaction is inserting, removing or changing the key that
 * `row` of the referencing table refers to.
 */
extern void MtmParentWait(MtmParent *parent, TupleTableSlot *row);

#endif
