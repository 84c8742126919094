/*
 * Foreign keys of the rows that a transaction of another node changes; see
 * foreign_keys.h.
 *
 * Runs in: apply workers.
 * Path: apply/rows.c (rows changed) -> here: what was noted, checked before PREPARE
 * Locks: parent rows FOR KEY SHARE, kept by the prepared transaction to its outcome;
 *        waits for other transactions, bounded by the worker's lock_timeout.
 *
 * The origin's checks saw what was committed there. What another node does at the same
 * time meets the transaction only here:
 * 1. A row that refers to a parent locks it, here as on the origin. So on every node one
 *    of the two, the child's insertion and the parent's removal, comes to its end before
 *    the other goes on; and the other sees what became of it.
 * 2. A row that is removed, or loses its key, must leave nobody behind who refers to it,
 *    whatever the constraint's action is: what the action did on the origin comes as rows
 *    of the same transaction. What is left over was not seen there.
 * Both are looked at when all rows are in, since what the origin deferred may come in any
 * order. The checks are PostgreSQL's own functions, called as its triggers call them.
 * (Its queue of triggers cannot run them: it would run the actions.)
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "apply/foreign_keys.h"
#include "apply/owner.h"
#include "apply/parent.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "wire/replicated.h"

#define FIRST_ROWS 16

/* Where the versions of a row are; invalid: there was none, or is none now. */
typedef struct NotedRow
{
	ItemPointerData before;
	ItemPointerData after;
} NotedRow;

typedef struct NotedTable
{
	Oid			id;				/* the key */
	Oid			file;			/* where the rows were */
	Size		rows;
	Size		room;
	NotedRow   *row;
} NotedTable;

static bool noting;
static HTAB *noted = NULL;		/* of this transaction, in its memory */

void
MtmForeignKeysBegin(bool on)
{
	noting = on;
	noted = NULL;
}

static bool
fires(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

static bool
child_needs(Trigger *trigger, Relation relation, TupleTableSlot *before,
			TupleTableSlot *after)
{
	if (!after)
		return false;
	if (!before)
		return TRIGGER_FOR_INSERT(trigger->tgtype);
	return TRIGGER_FOR_UPDATE(trigger->tgtype) &&
		RI_FKey_fk_upd_check_required(trigger, relation, before, after);
}

static bool
parent_needs(Trigger *trigger, Relation relation, TupleTableSlot *before,
			 TupleTableSlot *after)
{
	if (!before)
		return false;
	if (!(after ? TRIGGER_FOR_UPDATE(trigger->tgtype) : TRIGGER_FOR_DELETE(trigger->tgtype)))
		return false;
	/* It says as well whether the old key is null. */
	return RI_FKey_pk_upd_check_required(trigger, relation, before, after);
}

static bool
needs_check(Trigger *trigger, Relation relation, TupleTableSlot *before,
			TupleTableSlot *after)
{
	if (!fires(trigger))
		return false;
	switch (RI_FKey_trigger_type(trigger->tgfoid))
	{
		case RI_TRIGGER_FK:
			return child_needs(trigger, relation, before, after);
		case RI_TRIGGER_PK:
			return parent_needs(trigger, relation, before, after);
		default:
			return false;
	}
}

static NotedTable *
noted_table(Relation relation)
{
	Oid			id = RelationGetRelid(relation);
	NotedTable *table;
	bool		found;

	if (!noted)
	{
		HASHCTL		info = {
			.keysize = sizeof(Oid),
			.entrysize = sizeof(NotedTable),
			.hcxt = TopTransactionContext
		};

		noted = hash_create("multimaster foreign keys", 16, &info,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	table = hash_search(noted, &id, HASH_ENTER, &found);
	if (!found)
	{
		table->file = relation->rd_node.relNode;
		table->rows = 0;
		table->room = FIRST_ROWS;
		table->row = MemoryContextAlloc(TopTransactionContext,
										sizeof(NotedRow) * FIRST_ROWS);
	}
	return table;
}

static void
add_row(NotedTable *table, TupleTableSlot *before, TupleTableSlot *after)
{
	NotedRow   *row;

	if (table->rows == table->room)
	{
		table->room *= 2;
		table->row = repalloc_huge(table->row, sizeof(NotedRow) * table->room);
	}
	row = &table->row[table->rows++];
	ItemPointerSetInvalid(&row->before);
	ItemPointerSetInvalid(&row->after);
	if (before)
		row->before = before->tts_tid;
	if (after)
		row->after = after->tts_tid;
}

void
MtmForeignKeysNote(ResultRelInfo *result, TupleTableSlot *before, TupleTableSlot *after)
{
	TriggerDesc *triggers = result->ri_TrigDesc;
	Relation	relation = result->ri_RelationDesc;

	/* A trigger that fires always may have kept the row from being written. */
	if (!noting || !triggers || (after && !ItemPointerIsValid(&after->tts_tid)))
		return;
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		if (needs_check(&triggers->triggers[i], relation, before, after))
		{
			add_row(noted_table(relation), before, after);
			return;
		}
	}
}

void
MtmForeignKeysForget(List *tables)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		Oid			id = lfirst_oid(cell);

		if (noted)
			hash_search(noted, &id, HASH_REMOVE, NULL);
	}
}

/*---------------------------------------------------------------------------
 * Checking.
 */

/* One trigger of a table whose rows are checked. */
typedef struct Check
{
	Trigger    *trigger;
	bool		of_child;
	bool		replicated;		/* the other table */
	MtmParent  *parent;			/* of_child */
	FmgrInfo	function[2];	/* for a row before and none after, or for both */
} Check;

static bool
is_replicated(Oid id)
{
	Relation	relation = table_open(id, AccessShareLock);
	bool		result = MtmRelationIsReplicated(relation);

	table_close(relation, AccessShareLock);
	return result;
}

static Check *
make_check(Trigger *trigger)
{
	Check	   *check = palloc0(sizeof(*check));

	check->trigger = trigger;
	check->of_child = RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_FK;
	fmgr_info(check->of_child ? F_RI_FKEY_CHECK_INS : F_RI_FKEY_NOACTION_DEL,
			  &check->function[0]);
	fmgr_info(check->of_child ? F_RI_FKEY_CHECK_UPD : F_RI_FKEY_NOACTION_UPD,
			  &check->function[1]);
	/* The other table may be local to each node: then nobody else is to blame. */
	check->replicated = is_replicated(trigger->tgconstrrelid);
	if (check->of_child)
		check->parent = MtmParentOpen(trigger);
	return check;
}

static List *
make_checks(TriggerDesc *triggers)
{
	List	   *checks = NIL;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (fires(trigger) && RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_NONE)
			checks = lappend(checks, make_check(trigger));
	}
	return checks;
}

static void
close_checks(List *checks)
{
	ListCell   *cell;

	foreach(cell, checks)
	{
		Check	   *check = lfirst(cell);

		if (check->parent)
			MtmParentClose(check->parent);
	}
}

static void
raise_conflict(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to a concurrent transaction"),
			 errdetail_internal("%s", detail),
			 errhint("Retry the transaction.")));
}

/* It held on the origin: so another transaction has come between. */
static void
raise_violation(const ErrorData *error)
{
	raise_conflict(psprintf("Foreign key \"%s\" of relation \"%s.%s\": %s",
							error->constraint_name, error->schema_name, error->table_name,
							error->detail ? error->detail : error->message));
}

static void
call(Check *check, TriggerData *data)
{
	LOCAL_FCINFO(fcinfo, 0);
	MemoryContext context = CurrentMemoryContext;

	InitFunctionCallInfoData(*fcinfo,
							 &check->function[TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? 1 : 0],
							 0, InvalidOid, (Node *) data, NULL);
	PG_TRY();
	{
		(void) FunctionCallInvoke(fcinfo);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (geterrcode() != ERRCODE_FOREIGN_KEY_VIOLATION || !check->replicated)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		raise_violation(error);
	}
	PG_END_TRY();
}

static void
check_row(Check *check, Relation relation, TupleTableSlot *before, TupleTableSlot *after)
{
	TriggerData data = {
		.type = T_TriggerData,
		.tg_relation = relation,
		.tg_trigger = check->trigger,
		.tg_trigslot = before ? before : after,
		.tg_newslot = before ? after : NULL
	};

	if (!needs_check(check->trigger, relation, before, after))
		return;
	data.tg_event = TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW |
		(!before ? TRIGGER_EVENT_INSERT : after ? TRIGGER_EVENT_UPDATE : TRIGGER_EVENT_DELETE);
	data.tg_trigtuple = ExecFetchSlotHeapTuple(data.tg_trigslot, false, NULL);
	if (data.tg_newslot)
		data.tg_newtuple = ExecFetchSlotHeapTuple(data.tg_newslot, false, NULL);
	if (check->of_child)
	{
		/* Changed again since: the later version is checked. */
		if (!table_tuple_satisfies_snapshot(relation, after, SnapshotSelf))
			return;
		MtmParentWait(check->parent, after);
	}
	call(check, &data);
}

static TupleTableSlot *
fetch(Relation relation, ItemPointer where, TupleTableSlot *slot)
{
	if (!ItemPointerIsValid(where))
		return NULL;
	if (!table_tuple_fetch_row_version(relation, where, SnapshotAny, slot))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a changed row of relation \"%s\" was not found again",
						RelationGetRelationName(relation))));
	return slot;
}

static void
check_rows(const NotedTable *table, Relation relation, List *checks)
{
	TupleTableSlot *before = table_slot_create(relation, NULL);
	TupleTableSlot *after = table_slot_create(relation, NULL);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "foreign keys of a row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (Size i = 0; i < table->rows; i++)
	{
		TupleTableSlot *was = fetch(relation, &table->row[i].before, before);
		TupleTableSlot *is = fetch(relation, &table->row[i].after, after);
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		foreach(cell, checks)
			check_row(lfirst(cell), relation, was, is);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	ExecDropSingleTupleTableSlot(before);
	ExecDropSingleTupleTableSlot(after);
}

static void
check_table(const NotedTable *table, Relation relation, TriggerDesc *triggers)
{
	List	   *checks = make_checks(triggers);

	PushActiveSnapshot(GetTransactionSnapshot());
	check_rows(table, relation, checks);
	PopActiveSnapshot();
	close_checks(checks);
}

/* In a subtransaction, which tells whether all hold. */
static bool
holds(const NotedTable *table, Relation relation, TriggerDesc *triggers)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool result = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		check_table(table, relation, triggers);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (code != ERRCODE_T_R_SERIALIZATION_FAILURE && code != ERRCODE_FOREIGN_KEY_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		result = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return result;
}

static bool
may_be_deferred(const TriggerDesc *triggers)
{
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		if (RI_FKey_trigger_type(triggers->triggers[i].tgfoid) != RI_TRIGGER_NONE &&
			triggers->triggers[i].tgdeferrable)
			return true;
	}
	return false;
}

/* False: put off. */
static bool
check_noted(const NotedTable *table, bool at_end)
{
	Relation	relation = try_table_open(table->id, RowExclusiveLock);
	TriggerDesc *triggers;
	bool		done = true;

	/*
	 * While checks of a table's rows are put off, the origin allows no change of its
	 * schema. So where one came after all, they held there, and did not here.
	 */
	if (!relation || relation->rd_node.relNode != table->file)
		raise_conflict("A foreign key did not hold when its table was changed.");
	triggers = CopyTriggerDesc(relation->trigdesc);
	MtmOwnerEnter(relation->rd_rel->relowner);
	if (at_end || !may_be_deferred(triggers))
		check_table(table, relation, triggers);
	else
		done = holds(table, relation, triggers);
	MtmOwnerLeave();
	table_close(relation, NoLock);
	return done;
}

void
MtmForeignKeysCheck(bool at_end)
{
	HASH_SEQ_STATUS scan;
	NotedTable *table;
	MemoryContext context;
	MemoryContext old;

	if (!noted)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "foreign keys",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	hash_seq_init(&scan, noted);
	while ((table = hash_seq_search(&scan)) != NULL)
	{
		if (!check_noted(table, at_end))
			continue;
		pfree(table->row);
		hash_search(noted, &table->id, HASH_REMOVE, NULL);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
