/*
 * Finding the row that a change of another node means.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_FIND_H
#define MTM_FIND_H

#include "executor/tuptable.h"
#include "nodes/lockoptions.h"
#include "storage/block.h"
#include "utils/rel.h"

/*
 * Find and lock the row that `wanted` identifies: by the index's columns when
 * `index` is valid, else by all columns. `compared[attnum - 1]`: the column is part of
 * `wanted` (columns computed by the table are not). `near`: the block to look in first;
 * becomes the row's. Waits for other transactions that are changing it. False if there
 * is none.
 */
extern bool MtmFindRow(Relation relation, Oid index, LockTupleMode mode,
					   TupleTableSlot *wanted, const bool *compared,
					   BlockNumber *near, TupleTableSlot *found);
/* The same by an index without nulls, but the row is not locked: it may change before its use. */
extern bool MtmLookForRow(Relation relation, Oid index, TupleTableSlot *wanted,
						  TupleTableSlot *found);

#endif
