/*
 * Partitions that are detached on one node after the other; see detaching.h.
 *
 * Runs in: backends, apply workers; not the recovery process, which reads what was committed.
 * Path: backend/schema_change.c, apply/schema_change.c -> here
 * Locks: none of its own.
 *
 * 1. Before any node detaches, the row of mtm.unfinished_statements is committed on all of them.
 * 2. Where a node detaches, it waits for all transactions that have locked the partitioned table.
 * 3. A schema change locks it, looks for the row, and keeps the lock until its transaction ends.
 * So where a schema change finds no row, it comes before the detach on that node. If it does on
 * all nodes, it reached the partition on all; else one node votes no. The row goes when the
 * partition is detached on all.
 *
 * The lock is what tells that the table was changed: all that reaches partitions takes one that
 * is stronger than those of writers. Nor may one of the two lose its name: by that the others
 * know it. Who drops the partition leaves the same on all nodes, and takes the row along.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "backend/detaching.h"
#include "backend/written.h"
#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "superuser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "wire/outside.h"

#define ANUM_ID 2
#define ANUM_STATEMENT 5

typedef struct Detaching
{
	const char *id;
	const char *statement;
	Oid			parent;			/* invalid: none has that name */
	Oid			partition;
} Detaching;

static char *
text_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? pstrdup("") : TextDatumGetCString(value);
}

/* By its name alone: whose schema change this is need not have rights there. */
static Oid
relation_named(const RangeVar *name)
{
	Oid			schema = get_namespace_oid(name->schemaname, true);

	return OidIsValid(schema) ? get_relname_relid(name->relname, schema) : InvalidOid;
}

static Detaching *
read_row(HeapTuple tuple, TupleDesc desc)
{
	char	   *text = text_column(tuple, desc, ANUM_STATEMENT);
	AlterTableStmt *detach = (AlterTableStmt *)
		linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT))->stmt;
	Detaching  *row;

	if (!IsA(detach, AlterTableStmt))
		return NULL;
	row = palloc(sizeof(*row));
	row->id = text_column(tuple, desc, ANUM_ID);
	row->statement = text;
	row->parent = relation_named(detach->relation);
	row->partition = relation_named(castNode(PartitionCmd, MtmDetachCommand(detach)->def)->name);
	return row;
}

/*
 * Its deletion is prepared, so this node has voted that the partition is detached: then it is so
 * on all nodes, or one that is not will vote no. The client may have its answer already.
 */
static bool
is_ending(HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	TransactionId deleter;

	if ((header->t_infomask & HEAP_XMAX_INVALID) ||
		HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask) ||
		!ItemPointerEquals(&tuple->t_self, &header->t_ctid))
		return false;
	deleter = HeapTupleHeaderGetUpdateXid(header);
	if (TransactionIdIsInProgress(deleter))
		return BackendXidGetPid(deleter) == 0;	/* of no process: prepared */
	return TransactionIdDidCommit(deleter);
}

List *
MtmDetachingNow(void)
{
	Oid			schema = get_namespace_oid("mtm", true);
	Oid			id = OidIsValid(schema) ?
		get_relname_relid("unfinished_statements", schema) : InvalidOid;
	Relation	table = OidIsValid(id) ? table_open(id, AccessShareLock) : NULL;
	List	   *rows = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!table)
		return NIL;
	/* What is committed now, whatever the transaction's own snapshot sees. */
	scan = systable_beginscan(table, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Detaching  *row = is_ending(tuple) ? NULL :
			read_row(tuple, RelationGetDescr(table));

		if (row)
			rows = lappend(rows, row);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return rows;
}

static const Detaching *
find(List *rows, const char *id)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		if (strcmp(((Detaching *) lfirst(cell))->id, id) == 0)
			return lfirst(cell);
	}
	return NULL;
}

static bool
is_changed(Oid table)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, table);
	for (LOCKMODE mode = ShareUpdateExclusiveLock; mode <= AccessExclusiveLock; mode++)
	{
		if (LockHeldByMe(&tag, mode))
			return true;
	}
	return false;
}

/* It has no such name any more: it lost it just now, unless it had none before. */
static bool
lost_name(Oid now, const Detaching *then, Oid was)
{
	return !OidIsValid(now) && (!then || OidIsValid(was));
}

static bool
is_touched(const Detaching *row, const Detaching *then)
{
	return (OidIsValid(row->parent) && is_changed(row->parent)) ||
		lost_name(row->parent, then, then ? then->parent : InvalidOid) ||
		lost_name(row->partition, then, then ? then->partition : InvalidOid);
}

/* Then it does not matter any more where it was attached, and nothing else was changed with it. */
static bool
dropped_partition(const Detaching *then)
{
	return then && OidIsValid(then->partition) && get_rel_relkind(then->partition) == '\0';
}

static void
forget(const char *id)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(id)};
	MtmSavedUser saved;

	saved = MtmBecomeSuperuser();
	SPI_connect();
	if (SPI_execute_with_args("DELETE FROM mtm.unfinished_statements "
							  "WHERE id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not write mtm.unfinished_statements");
	SPI_finish();
	MtmBecomeUser(saved);
}

void
MtmDetachingRefuse(List *before)
{
	ListCell   *cell;

	CommandCounterIncrement();
	foreach(cell, MtmDetachingNow())
	{
		const Detaching *row = lfirst(cell);
		const Detaching *then = find(before, row->id);

		if (dropped_partition(then))
		{
			if (!MtmProcessExempt())	/* else it comes as a row */
				forget(row->id);
		}
		else if (is_touched(row, then))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("a partition of the table is being detached on one node after the other"),
					 errdetail("%s CONCURRENTLY has not ended on all nodes.", row->statement),
					 errhint("If nobody runs it any more, end it: %s FINALIZE.", row->statement)));
	}
}
