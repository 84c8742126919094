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
 *
 * Code of users (triggers, functions in checks) runs here too, and may raise what it likes, or
 * be refused by an index of a local table. So only what PostgreSQL says of the very row counts.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
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
#include "utils/syscache.h"
#include "wire/replicated.h"

/* Where PostgreSQL finds that a row is not unique: when it comes, when an index is built anew. */
#define CHECK_OF_ROW "nbtinsert.c"
#define CHECK_OF_BUILD "tuplesort.c"

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

/* Not of code of a user: whatever calls that, or runs its statements, adds a context. */
static bool
is_of_postgres(const ErrorData *error, Oid table)
{
	return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION && !error->context && error->filename &&
		strcmp(error->filename, OidIsValid(table) ? CHECK_OF_ROW : CHECK_OF_BUILD) == 0 &&
		error->schema_name && error->table_name && error->constraint_name;
}

static bool
is_unique(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		unique;

	if (!HeapTupleIsValid(tuple))
		return false;
	unique = ((Form_pg_index) GETSTRUCT(tuple))->indisunique;
	ReleaseSysCache(tuple);
	return unique;
}

static bool
is_replicated(Oid table)
{
	Relation	relation = RelationIdGetRelation(table);
	bool		replicated;

	if (!RelationIsValid(relation))
		return false;
	replicated = MtmRelationIsReplicated(relation);
	RelationClose(relation);
	return replicated;
}

static Oid
refusing_index(const ErrorData *error, Oid table)
{
	Oid			schema;
	Oid			index;
	Oid			refusing;

	if (!is_of_postgres(error, table))
		return InvalidOid;
	schema = get_namespace_oid(error->schema_name, true);
	if (!OidIsValid(schema))
		return InvalidOid;
	index = get_relname_relid(error->constraint_name, schema);
	refusing = get_relname_relid(error->table_name, schema);
	if (!OidIsValid(index) || !OidIsValid(refusing) ||
		(OidIsValid(table) && table != refusing) || !is_user_index(index) ||
		IndexGetRelation(index, true) != refusing || !is_unique(index) ||
		OidIsValid(get_index_constraint(index)) || !is_replicated(refusing))
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

static List *
find(const ErrorData *error, Oid table)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext transaction;
	List	   *indexes;
	Oid			refusing;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	transaction = MemoryContextSwitchTo(context);
	indexes = incomplete_indexes();
	refusing = refusing_index(error, table);
	if (OidIsValid(refusing))
		indexes = list_append_unique_oid(indexes, refusing);
	MemoryContextSwitchTo(transaction);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return indexes;
}

/* Each by itself: one that cannot be dropped keeps no other. */
static void
drop_alone(Oid index)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		drop(index);
		PopActiveSnapshot();
		CommitTransactionCommand();
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

void
MtmLeftoverIndexesDrop(const ErrorData *error, Oid table)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile indexes = NIL;
	ListCell   *cell;

	PG_TRY();
	{
		indexes = find(error, table);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	foreach(cell, indexes)
		drop_alone(lfirst_oid(cell));
	list_free(indexes);
}
