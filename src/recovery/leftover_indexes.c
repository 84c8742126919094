/*
 * Indexes that this node has and the others have not; see leftover_indexes.h.
 *
 * Runs in: the recovery process.
 * Path: recovery/replay.c -> here
 * Locks: AccessExclusiveLock on their tables, up to lock_timeout.
 *
 * A concurrent build that ended with a crash leaves an index, on this node or on some, that
 * no other node's WAL tells of. A unique one refuses rows that the others have taken since.
 * 1. An incomplete one is of no use to anybody: no build is under way on a node that recovers.
 * 2. One that refuses a row that is committed elsewhere, and belongs to no constraint, is not
 *    in the cluster: if it was, the row would have been refused there. When the others make
 *    it later, that comes later in the stream.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace_d.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "recovery/leftover_indexes.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

static bool
is_user_index(Oid index)
{
	Oid			schema = get_rel_namespace(index);

	return get_rel_relkind(index) == RELKIND_INDEX && schema != PG_TOAST_NAMESPACE &&
		schema != PG_CATALOG_NAMESPACE;
}

static List *
incomplete_indexes(void)
{
	Relation	catalog = table_open(IndexRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	List	   *indexes = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);

		if (!index->indisvalid && is_user_index(index->indexrelid))
			indexes = lappend_oid(indexes, index->indexrelid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return indexes;
}

static Oid
refusing_index(const ErrorData *error)
{
	Oid			schema;
	Oid			index;

	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || !error->schema_name ||
		!error->constraint_name)
		return InvalidOid;
	schema = get_namespace_oid(error->schema_name, true);
	index = OidIsValid(schema) ? get_relname_relid(error->constraint_name, schema) :
		InvalidOid;
	if (!OidIsValid(index) || !is_user_index(index) ||
		OidIsValid(get_index_constraint(index)))
		return InvalidOid;
	return index;
}

static void
drop(Oid index)
{
	DropStmt   *statement = makeNode(DropStmt);
	char	   *schema = get_namespace_name(get_rel_namespace(index));
	char	   *name = get_rel_name(index);

	if (!schema || !name)
		return;
	statement->removeType = OBJECT_INDEX;
	statement->objects = list_make1(list_make2(makeString(schema), makeString(name)));
	statement->behavior = DROP_RESTRICT;
	statement->missing_ok = true;
	RemoveRelations(statement);
	ereport(LOG,
			(errmsg("index \"%s.%s\" was dropped: other nodes do not have it", schema, name),
			 errdetail("A concurrent build of it did not end on all nodes.")));
}

static void
drop_all(const ErrorData *error)
{
	List	   *indexes;
	ListCell   *cell;
	Oid			refusing;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	indexes = incomplete_indexes();
	refusing = refusing_index(error);
	if (OidIsValid(refusing))
		indexes = list_append_unique_oid(indexes, refusing);
	foreach(cell, indexes)
		drop(lfirst_oid(cell));
	PopActiveSnapshot();
	CommitTransactionCommand();
}

void
MtmLeftoverIndexesDrop(const ErrorData *error)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		drop_all(error);
	}
	PG_CATCH();
	{
		/* Tried again after the transaction's next failure. */
		MemoryContextSwitchTo(context);
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}
