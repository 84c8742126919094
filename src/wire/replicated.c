/*
 * Which relations' rows are replicated; see replicated.h.
 *
 * Runs in: backends, walsenders (under a historic snapshot: mtm.local_tables is a
 *          user catalog table), apply workers.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "wire/replicated.h"

PG_FUNCTION_INFO_V1(mtm_local_tables_changed);

#define LOCAL_TABLES "local_tables"
#define CLUSTER_NODES "cluster_nodes"
#define UNFINISHED_STATEMENTS "unfinished_statements"
#define ANUM_SCHEMA 1
#define ANUM_NAME 2

static bool
listed(Oid local_tables, Oid table)
{
	Relation	heap;
	SysScanDesc scan;
	ScanKeyData key[2];
	NameData	schema;
	NameData	name;
	char	   *schema_name = get_namespace_name(get_rel_namespace(table));
	char	   *table_name = get_rel_name(table);
	bool		found;

	if (!schema_name || !table_name)
		return false;
	namestrcpy(&schema, schema_name);
	namestrcpy(&name, table_name);
	ScanKeyInit(&key[0], ANUM_SCHEMA, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&schema));
	ScanKeyInit(&key[1], ANUM_NAME, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&name));

	/* Without a lock: a walsender must not wait for the transaction it decodes. */
	heap = RelationIdGetRelation(local_tables);
	if (!RelationIsValid(heap))
		return false;
	scan = systable_beginscan(heap, InvalidOid, false, NULL, 2, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	RelationClose(heap);
	pfree(schema_name);
	pfree(table_name);
	return found;
}

/* A partition of a local table is local, however deep. */
static bool
named_local(Oid mtm_schema, Relation relation)
{
	Oid			local_tables = get_relname_relid(LOCAL_TABLES, mtm_schema);
	List	   *ancestors;
	ListCell   *cell;

	if (!OidIsValid(local_tables))
		return false;
	if (listed(local_tables, RelationGetRelid(relation)))
		return true;
	if (!relation->rd_rel->relispartition)
		return false;
	ancestors = get_partition_ancestors(RelationGetRelid(relation));
	foreach(cell, ancestors)
	{
		if (listed(local_tables, lfirst_oid(cell)))
			return true;
	}
	list_free(ancestors);
	return false;
}

bool
MtmRelationIsReplicated(Relation relation)
{
	return MtmRelationIsReplicatedAs(relation, relation->rd_rel->relpersistence);
}

bool
MtmRelationIsReplicatedAs(Relation relation, char persistence)
{
	Oid			mtm_schema;

	if (persistence != RELPERSISTENCE_PERMANENT ||
		(relation->rd_rel->relkind != RELKIND_RELATION &&
		 relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		 relation->rd_rel->relkind != RELKIND_MATVIEW) ||
		IsCatalogRelation(relation))
		return false;
	mtm_schema = get_namespace_oid("mtm", true);
	if (!OidIsValid(mtm_schema))
		return false;
	if (RelationGetNamespace(relation) == mtm_schema)
		return strcmp(RelationGetRelationName(relation), LOCAL_TABLES) == 0 ||
			strcmp(RelationGetRelationName(relation), CLUSTER_NODES) == 0 ||
			strcmp(RelationGetRelationName(relation), UNFINISHED_STATEMENTS) == 0;
	return !named_local(mtm_schema, relation);
}

static void
forget_tree(Oid table)
{
	List	   *tables = find_all_inheritors(table, NoLock, NULL);
	ListCell   *cell;

	foreach(cell, tables)
		CacheInvalidateRelcacheByRelid(lfirst_oid(cell));
	list_free(tables);
}

/*
 * Trigger on mtm.local_tables: the table named by the row changed sides, so what
 * everybody remembers of it must go.
 */
Datum
mtm_local_tables_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	rows[2];

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mtm_local_tables_changed must be a row trigger")));
	rows[0] = trigger->tg_trigtuple;
	rows[1] = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : NULL;
	for (int i = 0; i < 2; i++)
	{
		TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
		bool		isnull;
		Name		schema;
		Name		name;
		Oid			schema_id;
		Oid			table_id;

		if (!rows[i])
			continue;
		schema = DatumGetName(heap_getattr(rows[i], ANUM_SCHEMA, desc, &isnull));
		name = DatumGetName(heap_getattr(rows[i], ANUM_NAME, desc, &isnull));
		schema_id = get_namespace_oid(NameStr(*schema), true);
		table_id = OidIsValid(schema_id) ?
			get_relname_relid(NameStr(*name), schema_id) : InvalidOid;
		if (OidIsValid(table_id))
			forget_tree(table_id);
	}
	return PointerGetDatum(rows[1] ? rows[1] : rows[0]);
}
