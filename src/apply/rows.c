/*
 * Applying rows of another node's transaction through the executor's
 * replication API.
 *
 * Runs in: apply workers.
 * Path: apply/worker.c (records) -> here -> heap and indexes
 * Locks: row locks, kept by the prepared transaction to its outcome.
 *
 * A row that UPDATE or DELETE means and that is not here is a conflict (40001):
 * another transaction removed it and this one must not commit (I9).
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "apply/described_row.h"
#include "apply/find.h"
#include "apply/foreign_keys.h"
#include "apply/owner.h"
#include "apply/refill.h"
#include "apply/relation.h"
#include "apply/rows.h"
#include "apply/update_row.h"
#include "backend/sequences.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "wire/gid.h"

static const MtmTransaction *applying;
static EState *trigger_estate;	/* AfterTriggerEndQuery wants one */

static void
begin_query(void)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	AfterTriggerBeginQuery();
	trigger_estate = CreateExecutorState();
}

static void
end_query(void)
{
	MtmRelationsClose();
	AfterTriggerEndQuery(trigger_estate);
	/* what triggers that fired have opened */
	ExecCloseResultRelations(trigger_estate);
	ExecResetTupleTable(trigger_estate->es_tupleTable, false);
	FreeExecutorState(trigger_estate);
	trigger_estate = NULL;
	PopActiveSnapshot();
	MtmOwnerLeave();
}

static void
fire_deferred(void)
{
	MtmOwnerEnterCommon();
	AfterTriggerFireDeferred();
	MtmOwnerLeave();
}

void
MtmRowsBegin(const MtmTransaction *tx, bool decided)
{
	applying = tx;
	MtmForeignKeysBegin(!decided);
	MtmRelationsForget();
	MtmOwnersForget();
	MtmRefillReset();
	begin_query();
}

void
MtmRowsEnd(void)
{
	end_query();
	MtmRelationsForget();
	/* They may wait for locks, which PREPARE in its gate must not. */
	fire_deferred();
	MtmForeignKeysCheck(true);
}

/* On the origin, no table that is changed had checks pending; here none may, either. */
void
MtmRowsPause(void)
{
	end_query();
	fire_deferred();
	MtmForeignKeysCheck(false);
}

void
MtmRowsResume(void)
{
	CommandCounterIncrement();
	begin_query();
}

void
MtmApplyDefinition(StringInfo record)
{
	Oid			owner = MtmOwnerLeave();

	MtmRelationDefine(record, &applying->key);
	if (OidIsValid(owner))
		MtmOwnerEnter(owner);
}

/*
 * The relation of a change, with the rights of its owner. What fires after rows has
 * the rights that are in force then: so rows of another owner are another query.
 */
static MtmAppliedRelation *
open_target(Oid sender_id)
{
	Oid			owner = MtmRelationOwner(sender_id);

	if (MtmOwnerNow() != owner)
	{
		if (OidIsValid(MtmOwnerNow()))
		{
			end_query();
			begin_query();
		}
		MtmOwnerEnter(owner);
	}
	/* Constant parts of index expressions are evaluated here: with his rights, too. */
	return MtmRelationOpen(sender_id);
}

static Datum
column_value(const MtmColumnMap *map, int i, const MtmColumnValue *value)
{
	StringInfoData bytes;
	Datum		result;

	if (value->status == MTM_COLUMN_TEXT)
		return InputFunctionCall(&map->input[i], value->data, map->input_parameter[i],
								 map->type_modifier[i]);

	if (!OidIsValid(map->receive[i].fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("no binary input function is available for a column sent in binary")));
	bytes.data = value->data;
	bytes.len = bytes.maxlen = value->length;
	bytes.cursor = 0;
	result = ReceiveFunctionCall(&map->receive[i], &bytes, map->receive_parameter[i],
								 map->type_modifier[i]);
	if (bytes.cursor != bytes.len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("incorrect binary data format in a replicated column")));
	return result;
}

/* An UPDATE gives their space back. */
static void
forget_dropped_columns(TupleTableSlot *slot)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;

	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped)
			slot->tts_isnull[i] = true;
	}
}

/*
 * Read a row into a virtual slot. Columns that were not sent (unchanged TOAST, generated ones,
 * which PostgreSQL computes anew only where they use a column) are taken from `old` when given,
 * else they are null.
 */
static void
read_row(MtmAppliedRelation *target, StringInfo record, TupleTableSlot *slot,
		 TupleTableSlot *old)
{
	const MtmColumnMap *map = target->map;
	int			attributes = slot->tts_tupleDescriptor->natts;

	ExecClearTuple(slot);
	if (old)
	{
		slot_getallattrs(old);
		memcpy(slot->tts_values, old->tts_values, sizeof(Datum) * attributes);
		memcpy(slot->tts_isnull, old->tts_isnull, sizeof(bool) * attributes);
		forget_dropped_columns(slot);
	}
	else
	{
		memset(slot->tts_values, 0, sizeof(Datum) * attributes);
		memset(slot->tts_isnull, true, sizeof(bool) * attributes);
	}
	MtmRowRead(record, target->values, map->columns);
	for (int i = 0; i < map->columns; i++)
	{
		const MtmColumnValue *value = &target->values[i];
		int			attribute = map->attribute[i];

		if (value->status == MTM_COLUMN_UNCHANGED)
			continue;
		slot->tts_isnull[attribute] = value->status == MTM_COLUMN_NULL;
		if (value->status != MTM_COLUMN_NULL)
			slot->tts_values[attribute] = column_value(map, i, value);
	}
	ExecStoreVirtualTuple(slot);
	/* Generated columns, checks and triggers may ask for it. */
	slot->tts_tableOid = RelationGetRelid(target->relation);
}

static void
row_missing(const char *verb)
{
	char		row[sizeof(((MtmRefusal *) NULL)->detail)];
	MtmGid		gid;
	int			node = MtmGidParse(applying->gid, &gid) ? gid.coordinator :
		(int) applying->key.origin;

	MtmDescribedRow(row, sizeof(row));
	row[0] = pg_toupper(row[0]);
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to a concurrent transaction on node %d",
					node),
			 errdetail("%s to %s was not found.", row, verb),
			 errhint("Retry the transaction.")));
}

static void
find_old(MtmAppliedRelation *target, LockTupleMode mode, const char *verb)
{
	MtmDescribedRowSet(target, target->wanted);
	if (!MtmFindRow(target->relation, target->identity_index, mode, target->wanted,
					target->map->compared, &target->near, target->found))
		row_missing(verb);
}

/* Memory of one row goes with it. */
static MemoryContext
begin_row(MtmAppliedRelation *target)
{
	target->estate->es_output_cid = GetCurrentCommandId(true);
	return MemoryContextSwitchTo(GetPerTupleMemoryContext(target->estate));
}

static void
end_row(MtmAppliedRelation *target, MemoryContext old)
{
	MtmDescribedRowSet(NULL, NULL);
	ExecClearTuple(target->wanted);
	ExecClearTuple(target->found);
	ExecClearTuple(target->row);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(target->estate);
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
}

void
MtmApplyInsert(StringInfo record)
{
	MtmAppliedRelation *target = open_target(pq_getmsgint(record, 4));
	MemoryContext old = begin_row(target);

	read_row(target, record, target->row, NULL);
	MtmDescribedRowSet(target, target->row);
	ExecSimpleRelationInsert(target->result, target->estate, target->row);
	MtmForeignKeysNote(target->result, NULL, target->row);
	end_row(target, old);
}

void
MtmApplyRefill(StringInfo record)
{
	MtmAppliedRelation *target = open_target(pq_getmsgint(record, 4));
	MemoryContext old = begin_row(target);

	read_row(target, record, target->row, NULL);
	MtmDescribedRowSet(target, target->row);
	MtmRefillInsert(target);
	end_row(target, old);
}

static void
all_columns_updated(MtmAppliedRelation *target)
{
	RangeTblEntry *entry = list_nth(target->estate->es_range_table, 0);

	if (entry->updatedCols)
		return;
	for (int i = 0; i < target->map->columns; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(target->estate->es_query_cxt);

		entry->updatedCols = bms_add_member(entry->updatedCols,
											target->map->attribute[i] + 1 -
											FirstLowInvalidHeapAttributeNumber);
		MemoryContextSwitchTo(old);
	}
}

/* The new row stands at `new_row` of the record; the key did not change. */
static void
update_unlocked(MtmAppliedRelation *target, StringInfo record, int new_row)
{
	MtmDescribedRowSet(target, target->wanted);
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (!MtmLookForRow(target->relation, target->identity_index, target->wanted,
						   target->found))
			row_missing("update");
		record->cursor = new_row;
		read_row(target, record, target->row, target->found);
	} while (!MtmUpdateRow(target));
}

static void
update_locked(MtmAppliedRelation *target, StringInfo record, int new_row, bool new_key)
{
	find_old(target, new_key ? LockTupleExclusive : LockTupleNoKeyExclusive, "update");
	record->cursor = new_row;
	read_row(target, record, target->row, target->found);
	EvalPlanQualSetSlot(&target->epq, target->row);
	ExecSimpleRelationUpdate(target->result, target->estate, &target->epq,
							 target->found, target->row);
}

void
MtmApplyUpdate(StringInfo record)
{
	MtmAppliedRelation *target = open_target(pq_getmsgint(record, 4));
	MemoryContext old = begin_row(target);
	bool		has_old = pq_getmsgbyte(record) != 0;
	int			new_row = record->cursor;

	/* The key did not change when no old row was sent: it stands in the new one. */
	read_row(target, record, target->wanted, NULL);
	if (has_old)
		new_row = record->cursor;
	all_columns_updated(target);
	if (!has_old && MtmUpdatesUnlocked(target))
		update_unlocked(target, record, new_row);
	else
		update_locked(target, record, new_row, has_old);
	MtmForeignKeysNote(target->result, target->found, target->row);
	end_row(target, old);
}

void
MtmApplyDelete(StringInfo record)
{
	MtmAppliedRelation *target = open_target(pq_getmsgint(record, 4));
	MemoryContext old = begin_row(target);

	read_row(target, record, target->wanted, NULL);
	find_old(target, LockTupleExclusive, "delete");
	if (target->relation->rd_rel->relkind == RELKIND_MATVIEW)
		simple_table_tuple_delete(target->relation, &target->found->tts_tid,
								  GetActiveSnapshot());
	else
	{
		EvalPlanQualSetSlot(&target->epq, target->found);
		ExecSimpleRelationDelete(target->result, target->estate, &target->epq,
								 target->found);
	}
	MtmForeignKeysNote(target->result, target->found, NULL);
	end_row(target, old);
}

void
MtmApplyTruncate(StringInfo record)
{
	int			flags = pq_getmsgbyte(record);
	int			count = pq_getmsgint(record, 2);
	List	   *relations = NIL;
	List	   *ids = NIL;
	List	   *logged = NIL;
	List	   *sender_ids = NIL;
	ListCell   *cell;
	ListCell   *sender_id;
	bool		pending = false;

	for (int i = 0; i < count; i++)
	{
		sender_ids = lappend_oid(sender_ids, pq_getmsgint(record, 4));
		ids = lappend_oid(ids, MtmRelationLocalId(llast_oid(sender_ids)));
	}
	/* Open for rows, they would look in use. */
	end_query();
	MtmForeignKeysForget(ids);
	foreach(cell, ids)
		pending = pending || AfterTriggerPendingOnRel(lfirst_oid(cell));
	if (pending)
		fire_deferred();
	forboth(cell, ids, sender_id, sender_ids)
	{
		Relation	relation;

		MtmRelationDescribe(lfirst_oid(sender_id));
		relation = table_open(lfirst_oid(cell), AccessExclusiveLock);
		relations = lappend(relations, relation);
		if (RelationIsLogicallyLogged(relation))
			logged = lappend_oid(logged, lfirst_oid(cell));
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	/* What CASCADE reached on the origin is in the list, but for tables that are local. */
	ExecuteTruncateGuts(relations, ids, logged,
						(flags & 1) != 0 ? DROP_CASCADE : DROP_RESTRICT, (flags & 2) != 0);
	PopActiveSnapshot();
	foreach(cell, relations)
		table_close(lfirst(cell), NoLock);
	if ((flags & 2) != 0)
		MtmSequencesRestarted(ids);
	MtmRowsResume();
}
