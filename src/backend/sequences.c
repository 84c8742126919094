/*
 * Sequences over nodes.
 *
 * Runs in: backends and apply workers, where the sequence was created or the node's share
 *          was split; the recovery process of a new node. Not replicated.
 * Path: backend/schema_change.c, backend/sequence_share.c, recovery/recovery.c -> here
 * Locks: on the sequence, until the commit: ShareRowExclusiveLock, which nextval() waits
 *        for, and which waits for all transactions that called it; RowExclusiveLock where
 *        nobody can call it.
 *
 * With the increment I and the share (remainder, modulus) a node gives the values
 * start + I * k for which k mod modulus = remainder: its increment becomes I * modulus. The
 * remainder is counted from the sequence's start, which is the same on all nodes, and not
 * from the value it stands at, which need not be: copies of a server skip values. START,
 * MINVALUE and MAXVALUE stay as they are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "backend/sequence_like.h"
#include "backend/sequences.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "common/int.h"
#include "miscadmin.h"
#include "node_list.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Differences of two int64 and their quotients need more than 64 bits. */
typedef int128 wide;

static void
read_state(Relation sequence, int64 *last_value, bool *is_called)
{
	SysScanDesc scan = systable_beginscan(sequence, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple = systable_getnext(scan);
	Form_pg_sequence_data data;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("sequence \"%s\" has no row",
						RelationGetRelationName(sequence))));
	data = (Form_pg_sequence_data) GETSTRUCT(tuple);
	*last_value = data->last_value;
	*is_called = data->is_called;
	systable_endscan(scan);
}

static HeapTuple
definition(Relation sequence)
{
	HeapTuple	tuple = SearchSysCacheCopy1(SEQRELID,
											ObjectIdGetDatum(RelationGetRelid(sequence)));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("sequence \"%s\" has no definition",
						RelationGetRelationName(sequence))));
	return tuple;
}

static void
set_increment(Relation sequence, HeapTuple tuple, int64 base, int modulus)
{
	Form_pg_sequence form = (Form_pg_sequence) GETSTRUCT(tuple);
	Relation	catalog;
	int64		increment;

	if (pg_mul_s64_overflow(base, modulus, &increment))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("increment of sequence \"%s\" is too large",
						RelationGetRelationName(sequence)),
				 errdetail("It is multiplied by %d, so that other nodes may give the values "
						   "between.", modulus)));
	if (form->seqincrement == increment)
		return;
	form->seqincrement = increment;
	catalog = table_open(SequenceRelationId, RowExclusiveLock);
	CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
	table_close(catalog, RowExclusiveLock);
}

static void
set_value(Relation sequence, int64 value, bool is_called)
{
	Oid			user;
	int			context;

	/* whoever may create a sequence need not have the right to set it */
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE);
	DirectFunctionCall3(setval3_oid, ObjectIdGetDatum(RelationGetRelid(sequence)),
						Int64GetDatum(value), BoolGetDatum(is_called));
	SetUserIdAndSecContext(user, context);
}

/* The least k >= (next - start) / increment. */
static wide
steps_to(wide next, const FormData_pg_sequence *form)
{
	wide		distance = next - form->seqstart;
	wide		steps = distance / form->seqincrement;

	if (steps * form->seqincrement != distance &&
		(distance < 0) == (form->seqincrement < 0))
		steps++;
	return steps;
}

static bool
in_range(wide value, const FormData_pg_sequence *form)
{
	return value >= form->seqmin && value <= form->seqmax;
}

/*
 * Go on with the first value of the share from `next` on. False: there is none, and the
 * sequence is left at its end.
 */
static bool
take_own(Relation sequence, const FormData_pg_sequence *form, const MtmSequenceShare *share,
		 wide next)
{
	int			modulus = share->modulus;
	wide		steps = steps_to(next, form);
	wide		value;

	steps += ((share->remainder - steps % modulus) % modulus + modulus) % modulus;
	value = form->seqstart + steps * form->seqincrement;
	if (in_range(value, form))
		set_value(sequence, (int64) value, false);
	else
		set_value(sequence, form->seqincrement > 0 ? form->seqmax : form->seqmin, true);
	return in_range(value, form);
}

/* What became of a sequence. */
typedef struct Outcome
{
	bool		cycle;
	bool		own_left;		/* a value of the share, */
	bool		all_left;		/* and one of each with the same modulus */
} Outcome;

/* From now on it gives the values of `share`; its increment is `multiplied` already. */
static Outcome
change_share(Relation sequence, int multiplied, const MtmSequenceShare *share)
{
	HeapTuple	tuple = definition(sequence);
	FormData_pg_sequence form = *(Form_pg_sequence) GETSTRUCT(tuple);
	Outcome		outcome = {form.seqcycle, true, true};
	int64		last_value;
	bool		is_called;
	wide		next;
	wide		last_steps;

	form.seqincrement /= multiplied;
	if (form.seqincrement != 0)
	{
		read_state(sequence, &last_value, &is_called);
		set_increment(sequence, tuple, form.seqincrement, share->modulus);
		next = (wide) last_value + (is_called ? form.seqincrement : 0);
		outcome.own_left = take_own(sequence, &form, share, next);
		last_steps = steps_to(next, &form) + share->modulus - 1;
		outcome.all_left = in_range(form.seqstart + last_steps * form.seqincrement, &form);
	}
	heap_freetuple(tuple);
	return outcome;
}

static Relation
open_ours(Oid id, LOCKMODE lock)
{
	Relation	relation = try_relation_open(id, lock);

	if (!relation)
		return NULL;
	if (relation->rd_rel->relkind == RELKIND_SEQUENCE &&
		relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT &&
		RelationGetRelid(relation) >= FirstNormalObjectId &&
		RelationGetNamespace(relation) != get_namespace_oid("mtm", true))
		return relation;
	relation_close(relation, lock);
	return NULL;
}

static List *
all_sequences(void)
{
	Relation	catalog = table_open(SequenceRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *sequences = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		sequences = lappend_oid(sequences, ((Form_pg_sequence) GETSTRUCT(tuple))->seqrelid);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return sequences;
}

typedef void (*Judge) (const char *name, Outcome outcome, const MtmSequenceShare *share);

/* Of the sequences in the list those that multimaster has to do with. */
static void
change_all(List *sequences, LOCKMODE lock, int multiplied, const MtmSequenceShare *share,
		   Judge judge)
{
	ListCell   *cell;

	foreach(cell, sequences)
	{
		Relation	sequence = open_ours(lfirst_oid(cell), lock);

		CHECK_FOR_INTERRUPTS();
		if (!sequence)
			continue;
		judge(RelationGetRelationName(sequence), change_share(sequence, multiplied, share),
			  share);
		relation_close(sequence, NoLock);
	}
	CommandCounterIncrement();
}

static void
refuse_useless(const char *name, Outcome outcome, const MtmSequenceShare *share)
{
	if (!outcome.all_left)
		ereport(ERROR,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("sequence \"%s\" has fewer values than there may be nodes", name),
				 errdetail("Node %d gives one value of %d.", share->node_id, share->modulus)));
	if (outcome.cycle)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster does not support sequences with CYCLE yet"),
				 errdetail("Nodes would give the same values after the first cycle."),
				 errhint("Use NO CYCLE.")));
}

static void
warn_of_end(const char *name, Outcome outcome, const MtmSequenceShare *share)
{
	if (!outcome.own_left)
		ereport(WARNING,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("sequence \"%s\" is at its end on node %d", name, share->node_id)));
}

static void
warn_of_existing(const char *name, Outcome outcome, const MtmSequenceShare *share)
{
	if (!outcome.all_left)
		ereport(WARNING,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("sequence \"%s\" is at its end", name)));
	if (outcome.cycle)
		ereport(WARNING,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("sequence \"%s\" has CYCLE: nodes give the same values after the first cycle",
						name)));
}

void
MtmSequencesAfter(List *sequences, List *likes)
{
	MtmSequenceShare own;
	List	   *multiplied = NIL;
	List	   *others = NIL;
	ListCell   *cell;

	/* CREATE EXTENSION will see to those that are created before it. */
	if (sequences == NIL || !MtmSequenceShareRead(RowExclusiveLock, &own))
		return;
	foreach(cell, sequences)
	{
		if (MtmSequenceIsLike(lfirst_oid(cell), likes))
			multiplied = lappend_oid(multiplied, lfirst_oid(cell));
		else
			others = lappend_oid(others, lfirst_oid(cell));
	}
	change_all(multiplied, ShareRowExclusiveLock, own.modulus, &own, refuse_useless);
	change_all(others, ShareRowExclusiveLock, 1, &own, refuse_useless);
}

static void
accept(const char *name, Outcome outcome, const MtmSequenceShare *share)
{
}

/*
 * One that was left at its end, which need not be a value of the share, goes on from there
 * when it is given another end.
 */
void
MtmSequencesAltered(List *relations)
{
	MtmSequenceShare own;
	List	   *sequences = NIL;
	ListCell   *cell;

	foreach(cell, relations)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_SEQUENCE)
			sequences = lappend_oid(sequences, lfirst_oid(cell));
	}
	if (sequences != NIL && MtmSequenceShareRead(RowExclusiveLock, &own))
		change_all(sequences, ShareRowExclusiveLock, own.modulus, &own, accept);
}

void
MtmSequencesAll(void)
{
	MtmSequenceShare own = {mtm_node_id, mtm_node_id - 1, MtmSequenceFounderModulus()};

	if (mtm_node_id > MtmFounderCount())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("multimaster cannot be created on node %d, which is not one of "
						"multimaster.conn_strings", mtm_node_id)));
	change_all(all_sequences(), ShareRowExclusiveLock, 1, &own, warn_of_existing);
	MtmSequenceShareWrite(&own);
}

/*
 * All transactions that have got values by the old increment are over when the sequence is
 * locked, and values that sessions have cached lie before the one it stands at. So the new
 * node, which goes on behind that, gives none of them again.
 */
void
MtmSequencesSplit(const MtmSequenceShare *given)
{
	MtmSequenceShare own;
	int			multiplied;

	if (!MtmSequenceShareRead(ShareRowExclusiveLock, &own) || own.node_id != mtm_node_id ||
		given->modulus != 2 * own.modulus ||
		given->remainder != own.remainder + own.modulus)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("node %d cannot give a share of its sequence values to node %d",
						mtm_node_id, given->node_id),
				 errdetail("mtm.cluster_nodes and mtm.sequence_share do not agree.")));
	multiplied = own.modulus;
	own.modulus = given->modulus;
	change_all(all_sequences(), ShareRowExclusiveLock, multiplied, &own, warn_of_end);
	MtmSequenceShareWrite(&own);
}

/*
 * The copy stands where its source was. No stronger lock than nextval()'s: transactions
 * that users have prepared on the source, and so in the copy, may hold that.
 */
void
MtmSequencesOfCopy(void)
{
	MtmSequenceShare found;
	MtmSequenceShare own;

	if (!MtmSequenceShareRead(RowExclusiveLock, &found) || found.node_id == mtm_node_id)
		return;
	MtmSequenceShareOfCopy(found.node_id, &own);
	change_all(all_sequences(), RowExclusiveLock, found.modulus, &own, warn_of_end);
	MtmSequenceShareWrite(&own);
}
