/*
 * Deferrable unique and exclusion constraints of applied rows.
 *
 * Runs in: apply workers.
 * Path: apply/rows.c (each row) -> here -> checked before PREPARE
 * Locks: waits for other transactions that wrote an equal key, bounded by the
 *        worker's lock_timeout.
 *
 * PostgreSQL checks these constraints by a trigger at commit, and ordinary triggers
 * do not fire on apply. So two nodes could both insert a key. Here the trigger's own
 * function is called for every row written to such a table, once all rows of the
 * transaction are in: the earliest moment that allows what the origin allowed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "apply/deferred.h"
#include "catalog/pg_index.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"

typedef struct Noted
{
	Oid			relation;
	ItemPointerData row;
} Noted;

static Noted *noted = NULL;		/* in TopTransactionContext */
static Size noted_count = 0;
static Size noted_room = 0;

bool
MtmDeferredHas(const ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
	{
		if (!result->ri_IndexRelationDescs[i]->rd_index->indimmediate)
			return true;
	}
	return false;
}

void
MtmDeferredNote(Relation relation, TupleTableSlot *row)
{
	if (noted_count == noted_room)
	{
		noted_room = noted_room == 0 ? 64 : noted_room * 2;
		noted = noted == NULL ?
			MemoryContextAllocHuge(TopTransactionContext, noted_room * sizeof(Noted)) :
			repalloc_huge(noted, noted_room * sizeof(Noted));
	}
	noted[noted_count].relation = RelationGetRelid(relation);
	noted[noted_count].row = row->tts_tid;
	noted_count++;
}

/* As the trigger of the index's constraint would be called. */
static void
check_index(Relation relation, Oid index, TupleTableSlot *row)
{
	LOCAL_FCINFO(fcinfo, 0);
	TriggerData data;
	Trigger		trigger;

	memset(&trigger, 0, sizeof(trigger));
	trigger.tgname = pstrdup("multimaster");
	trigger.tgconstrindid = index;
	memset(&data, 0, sizeof(data));
	data.type = T_TriggerData;
	data.tg_event = TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER;
	data.tg_relation = relation;
	data.tg_trigger = &trigger;
	data.tg_trigslot = row;
	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, (Node *) &data, NULL);
	(void) unique_key_recheck(fcinfo);
}

static void
check_row(Relation relation, const Noted *row)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *cell;

	slot->tts_tid = row->row;
	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		bool		deferred = index->rd_index->indisready &&
			!index->rd_index->indimmediate;

		index_close(index, NoLock);
		if (deferred)
			check_index(relation, lfirst_oid(cell), slot);
	}
	list_free(indexes);
	ExecDropSingleTupleTableSlot(slot);
}

void
MtmDeferredCheck(void)
{
	for (Size i = 0; i < noted_count; i++)
	{
		Relation	relation = try_table_open(noted[i].relation, RowExclusiveLock);

		CHECK_FOR_INTERRUPTS();
		if (!relation)
			continue;			/* dropped later in the same transaction */
		check_row(relation, &noted[i]);
		table_close(relation, NoLock);
	}
	MtmDeferredForget();
}

void
MtmDeferredDrop(Oid relation)
{
	Size		kept = 0;

	for (Size i = 0; i < noted_count; i++)
	{
		if (noted[i].relation != relation)
			noted[kept++] = noted[i];
	}
	noted_count = kept;
}

void
MtmDeferredForget(void)
{
	noted = NULL;				/* its memory is the transaction's */
	noted_count = 0;
	noted_room = 0;
}
