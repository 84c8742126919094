/*
 * Sequences that go on elsewhere, on all nodes; see sequence_moves.h.
 *
 * Runs in: backends; apply workers and the recovery process.
 * Path: backend/replaced_calls.c, backend/schema_change.c, backend/commit.c -> here -> WAL
 *       (MTM_MESSAGE_SEQUENCE) -> sender/plugin.c -> apply/records.c -> here again
 * Locks: RowExclusiveLock on the sequence until the commit, as nextval() takes. setval(): one of
 *        its own, so that those of several nodes come in one order everywhere.
 *
 * A move is a part of the transaction: other nodes make it when they execute that. On the
 * node of the client setval() acts at once, and is not undone, as on any server. Wherever
 * a node is moved to, it goes on with values of its own share, so none comes twice.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "backend/schema_change_frame.h"
#include "backend/sequence_moves.h"
#include "backend/sequence_place.h"
#include "backend/sequences.h"
#include "backend/written.h"
#include "catalog/namespace.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "monitor/shell_access.h"
#include "replication/message.h"
#include "settings.h"
#include "shmem/view.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "wire/frame.h"

PG_FUNCTION_INFO_V1(mtm_setval);
PG_FUNCTION_INFO_V1(mtm_setval_called);
PG_FUNCTION_INFO_V1(mtm_align_sequences);

static void
tell(Relation sequence, MtmSequenceMoveKind kind, int64 value, bool is_called)
{
	StringInfoData content;
	MtmSequenceMove move;

	move.kind = kind;
	move.value = value;
	move.is_called = is_called;
	move.schema = get_namespace_name(RelationGetNamespace(sequence));
	move.name = RelationGetRelationName(sequence);
	initStringInfo(&content);
	MtmSequenceMoveWrite(&content, &move);
	LogLogicalMessage(MTM_MESSAGE_SEQUENCE, content.data, content.len, true);
	pfree(content.data);
}

static void
tell_place(Relation sequence, MtmSequenceMoveKind kind)
{
	int64		last_value;
	bool		is_called;

	MtmSequenceRead(sequence, &last_value, &is_called);
	tell(sequence, kind, last_value, is_called);
}

/*---------------------------------------------------------------------------
 * setval().
 */
static void
plain_setval(Oid id, int64 value, bool is_called)
{
	DirectFunctionCall3(setval3_oid, ObjectIdGetDatum(id), Int64GetDatum(value),
						BoolGetDatum(is_called));
}

/* Where peers run the statement they call it, too; and an exempt process acts here. */
static bool
is_everywhere(void)
{
	return !MtmSchemaFrameHidesRows() && !MtmProcessExempt() && !XactReadOnly;
}

/*
 * One change of the sequence, so that nobody draws another node's value in between. What is
 * wrong with the call PostgreSQL's own setval() says.
 */
static void
set_own(Oid id, const FormData_pg_sequence *form, const MtmSequenceShare *share,
		int64 value, bool is_called)
{
	MtmWide		last_step = (MtmWide) form->seqincrement * share->modulus;
	int64		own;
	bool		left = MtmSequenceFirstOwn(form, share,
										   MtmSequenceBehind(form, value, is_called), &own);

	if (is_called && (!left || own == value + last_step))
		plain_setval(id, value, true);
	else if (left)
		plain_setval(id, own, false);
	else
		plain_setval(id, form->seqincrement > 0 ? form->seqmax : form->seqmin, true);
}

/*
 * To the end of the transaction: else each node would stay where the last of several that came
 * to it put it. nextval() does not wait for this lock.
 */
static void
lock_place(Oid id)
{
	LockDatabaseObject(SequenceRelationId, id, 0, ExclusiveLock);
}

static void
set_everywhere(Oid id, int64 value, bool is_called)
{
	Relation	sequence = MtmSequenceOpen(id, RowExclusiveLock);
	FormData_pg_sequence form;
	MtmSequenceShare share;

	if (!sequence || !MtmSequenceDefinition(sequence, &form, &share) ||
		value < form.seqmin || value > form.seqmax)
		plain_setval(id, value, is_called);
	else
	{
		if (is_everywhere())
		{
			MtmWrittenRows();
			lock_place(id);
		}
		set_own(id, &form, &share, value, is_called);
		if (is_everywhere())
			tell(sequence, MTM_SEQUENCE_SET, value, is_called);
	}
	if (sequence)
		relation_close(sequence, NoLock);
}

static Datum
setval_instead_of(Oid function, FunctionCallInfo fcinfo, bool is_called)
{
	if (pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, "setval");
	set_everywhere(PG_GETARG_OID(0), PG_GETARG_INT64(1), is_called);
	PG_RETURN_INT64(PG_GETARG_INT64(1));
}

Datum
mtm_setval(PG_FUNCTION_ARGS)
{
	return setval_instead_of(F_SETVAL_REGCLASS_INT8, fcinfo, true);
}

Datum
mtm_setval_called(PG_FUNCTION_ARGS)
{
	return setval_instead_of(F_SETVAL_REGCLASS_INT8_BOOL, fcinfo, PG_GETARG_BOOL(2));
}

/*---------------------------------------------------------------------------
 * All sequences, and those of a schema change.
 */

/* SQL function mtm.align_sequences(tell): true when one was not as it has to be. */
Datum
mtm_align_sequences(PG_FUNCTION_ARGS)
{
	List	   *sequences = MtmSequencesInCatalog();
	ListCell   *cell;
	bool		telling;
	bool		changed = false;

	MtmShellRequireReplication();
	telling = PG_GETARG_BOOL(0) && is_everywhere();
	if (telling)
		MtmWrittenRows();
	foreach(cell, sequences)
	{
		Relation	sequence = MtmSequenceOpen(lfirst_oid(cell), RowExclusiveLock);

		CHECK_FOR_INTERRUPTS();
		if (!sequence)
			continue;
		changed |= MtmSequenceAlign(sequence);
		if (telling)
			tell_place(sequence, MTM_SEQUENCE_REACH);
		relation_close(sequence, NoLock);
	}
	CommandCounterIncrement();
	PG_RETURN_BOOL(changed);
}

static int
tell_all(List *sequences, MtmSequenceMoveKind kind)
{
	ListCell   *cell;
	int			count = 0;

	foreach(cell, sequences)
	{
		Relation	sequence = MtmSequenceOpen(lfirst_oid(cell), RowExclusiveLock);

		if (!sequence)
			continue;
		tell_place(sequence, kind);
		relation_close(sequence, NoLock);
		count++;
	}
	return count;
}

void
MtmSequencesTellBehind(List *sequences)
{
	(void) tell_all(sequences, MTM_SEQUENCE_BEHIND);
}

void
MtmSequencesTellReach(List *sequences)
{
	(void) tell_all(sequences, MTM_SEQUENCE_REACH);
}

/*---------------------------------------------------------------------------
 * multimaster.monotonic_sequences.
 */
static List *known = NIL;
static uint64 known_at = 0;
static uint64 changes = 1;		/* of definitions of sequences, heard of so far */

static void
note_change(Datum arg, int cache_id, uint32 hash_value)
{
	changes++;
}

static List *
known_sequences(void)
{
	static bool registered = false;
	uint64		now;
	List	   *found;
	MemoryContext old;

	if (!registered)
		CacheRegisterSyscacheCallback(SEQRELID, note_change, (Datum) 0);
	registered = true;
	if (known_at == changes)
		return known;
	now = changes;				/* one while it is read counts */
	found = MtmSequencesInCatalog();
	old = MemoryContextSwitchTo(TopMemoryContext);
	found = list_copy(found);
	MemoryContextSwitchTo(old);
	list_free(known);
	known = found;
	known_at = now;
	return known;
}

/* nextval() keeps its lock; others that take the same one are told of for nothing. */
static bool
is_locked(Oid sequence)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, sequence);
	return LockHeldByMe(&tag, RowExclusiveLock);
}

int
MtmSequencesTellDrawn(void)
{
	List	   *drawn = NIL;
	ListCell   *cell;

	if (!mtm_monotonic_sequences || XactReadOnly || MtmViewGeneration() == 0)
		return 0;
	foreach(cell, known_sequences())
	{
		if (is_locked(lfirst_oid(cell)))
			drawn = lappend_oid(drawn, lfirst_oid(cell));
	}
	return tell_all(drawn, MTM_SEQUENCE_REACH);
}

/*---------------------------------------------------------------------------
 * On the other nodes.
 */
typedef struct Given
{
	Oid			sequence;
	MtmWide		last;			/* no value behind this one was given here */
} Given;

/* Of the transaction that is applied now. */
static List *givens = NIL;
static TransactionId givens_of = InvalidTransactionId;

void
MtmSequenceNoteGiven(Oid id)
{
	Relation	sequence = OidIsValid(id) ? MtmSequenceOpen(id, ShareRowExclusiveLock) : NULL;
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Given	   *given = palloc(sizeof(Given));
	FormData_pg_sequence form;
	MtmSequenceShare share;
	int64		last_value;
	bool		is_called;

	if (givens_of != GetTopTransactionId())
		givens = NIL;			/* gone with its transaction */
	givens_of = GetTopTransactionId();
	if (sequence && MtmSequenceDefinition(sequence, &form, &share))
	{
		MtmSequenceRead(sequence, &last_value, &is_called);
		given->sequence = id;
		given->last = last_value;
		if (!is_called)
			given->last -= (MtmWide) form.seqincrement * share.modulus;
		givens = lappend(givens, given);
	}
	MemoryContextSwitchTo(old);
	if (sequence)
		relation_close(sequence, NoLock);
}

static bool
was_given(Oid sequence, MtmWide next, bool ascending)
{
	ListCell   *cell;

	if (givens_of != GetTopTransactionIdIfAny())
		return false;
	foreach(cell, givens)
	{
		Given	   *given = lfirst(cell);

		if (given->sequence == sequence &&
			(ascending ? given->last >= next : given->last <= next))
			return true;
	}
	return false;
}

static void
refuse_if_given(Relation sequence, const FormData_pg_sequence *form, MtmWide next)
{
	if (was_given(RelationGetRelid(sequence), next, form->seqincrement > 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("sequence \"%s\" is further on node %d than where it is altered",
						RelationGetRelationName(sequence), mtm_node_id),
				 errdetail("Values that node %d gave could come again from other nodes.",
						   mtm_node_id),
				 errhint("SELECT mtm.alter_sequences() first, or add RESTART.")));
}

static void
make_move(Relation sequence, const MtmSequenceMove *move, bool decided)
{
	FormData_pg_sequence form;
	MtmSequenceShare share;
	MtmWide		next;

	if (!MtmSequenceDefinition(sequence, &form, &share))
		return;
	next = MtmSequenceBehind(&form, move->value, move->is_called);
	switch (move->kind)
	{
		case MTM_SEQUENCE_SET:
			lock_place(RelationGetRelid(sequence));
			(void) MtmSequenceGoOn(sequence, &form, &share, next);
			break;
		case MTM_SEQUENCE_BEHIND:
			if (!decided)
				refuse_if_given(sequence, &form, next);
			/* FALLTHROUGH */
		case MTM_SEQUENCE_REACH:
			(void) MtmSequenceReach(sequence, &form, &share, next);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("unknown move \"%c\" of a sequence", move->kind)));
	}
}

void
MtmSequenceMoveApply(const MtmSequenceMove *move, bool decided)
{
	Oid			schema = get_namespace_oid(move->schema, true);
	Oid			id = OidIsValid(schema) ? get_relname_relid(move->name, schema) : InvalidOid;
	Relation	sequence = OidIsValid(id) ? MtmSequenceOpen(id, RowExclusiveLock) : NULL;

	/* One that is not here gives no values. */
	if (!sequence)
		return;
	make_move(sequence, move, decided);
	relation_close(sequence, NoLock);
}
