/*
 * Waiting for the rows that a foreign key refers to; see parent.h.
 *
 * Runs in: apply workers.
 * Path: apply/foreign_keys.c -> here
 * Locks: RowShareLock on the referenced tables, to the end of the transaction; waits
 *        for other transactions, bounded by the worker's lock_timeout.
 *
 * On its own node a transaction saw the parent row committed. Here that row may still be
 * prepared only: its outcome comes by another lane. An ordinary snapshot would not show
 * it, so it is looked for with a dirty one. This finds nothing out for good: PostgreSQL's
 * own check follows. Too much waiting is harmless, so a key column whose value cannot be
 * compared by the index as it is does not narrow the search.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "apply/parent.h"
#include "catalog/partition.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* One column of the referenced index. */
typedef struct ParentKey
{
	AttrNumber	index_column;
	AttrNumber	child_column;
	RegProcedure equal;
	Oid			right_type;		/* of `equal`: what the child's value must be */
} ParentKey;

typedef struct ParentTable
{
	Relation	table;
	Relation	index;
	TupleTableSlot *row;
} ParentTable;

struct MtmParent
{
	int			columns;		/* of the constraint */
	AttrNumber	child_column[INDEX_MAX_KEYS];
	int			keys;			/* those of them to search by */
	ParentKey	key[INDEX_MAX_KEYS];
	List	   *tables;			/* ParentTable: several if it is partitioned */
};

static void
open_table(MtmParent *parent, Oid table, Oid index)
{
	ParentTable *one = palloc(sizeof(*one));

	one->table = table_open(table, NoLock);
	one->index = index_open(index, AccessShareLock);
	one->row = table_slot_create(one->table, NULL);
	parent->tables = lappend(parent->tables, one);
}

static void
open_partitions(MtmParent *parent, Oid root, Oid root_index)
{
	List	   *members = find_all_inheritors(root, RowShareLock, NULL);
	ListCell   *cell;

	foreach(cell, members)
	{
		Relation	member = table_open(lfirst_oid(cell), NoLock);
		List	   *indexes = member->rd_rel->relkind == RELKIND_RELATION ?
			RelationGetIndexList(member) : NIL;
		ListCell   *index;

		foreach(index, indexes)
		{
			if (get_rel_relispartition(lfirst_oid(index)) &&
				list_member_oid(get_partition_ancestors(lfirst_oid(index)), root_index))
				open_table(parent, lfirst_oid(cell), lfirst_oid(index));
		}
		table_close(member, NoLock);
	}
}

/* The index takes a value of type `from` for one of type `to` without converting it. */
static bool
same_representation(Oid from, Oid to)
{
	Oid			function;

	return from == to || IsPolymorphicType(to) ||
		find_coercion_pathway(to, from, COERCION_IMPLICIT, &function) ==
		COERCION_PATH_RELABELTYPE;
}

/* Partitions' indexes have the columns of the root's, in the same order. */
static void
find_keys(MtmParent *parent, Relation index, Oid child, int columns,
		  const AttrNumber *child_column, const AttrNumber *parent_column,
		  const Oid *equal)
{
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		for (int j = 0; j < columns; j++)
		{
			ParentKey  *key = &parent->key[parent->keys];
			Oid			left_type;

			if (index->rd_index->indkey.values[i] != parent_column[j] ||
				get_op_opfamily_strategy(equal[j], index->rd_opfamily[i]) !=
				BTEqualStrategyNumber)
				continue;
			op_input_types(equal[j], &left_type, &key->right_type);
			if (!same_representation(getBaseType(get_atttype(child, child_column[j])),
									 key->right_type))
				continue;
			key->index_column = i + 1;
			key->child_column = child_column[j];
			key->equal = get_opcode(equal[j]);
			parent->keys++;
			break;
		}
	}
}

MtmParent *
MtmParentOpen(Trigger *trigger)
{
	MtmParent  *parent = palloc0(sizeof(*parent));
	HeapTuple	tuple = SearchSysCache1(CONSTROID,
										ObjectIdGetDatum(trigger->tgconstraint));
	AttrNumber	parent_column[INDEX_MAX_KEYS];
	Oid			equal[INDEX_MAX_KEYS];
	Form_pg_constraint constraint;
	Relation	table;
	Relation	index;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("constraint %u of trigger \"%s\" does not exist",
						trigger->tgconstraint, trigger->tgname)));
	constraint = (Form_pg_constraint) GETSTRUCT(tuple);
	DeconstructFkConstraintRow(tuple, &parent->columns, parent->child_column,
							   parent_column, equal, NULL, NULL, NULL, NULL);
	table = table_open(constraint->confrelid, RowShareLock);
	index = index_open(constraint->conindid, AccessShareLock);
	find_keys(parent, index, constraint->conrelid, parent->columns,
			  parent->child_column, parent_column, equal);
	if (table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		open_partitions(parent, RelationGetRelid(table), RelationGetRelid(index));
	else
		open_table(parent, RelationGetRelid(table), RelationGetRelid(index));
	index_close(index, AccessShareLock);
	table_close(table, NoLock);
	ReleaseSysCache(tuple);
	return parent;
}

void
MtmParentClose(MtmParent *parent)
{
	ListCell   *cell;

	foreach(cell, parent->tables)
	{
		ParentTable *one = lfirst(cell);

		ExecDropSingleTupleTableSlot(one->row);
		index_close(one->index, AccessShareLock);
		table_close(one->table, NoLock);
	}
}

static bool
key_is_changing(TupleTableSlot *row)
{
	HeapTuple	tuple = ExecFetchSlotHeapTuple(row, false, NULL);

	return (tuple->t_data->t_infomask2 & HEAP_KEYS_UPDATED) != 0;
}

/*
 * Of this table: the transaction to wait for, if there is one. `there`: a row with the
 * key stands firm.
 */
static TransactionId
look_in(ParentTable *one, MtmParent *parent, TupleTableSlot *child, bool *there)
{
	ScanKeyData key[INDEX_MAX_KEYS];
	SnapshotData dirty;
	IndexScanDesc scan;
	TransactionId changing = InvalidTransactionId;

	for (int i = 0; i < parent->keys; i++)
	{
		const ParentKey *from = &parent->key[i];

		ScanKeyEntryInitialize(&key[i], 0, from->index_column, BTEqualStrategyNumber,
							   from->right_type,
							   one->index->rd_indcollation[from->index_column - 1],
							   from->equal,
							   child->tts_values[from->child_column - 1]);
	}
	InitDirtySnapshot(dirty);
	scan = index_beginscan(one->table, one->index, &dirty, parent->keys, 0);
	index_rescan(scan, key, parent->keys, NULL, 0);
	while (!*there && index_getnext_slot(scan, ForwardScanDirection, one->row))
	{
		CHECK_FOR_INTERRUPTS();
		if (TransactionIdIsValid(dirty.xmin))
			changing = dirty.xmin;
		else if (TransactionIdIsValid(dirty.xmax) && key_is_changing(one->row))
			changing = dirty.xmax;
		else
			*there = parent->keys == parent->columns;
	}
	index_endscan(scan);
	ExecClearTuple(one->row);
	return changing;
}

void
MtmParentWait(MtmParent *parent, TupleTableSlot *row)
{
	TransactionId changing;

	slot_getallattrs(row);
	for (int i = 0; i < parent->columns; i++)
	{
		if (row->tts_isnull[parent->child_column[i] - 1])
			return;
	}
	do
	{
		bool		there = false;
		ListCell   *cell;

		changing = InvalidTransactionId;
		foreach(cell, parent->tables)
		{
			TransactionId other = look_in(lfirst(cell), parent, row, &there);

			if (there)
				return;
			if (TransactionIdIsValid(other))
				changing = other;
		}
		if (TransactionIdIsValid(changing))
			XactLockTableWait(changing, NULL, NULL, XLTW_None);
	} while (TransactionIdIsValid(changing));
}
