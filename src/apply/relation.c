/*
 * Relations that a transaction of another node changes; see relation.h.
 *
 * Runs in: apply workers.
 * Path: apply/rows.c -> here
 * Locks: RowExclusiveLock on each relation, to the end of the transaction.
 *
 * Column maps are kept over transactions under the definition's bytes and
 * dropped when the local relation changes; the rest lives for one transaction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "apply/described_row.h"
#include "apply/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "wire/relation_definition.h"

/* Between two looks whether another node's schema change is committed here. */
#define SCHEMA_WAIT_MS 10
/* Maps that are kept before those are dropped whose relations changed. */
#define MANY_MAPS 512

typedef struct KnownMap
{
	uint64		hash;			/* of the definition: the key */
	bool		valid;
	MemoryContext context;
	int			size;
	char	   *definition;
	MtmColumnMap *map;
} KnownMap;

typedef struct Defined
{
	Oid			sender_id;
	KnownMap   *known;
	MtmAppliedRelation *open;	/* NULL: not opened */
} Defined;

static HTAB *known_maps = NULL;
static List *defined = NIL;		/* Defined, in TopTransactionContext */

static void
forget_map(Datum arg, Oid id)
{
	HASH_SEQ_STATUS scan;
	KnownMap   *known;

	hash_seq_init(&scan, known_maps);
	while ((known = hash_seq_search(&scan)) != NULL)
	{
		if (!OidIsValid(id) || !known->map || known->map->local_id == id)
			known->valid = false;
	}
}

static void
initialize(void)
{
	HASHCTL		info;

	if (known_maps)
		return;
	memset(&info, 0, sizeof(info));
	info.keysize = sizeof(uint64);
	info.entrysize = sizeof(KnownMap);
	info.hcxt = CacheMemoryContext;
	known_maps = hash_create("multimaster column maps", 64, &info,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_map, (Datum) 0);
}

/*
 * The relation may come with another node's schema change that is prepared here
 * but not committed yet: then wait for that.
 */
static Oid
find_relation(const MtmRelationDefinition *definition, const MtmTransactionKey *applying)
{
	RangeVar   *name = makeRangeVar(pstrdup(definition->schema),
									pstrdup(definition->name), -1);

	for (;;)
	{
		bool		pending = MtmTransactionSchemaChangePending(applying);
		Oid			id = RangeVarGetRelid(name, RowExclusiveLock, true);

		if (OidIsValid(id))
			return id;
		if (!pending)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation \"%s.%s\" does not exist", definition->schema,
							definition->name)));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 SCHEMA_WAIT_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		AcceptInvalidationMessages();
	}
}

static int
column_number(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return i;
	}
	return -1;
}

static void
map_column(MtmColumnMap *map, int i, TupleDesc desc, int attribute, MemoryContext context)
{
	/* A domain's constraints were met when it was written; NOT VALID ones need not be now. */
	int32		modifier = TupleDescAttr(desc, attribute)->atttypmod;
	Oid			type = getBaseTypeAndTypmod(TupleDescAttr(desc, attribute)->atttypid, &modifier);
	Oid			function;
	int16		length;
	bool		by_value;
	char		align;
	char		delimiter;
	Oid			send;

	map->attribute[i] = attribute;
	map->compared[attribute] = true;
	map->type_modifier[i] = modifier;
	getTypeInputInfo(type, &function, &map->input_parameter[i]);
	fmgr_info_cxt(function, &map->input[i], context);
	get_type_io_data(type, IOFunc_receive, &length, &by_value, &align, &delimiter,
					 &map->receive_parameter[i], &function);
	(void) MtmTypeBytes(type, &send, &function);
	if (OidIsValid(function))
		fmgr_info_cxt(function, &map->receive[i], context);
}

static MtmColumnMap *
make_map(const MtmRelationDefinition *definition, Oid local_id, MemoryContext context)
{
	Relation	relation = table_open(local_id, NoLock);
	TupleDesc	desc = RelationGetDescr(relation);
	MemoryContext old = MemoryContextSwitchTo(context);
	MtmColumnMap *map = palloc0(sizeof(*map));
	int			columns = definition->columns;
	int			room = Max(columns, 1);
	int			own = 0;		/* columns here that the sender must have sent */
	int			sent = 0;		/* of those, the ones it sent */

	map->local_id = local_id;
	map->columns = columns;
	map->replica_identity = definition->replica_identity;
	map->attribute = palloc0(sizeof(int) * room);
	map->schema = pstrdup(definition->schema);
	map->name = pstrdup(definition->name);
	map->is_key = palloc0(sizeof(bool) * room);
	map->input = palloc0(sizeof(FmgrInfo) * room);
	map->receive = palloc0(sizeof(FmgrInfo) * room);
	map->input_parameter = palloc0(sizeof(Oid) * room);
	map->receive_parameter = palloc0(sizeof(Oid) * room);
	map->type_modifier = palloc0(sizeof(int32) * room);
	map->compared = palloc0(sizeof(bool) * Max(desc->natts, 1));
	for (int i = 0; i < columns; i++)
	{
		int			attribute = column_number(desc, definition->column_name[i]);

		if (attribute < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s.%s\" does not exist",
							definition->column_name[i], definition->schema,
							definition->name)));
		map->is_key[i] = definition->column_is_key[i];
		if (!TupleDescAttr(desc, attribute)->attgenerated)
			sent++;
		map_column(map, i, desc, attribute, context);
	}
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !att->attgenerated)
			own++;
	}
	if (own != sent)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("relation \"%s.%s\" has %d columns here and %d on the node that changed it",
						definition->schema, definition->name, own, sent)));
	MemoryContextSwitchTo(old);
	table_close(relation, NoLock);
	return map;
}

static KnownMap *
lookup_map(StringInfo bytes, const MtmTransactionKey *applying,
		   MtmRelationDefinition *definition)
{
	const char *start = bytes->data + bytes->cursor;
	int			size = bytes->len - bytes->cursor;
	/* Ids of relations are the sender's: the same bytes of two nodes differ. */
	uint64		hash = hash_bytes_extended((const unsigned char *) start, size,
										   applying->origin);
	bool		found;
	KnownMap   *known;
	Oid			local_id;

	initialize();
	MtmRelationDefinitionRead(bytes, definition);
	MtmDescribedTableSet(definition->schema, definition->name);
	known = hash_search(known_maps, &hash, HASH_ENTER, &found);
	if (!found)
		memset((char *) known + sizeof(known->hash), 0, sizeof(*known) - sizeof(known->hash));
	if (known->valid)
	{
		if (known->size == size && memcmp(known->definition, start, size) == 0)
		{
			/* Locked first, then looked at again: it may have changed meanwhile. */
			LockRelationOid(known->map->local_id, RowExclusiveLock);
			if (known->valid)
				return known;
		}
	}
	local_id = find_relation(definition, applying);
	known = hash_search(known_maps, &hash, HASH_ENTER, &found);
	if (known->context)
		MemoryContextDelete(known->context);
	known->map = NULL;
	known->context = AllocSetContextCreate(CacheMemoryContext, "multimaster column map",
										   ALLOCSET_SMALL_SIZES);
	known->size = size;
	known->definition = MemoryContextAlloc(known->context, size);
	memcpy(known->definition, start, size);
	known->map = make_map(definition, local_id, known->context);
	known->valid = true;
	return known;
}

static Defined *
find_defined(Oid sender_id)
{
	ListCell   *cell;

	foreach(cell, defined)
	{
		Defined    *entry = lfirst(cell);

		if (entry->sender_id == sender_id)
			return entry;
	}
	return NULL;
}

static void
close_one(Defined *entry)
{
	MtmAppliedRelation *open = entry->open;

	if (!open)
		return;
	entry->open = NULL;
	EvalPlanQualEnd(&open->epq);
	ExecCloseIndices(open->result);
	ExecResetTupleTable(open->estate->es_tupleTable, false);
	FreeExecutorState(open->estate);
	table_close(open->relation, NoLock);
}

void
MtmRelationDefine(StringInfo bytes, const MtmTransactionKey *applying)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	MtmRelationDefinition definition;
	KnownMap   *known = lookup_map(bytes, applying, &definition);
	Defined    *entry = find_defined(definition.id);

	MtmDescribedTableSet(NULL, NULL);
	if (entry)
		close_one(entry);
	else
	{
		entry = palloc0(sizeof(*entry));
		entry->sender_id = definition.id;
		defined = lappend(defined, entry);
	}
	entry->known = known;
	MemoryContextSwitchTo(old);
}

static RangeTblEntry *
range_table_entry(Relation relation)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(relation);
	entry->relkind = relation->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
	return entry;
}

/* Are all columns of the index in the rows that come? (Generated ones may not be.) */
static bool
was_sent(Oid index_id, const MtmColumnMap *map)
{
	Relation	index = index_open(index_id, RowExclusiveLock);
	bool		all = true;

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		all = all && map->compared[index->rd_index->indkey.values[i] - 1];
	index_close(index, RowExclusiveLock);
	return all;
}

/*
 * A materialized view has no key, but one that is refreshed CONCURRENTLY has a unique
 * index, so that not all of it need be read for every row.
 */
static Oid
unique_index(Relation view)
{
	List	   *indexes = RelationGetIndexList(view);
	ListCell   *cell;
	Oid			found = InvalidOid;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);

		if (index->rd_index->indisunique && index->rd_index->indisvalid &&
			index->rd_index->indimmediate && index->rd_rel->relam == BTREE_AM_OID &&
			RelationGetIndexExpressions(index) == NIL &&
			RelationGetIndexPredicate(index) == NIL)
			found = lfirst_oid(cell);
		index_close(index, RowExclusiveLock);
	}
	list_free(indexes);
	return found;
}

/*
 * Ordinary triggers do not fire here, but the one that checks a deferrable constraint
 * must: nobody else sees two nodes that insert the same key. It notes only the rows
 * that met an equal key, and looks at them again once all rows of the transaction are
 * in: the earliest moment that allows what the origin allowed.
 */
static void
enable_deferred_checks(TriggerDesc *triggers)
{
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (trigger->tgfoid != F_UNIQUE_KEY_RECHECK)
			continue;
		trigger->tgenabled = TRIGGER_FIRES_ALWAYS;
		trigger->tginitdeferred = true;
	}
}

static void
open_one(Defined *entry)
{
	MtmAppliedRelation *open = palloc0(sizeof(*open));
	Relation	relation = table_open(entry->known->map->local_id, RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	MemoryContext old;
	Oid			index;

	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation))));
	open->sender_id = entry->sender_id;
	open->map = entry->known->map;
	open->relation = relation;
	open->estate = estate;

	old = MemoryContextSwitchTo(estate->es_query_cxt);
	ExecInitRangeTable(estate, list_make1(range_table_entry(relation)));
	open->result = makeNode(ResultRelInfo);
	InitResultRelInfo(open->result, relation, 1, NULL, 0);
	enable_deferred_checks(open->result->ri_TrigDesc);
	estate->es_opened_result_relations =
		lappend(estate->es_opened_result_relations, open->result);
	estate->es_output_cid = GetCurrentCommandId(true);
	ExecOpenIndices(open->result, false);
	EvalPlanQualInit(&open->epq, estate, NULL, NIL, -1);
	open->wanted = ExecInitExtraTupleSlot(estate, RelationGetDescr(relation),
										  &TTSOpsVirtual);
	open->row = ExecInitExtraTupleSlot(estate, RelationGetDescr(relation),
									   &TTSOpsVirtual);
	open->found = table_slot_create(relation, &estate->es_tupleTable);
	open->values = palloc(sizeof(MtmColumnValue) * Max(open->map->columns, 1));
	MemoryContextSwitchTo(old);

	index = RelationGetReplicaIndex(relation);
	if (!OidIsValid(index))
		index = RelationGetPrimaryKeyIndex(relation);
	if (!OidIsValid(index) && relation->rd_rel->relkind == RELKIND_MATVIEW)
		index = unique_index(relation);
	open->identity_index = OidIsValid(index) && was_sent(index, open->map) ?
		index : InvalidOid;
	entry->open = open;
}

static Defined *
get_defined(Oid sender_id)
{
	Defined    *entry = find_defined(sender_id);

	if (!entry)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a change of relation %u came before its definition", sender_id)));
	return entry;
}

Oid
MtmRelationLocalId(Oid sender_id)
{
	return get_defined(sender_id)->known->map->local_id;
}

void
MtmRelationDescribe(Oid sender_id)
{
	const MtmColumnMap *map = get_defined(sender_id)->known->map;

	MtmDescribedTableSet(map->schema, map->name);
}

Oid
MtmRelationOwner(Oid sender_id)
{
	Defined    *entry = get_defined(sender_id);
	Relation	relation;
	Oid			owner;

	if (entry->open)
		return entry->open->relation->rd_rel->relowner;
	MtmRelationDescribe(sender_id);
	relation = table_open(entry->known->map->local_id, RowExclusiveLock);
	owner = relation->rd_rel->relowner;
	table_close(relation, NoLock);
	return owner;
}

MtmAppliedRelation *
MtmRelationOpen(Oid sender_id)
{
	Defined    *entry = get_defined(sender_id);

	if (!entry->open)
	{
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

		open_one(entry);
		MemoryContextSwitchTo(old);
	}
	return entry->open;
}

void
MtmRelationsClose(void)
{
	ListCell   *cell;

	foreach(cell, defined)
		close_one(lfirst(cell));
}

static void
drop_invalid_maps(void)
{
	HASH_SEQ_STATUS scan;
	KnownMap   *known;

	hash_seq_init(&scan, known_maps);
	while ((known = hash_seq_search(&scan)) != NULL)
	{
		if (known->valid)
			continue;
		if (known->context)
			MemoryContextDelete(known->context);
		hash_search(known_maps, &known->hash, HASH_REMOVE, NULL);
	}
}

void
MtmRelationsForget(void)
{
	/* Their memory is the transaction's. */
	MtmDescribedRowSet(NULL, NULL);
	defined = NIL;
	if (known_maps && hash_get_num_entries(known_maps) > MANY_MAPS)
		drop_invalid_maps();
}
