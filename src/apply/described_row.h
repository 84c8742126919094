/* The row that is being applied, in words; see described_row.c. */
#ifndef MTM_DESCRIBED_ROW_H
#define MTM_DESCRIBED_ROW_H

#include "apply/relation.h"

/* From now on, this row (of `target->wanted` or `target->row`); NULL: none. */
extern void MtmDescribedRowSet(MtmAppliedRelation *target, TupleTableSlot *row);
/* The table of that row, invalid: none. */
extern Oid	MtmDescribedRowTable(void);
/* Not a row but a lock on a table, or NULL. `relation` must stay. */
extern void MtmDescribedTableSet(const char *schema, const char *relation);

/*
 * 'the row with key (id)=(5) of relation "public.t"', or as much as is known. Looks nothing
 * up, so that it may be called while the process waits for a lock.
 */
extern void MtmDescribedRow(char *text, Size size);
/*
 * The same for the client of another transaction. Without the key, 'a row of relation
 * "public.t"', if that has not locked what is waited for (`met`), or if policies say who
 * may read which row.
 */
extern void MtmDescribedRowForOther(char *text, Size size, bool met);

#endif
