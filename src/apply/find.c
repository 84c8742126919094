/*
 * Finding the row that a change of another node means; see find.h.
 *
 * Runs in: apply workers.
 * Path: apply/rows.c -> here
 * Locks: waits for transactions that are changing the row, bounded by the
 *        worker's lock_timeout.
 *
 * A row is looked for with a dirty snapshot, which shows what others are just
 * doing, so that we wait for it. Such a scan can miss a row whose transaction
 * commits while the scan runs: it may have passed the new version's place before
 * it was put there, and see the old version dead. So nothing is called missing
 * before a scan with an ordinary snapshot, which cannot miss, agrees.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "apply/find.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* Each round needs another transaction that moves the row in just that moment. */
#define MAX_ROUNDS 100

/*
 * Equal in every byte of the value: two rows that are equal but not the same
 * (1.0 and 1.00) are two rows.
 */
static bool
same_image(TupleDesc desc, const bool *compared, TupleTableSlot *a, TupleTableSlot *b)
{
	slot_getallattrs(a);
	slot_getallattrs(b);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || att->attgenerated || !compared[i])
			continue;
		if (a->tts_isnull[i] != b->tts_isnull[i])
			return false;
		if (!a->tts_isnull[i] &&
			!datum_image_eq(a->tts_values[i], b->tts_values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

/* Equal by the types' own operators, where they have one. */
static bool
same_value(TupleDesc desc, const bool *compared, TupleTableSlot *a, TupleTableSlot *b)
{
	slot_getallattrs(a);
	slot_getallattrs(b);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		TypeCacheEntry *type;

		if (att->attisdropped || att->attgenerated || !compared[i])
			continue;
		if (a->tts_isnull[i] != b->tts_isnull[i])
			return false;
		if (a->tts_isnull[i])
			continue;
		type = lookup_type_cache(att->atttypid, TYPECACHE_EQ_OPR_FINFO);
		if (OidIsValid(type->eq_opr_finfo.fn_oid) ?
			!DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, att->attcollation,
											a->tts_values[i], b->tts_values[i])) :
			!datum_image_eq(a->tts_values[i], b->tts_values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

typedef bool (*SameRow) (TupleDesc desc, const bool *compared, TupleTableSlot *a,
						 TupleTableSlot *b);

/* False: somebody changed it first, look again. */
static bool
lock_row(Relation relation, LockTupleMode mode, TupleTableSlot *found)
{
	TM_FailureData failure;
	TM_Result	result;

	PushActiveSnapshot(GetLatestSnapshot());
	result = table_tuple_lock(relation, &found->tts_tid, GetActiveSnapshot(), found,
							  GetCurrentCommandId(false), mode, LockWaitBlock, 0,
							  &failure);
	PopActiveSnapshot();
	if (result == TM_Ok)
		return true;
	if (result != TM_Updated && result != TM_Deleted)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("unexpected status %d of a row lock", result)));
	return false;
}

/*
 * The block where the last row was found. Rows of a transaction mostly come in the
 * order in which they lie here, too; from the beginning, the way to each would lead
 * over all that it has changed already.
 */
static void
start_at(TableScanDesc scan, BlockNumber block)
{
	HeapScanDesc heap = (HeapScanDesc) scan;

	if (scan->rs_rd->rd_tableam == GetHeapamTableAmRoutine() && block < heap->rs_nblocks)
		heap->rs_startblock = block;
}

/*
 * A row that another transaction is just changing is waited for only when there is no
 * other: of equal rows, any one will do.
 */
static bool
scan_once(TableScanDesc scan, SnapshotData *dirty, TupleTableSlot *wanted,
		  const bool *compared, SameRow same, TupleTableSlot *row,
		  TupleTableSlot *found, TransactionId *changing)
{
	Relation	relation = scan->rs_rd;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "compared rows",
												  ALLOCSET_SMALL_SIZES);
	bool		seen = false;

	*changing = InvalidTransactionId;
	while (!seen && table_scan_getnextslot(scan, ForwardScanDirection, row))
	{
		TransactionId other;
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		match = same(RelationGetDescr(relation), compared, row, wanted);

		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
		if (!match)
			continue;
		other = TransactionIdIsValid(dirty->xmin) ? dirty->xmin : dirty->xmax;
		if (!TransactionIdIsValid(other))
			seen = true;
		else if (TransactionIdIsValid(*changing))
			continue;
		else
			*changing = other;
		ExecCopySlot(found, row);
	}
	MemoryContextDelete(context);
	return seen;
}

static bool
scan_table(Relation relation, LockTupleMode mode, TupleTableSlot *wanted,
		   const bool *compared, SameRow same, BlockNumber *near, TupleTableSlot *found)
{
	TupleTableSlot *row = table_slot_create(relation, NULL);
	SnapshotData dirty;
	TableScanDesc scan;
	bool		seen;
	bool		again;

	InitDirtySnapshot(dirty);
	scan = table_beginscan_strat(relation, &dirty, 0, NULL, true, false);
	do
	{
		TransactionId changing;

		start_at(scan, *near);
		table_rescan(scan, NULL);
		seen = scan_once(scan, &dirty, wanted, compared, same, row, found, &changing);
		again = false;
		if (seen)
			again = !lock_row(relation, mode, found);
		else if (TransactionIdIsValid(changing))
		{
			XactLockTableWait(changing, relation, &found->tts_tid, XLTW_None);
			again = true;
		}
	} while (again);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(row);
	if (seen)
		*near = ItemPointerGetBlockNumber(&found->tts_tid);
	return seen;
}

/* Is there such a row for an ordinary snapshot, which cannot miss it? */
static bool
visible_in_table(Relation relation, TupleTableSlot *wanted, const bool *compared,
				 SameRow same)
{
	TupleTableSlot *row = table_slot_create(relation, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	bool		visible = false;

	while (!visible && table_scan_getnextslot(scan, ForwardScanDirection, row))
	{
		CHECK_FOR_INTERRUPTS();
		visible = same(RelationGetDescr(relation), compared, row, wanted);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(row);
	return visible;
}

/* Equality on every column of the index. Returns how many. */
static int
index_keys(Relation index, TupleTableSlot *wanted, ScanKeyData key[INDEX_MAX_KEYS])
{
	int			columns = IndexRelationGetNumberOfKeyAttributes(index);

	for (int i = 0; i < columns; i++)
	{
		int			column = index->rd_index->indkey.values[i];
		Oid			type = index->rd_opcintype[i];
		Oid			operator = get_opfamily_member(index->rd_opfamily[i], type, type,
												   BTEqualStrategyNumber);

		if (!OidIsValid(operator))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("index \"%s\" has no equality operator",
							RelationGetRelationName(index))));
		ScanKeyInit(&key[i], i + 1, BTEqualStrategyNumber, get_opcode(operator),
					wanted->tts_values[column - 1]);
		key[i].sk_collation = index->rd_indcollation[i];
		if (wanted->tts_isnull[column - 1])
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("a column of index \"%s\" is null in the row to find",
							RelationGetRelationName(index))));
	}
	return columns;
}

/* `mode` NULL: the row is not locked. */
static bool
scan_index(Relation relation, Relation index, const LockTupleMode *mode,
		   TupleTableSlot *wanted, TupleTableSlot *found)
{
	ScanKeyData key[INDEX_MAX_KEYS];
	int			columns = index_keys(index, wanted, key);
	SnapshotData dirty;
	IndexScanDesc scan;
	bool		seen;
	bool		again;

	InitDirtySnapshot(dirty);
	scan = index_beginscan(relation, index, &dirty, columns, 0);
	do
	{
		TransactionId other;

		CHECK_FOR_INTERRUPTS();
		again = false;
		index_rescan(scan, key, columns, NULL, 0);
		seen = index_getnext_slot(scan, ForwardScanDirection, found);
		if (!seen)
			break;
		ExecMaterializeSlot(found);
		other = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		if (TransactionIdIsValid(other))
		{
			XactLockTableWait(other, relation, &found->tts_tid, XLTW_None);
			again = true;
		}
		else if (mode)
			again = !lock_row(relation, *mode, found);
	} while (again);
	index_endscan(scan);
	return seen;
}

static bool
visible_in_index(Relation relation, Relation index, TupleTableSlot *wanted)
{
	ScanKeyData key[INDEX_MAX_KEYS];
	int			columns = index_keys(index, wanted, key);
	TupleTableSlot *row = table_slot_create(relation, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	IndexScanDesc scan = index_beginscan(relation, index, snapshot, columns, 0);
	bool		visible;

	index_rescan(scan, key, columns, NULL, 0);
	visible = index_getnext_slot(scan, ForwardScanDirection, row);
	index_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(row);
	return visible;
}

static bool
find_by_index(Relation relation, Oid index_id, const LockTupleMode *mode,
			  TupleTableSlot *wanted, TupleTableSlot *found)
{
	Relation	index = index_open(index_id, RowExclusiveLock);
	bool		seen = false;

	for (int round = 0; round < MAX_ROUNDS && !seen; round++)
	{
		seen = scan_index(relation, index, mode, wanted, found);
		if (!seen && !visible_in_index(relation, index, wanted))
			break;
	}
	index_close(index, RowExclusiveLock);
	return seen;
}

/* A unique index of a materialized view may have nulls, which it does not keep unique. */
static bool
has_null_key(Oid index_id, TupleTableSlot *wanted)
{
	Relation	index = index_open(index_id, RowExclusiveLock);
	bool		found = false;

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		found = found || wanted->tts_isnull[index->rd_index->indkey.values[i] - 1];
	index_close(index, RowExclusiveLock);
	return found;
}

static bool
find_by_row(Relation relation, LockTupleMode mode, TupleTableSlot *wanted,
			const bool *compared, SameRow same, BlockNumber *near, TupleTableSlot *found)
{
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		if (scan_table(relation, mode, wanted, compared, same, near, found))
			return true;
		if (!visible_in_table(relation, wanted, compared, same))
			return false;
	}
	return false;
}

bool
MtmFindRow(Relation relation, Oid index, LockTupleMode mode, TupleTableSlot *wanted,
		   const bool *compared, BlockNumber *near, TupleTableSlot *found)
{
	if (OidIsValid(index) && (relation->rd_rel->relkind != RELKIND_MATVIEW ||
							  !has_null_key(index, wanted)))
		return find_by_index(relation, index, &mode, wanted, found);
	return find_by_row(relation, mode, wanted, compared, same_image, near, found) ||
		find_by_row(relation, mode, wanted, compared, same_value, near, found);
}

bool
MtmLookForRow(Relation relation, Oid index, TupleTableSlot *wanted, TupleTableSlot *found)
{
	return find_by_index(relation, index, NULL, wanted, found);
}
