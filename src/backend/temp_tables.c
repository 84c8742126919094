/*
 * Temporary tables in a transaction that is prepared.
 *
 * Runs in: the committing backend.
 * Path: backend/commit.c, before PREPARE and after the outcome.
 * Locks: none of its own.
 *
 * PREPARE refuses such transactions for reasons that do not hold here: the
 * preparing backend stays and ends the transaction itself. What two-phase commit
 * does not carry is the files: a dropped temporary table's file would stay, and
 * so would that of one whose creation is rolled back. So after the outcome
 * every file of this backend's temporary tables that no row of pg_class names
 * is removed. That finds them all (DROP, TRUNCATE, rewrites, ON COMMIT DROP), and
 * costs a directory scan for transactions of this rare kind only.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "backend/emptied_tables.h"
#include "backend/temp_tables.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid_d.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_tablespace_d.h"
#include "commands/tablecmds.h"
#include "common/relpath.h"
#include "miscadmin.h"
#include "storage/backendid.h"
#include "storage/fd.h"
#include "storage/smgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Relations created since the transaction first used temporary objects. */
static List *created = NIL;
static object_access_hook_type next_object_access = NULL;

bool
MtmTempTablesBeforePrepare(void)
{
	if (!(MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE))
		return false;
	PreCommit_on_commit_actions();
	MyXactFlags &= ~XACT_FLAGS_ACCESSEDTEMPNAMESPACE;
	return true;
}

static List *
files_in_use(Oid tablespace)
{
	Relation	classes = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(classes, InvalidOid, false, NULL, 0, NULL);
	List	   *used = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);
		Oid			in = class->reltablespace ? class->reltablespace : MyDatabaseTableSpace;

		if (class->relpersistence == RELPERSISTENCE_TEMP &&
			isTempOrTempToastNamespace(class->relnamespace) &&
			OidIsValid(class->relfilenode) && in == tablespace)
			used = lappend_oid(used, class->relfilenode);
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return used;
}

static void
remove_unused_in(Oid tablespace)
{
	char	   *path = GetDatabasePath(MyDatabaseId, tablespace);
	DIR		   *dir = AllocateDir(path);
	struct dirent *file;
	List	   *used = NIL;
	bool		looked = false;
	char		prefix[32];

	if (!dir)
		return;
	snprintf(prefix, sizeof(prefix), "t%d_", MyBackendId);
	while ((file = ReadDirExtended(dir, path, LOG)) != NULL)
	{
		RelFileNodeBackend node;
		SMgrRelation relation;
		char	   *end;

		if (strncmp(file->d_name, prefix, strlen(prefix)) != 0)
			continue;
		node.node.relNode = strtoul(file->d_name + strlen(prefix), &end, 10);
		if (*end != '\0')
			continue;			/* another fork or segment: goes with the first */
		if (!looked)
			used = files_in_use(tablespace);
		looked = true;
		if (list_member_oid(used, node.node.relNode))
			continue;
		node.node.spcNode = tablespace;
		node.node.dbNode = MyDatabaseId;
		relation = smgropen(node.node, MyBackendId);
		smgrdounlinkall(&relation, 1, false);
		smgrclose(relation);
	}
	FreeDir(dir);
	list_free(used);
}

/*
 * The backend's temporary schema was created by the transaction that was rolled
 * back, and the backend still counts on it: put the row back as it was.
 */
static void
restore_schema(Oid id, const char *format)
{
	Relation	schemas;
	HeapTuple	tuple;
	Datum		values[Natts_pg_namespace];
	bool		nulls[Natts_pg_namespace];
	NameData	name;
	char		text[NAMEDATALEN];

	if (!OidIsValid(id) || SearchSysCacheExists1(NAMESPACEOID, ObjectIdGetDatum(id)))
		return;
	snprintf(text, sizeof(text), format, MyBackendId);
	namestrcpy(&name, text);
	memset(nulls, 0, sizeof(nulls));
	values[Anum_pg_namespace_oid - 1] = ObjectIdGetDatum(id);
	values[Anum_pg_namespace_nspname - 1] = NameGetDatum(&name);
	values[Anum_pg_namespace_nspowner - 1] = ObjectIdGetDatum(BOOTSTRAP_SUPERUSERID);
	nulls[Anum_pg_namespace_nspacl - 1] = true;

	schemas = table_open(NamespaceRelationId, RowExclusiveLock);
	tuple = heap_form_tuple(RelationGetDescr(schemas), values, nulls);
	CatalogTupleInsert(schemas, tuple);
	heap_freetuple(tuple);
	table_close(schemas, RowExclusiveLock);
}

/*
 * What the backend itself remembers of temporary tables that never came to be.
 * Runs and commits a transaction of its own.
 */
static void
forget_rolled_back(void)
{
	ListCell   *cell;
	Oid			schema;
	Oid			toast_schema;

	GetTempNamespaceState(&schema, &toast_schema);
	restore_schema(schema, "pg_temp_%d");
	restore_schema(toast_schema, "pg_toast_temp_%d");
	foreach(cell, created)
	{
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(cell))))
			remove_on_commit_action(lfirst_oid(cell));
	}
	MtmEmptiedTablesRestore();
	CommitTransactionCommand();
	StartTransactionCommand();
}

void
MtmTempTablesAfterOutcome(bool committed)
{
	DIR		   *dir;
	struct dirent *link;

	remove_unused_in(MyDatabaseTableSpace);
	dir = AllocateDir("pg_tblspc");
	while ((link = ReadDirExtended(dir, "pg_tblspc", LOG)) != NULL)
	{
		Oid			tablespace = strtoul(link->d_name, NULL, 10);

		if (OidIsValid(tablespace) && tablespace != MyDatabaseTableSpace)
			remove_unused_in(tablespace);
	}
	FreeDir(dir);
	if (!committed)
		forget_rolled_back();
}

static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
				 void *argument)
{
	if (next_object_access)
		next_object_access(access, class_id, object_id, sub_id, argument);
	if (access == OAT_POST_CREATE && class_id == RelationRelationId && sub_id == 0 &&
		(MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE))
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		created = lappend_oid(created, object_id);
		MemoryContextSwitchTo(old);
	}
}

void
MtmTempTablesForget(bool committed)
{
	list_free(created);
	created = NIL;
	MtmEmptiedTablesForget(committed);
}

void
MtmTempTablesInstallHooks(void)
{
	MtmEmptiedTablesInstallHooks();
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
}
