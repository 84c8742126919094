/*
 * Replica identity of tables.
 *
 * Runs in: backends and apply workers, with the same result everywhere: what is set here
 *          is not itself replicated.
 * Path: backend/schema_change.c -> here; backend/written.c -> MtmReplicaIdentityCheck
 * Locks: AccessExclusiveLock on a table whose identity changes, until the commit.
 *
 * A table without a usable primary key and with the default identity gets FULL. When it
 * later gets a key (pg_dump adds keys after the rows), FULL is taken back: finding
 * rows by the key is quick. An identity that its user chose in the same statement
 * is left alone.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "backend/replica_identity.h"
#include "backend/schema_change_frame.h"
#include "backend/written.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "miscadmin.h"
#include "settings.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static bool
is_candidate(Form_pg_class class)
{
	return class->oid >= FirstNormalObjectId &&
		(class->relkind == RELKIND_RELATION ||
		 class->relkind == RELKIND_PARTITIONED_TABLE ||
		 class->relkind == RELKIND_MATVIEW) &&
		class->relpersistence == RELPERSISTENCE_PERMANENT &&
		class->relnamespace != get_namespace_oid("mtm", true);
}

static bool
has_usable_key(Oid table)
{
	Relation	relation = table_open(table, AccessShareLock);
	bool		has = OidIsValid(RelationGetPrimaryKeyIndex(relation));

	table_close(relation, AccessShareLock);
	return has;
}

static void
set_identity(Oid table, char identity)
{
	Relation	pg_class;
	HeapTuple	tuple;

	LockRelationOid(table, AccessExclusiveLock);
	pg_class = table_open(RelationRelationId, RowExclusiveLock);
	tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(table));
	if (HeapTupleIsValid(tuple))
	{
		((Form_pg_class) GETSTRUCT(tuple))->relreplident = identity;
		CatalogTupleUpdate(pg_class, &tuple->t_self, tuple);
		heap_freetuple(tuple);
	}
	table_close(pg_class, RowExclusiveLock);
	CommandCounterIncrement();
}

/* '\0' when the table is gone, or none of ours. */
static char
identity_of(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	char		identity = '\0';

	if (!HeapTupleIsValid(tuple))
		return identity;
	if (is_candidate((Form_pg_class) GETSTRUCT(tuple)))
		identity = ((Form_pg_class) GETSTRUCT(tuple))->relreplident;
	ReleaseSysCache(tuple);
	return identity;
}

static void
full_without_key(Oid table)
{
	if (identity_of(table) == REPLICA_IDENTITY_DEFAULT && !has_usable_key(table))
		set_identity(table, REPLICA_IDENTITY_FULL);
}

static Oid
table_of_primary_key(Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			table = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return table;
	if (((Form_pg_constraint) GETSTRUCT(tuple))->contype == CONSTRAINT_PRIMARY)
		table = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
	ReleaseSysCache(tuple);
	return table;
}

void
MtmReplicaIdentityAfter(List *tables, List *constraints)
{
	ListCell   *cell;

	if (mtm_ignore_tables_without_pk)
		return;
	foreach(cell, constraints)
	{
		Oid			table = table_of_primary_key(lfirst_oid(cell));

		if (OidIsValid(table) && identity_of(table) == REPLICA_IDENTITY_FULL &&
			has_usable_key(table))
			set_identity(table, REPLICA_IDENTITY_DEFAULT);
	}
	foreach(cell, tables)
		full_without_key(lfirst_oid(cell));
}

void
MtmReplicaIdentityAll(void)
{
	Relation	pg_class;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *tables = NIL;
	ListCell   *cell;

	if (mtm_ignore_tables_without_pk)
		return;
	pg_class = table_open(RelationRelationId, AccessShareLock);
	scan = systable_beginscan(pg_class, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);

		if (is_candidate(class) && class->relreplident == REPLICA_IDENTITY_DEFAULT)
			tables = lappend_oid(tables, class->oid);
	}
	systable_endscan(scan);
	table_close(pg_class, AccessShareLock);

	foreach(cell, tables)
	{
		Oid			table = lfirst_oid(cell);

		CHECK_FOR_INTERRUPTS();
		/* it may be dropped while this waits for the lock */
		LockRelationOid(table, AccessShareLock);
		if (identity_of(table) != '\0')
			full_without_key(table);
		UnlockRelationOid(table, AccessShareLock);
	}
}

void
MtmReplicaIdentityCheck(Relation relation)
{
	if (MtmProcessExempt() || MtmSchemaFrameHidesRows() ||
		relation->rd_rel->relkind != RELKIND_RELATION ||
		relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL ||
		OidIsValid(RelationGetReplicaIndex(relation)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot update or delete rows of table \"%s\" because it has no usable replica identity",
					RelationGetRelationName(relation)),
			 errdetail("Other nodes could not find the rows."),
			 errhint("Use ALTER TABLE to add a primary key, or to set REPLICA IDENTITY FULL.")));
}
