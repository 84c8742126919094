/*
 * Sequences over nodes.
 *
 * Runs in: backends and apply workers, where the sequence was created; not replicated.
 * Path: backend/schema_change.c -> here
 * Locks: ShareRowExclusiveLock on the sequence, until the commit.
 *
 * The increment I becomes I * N, with N = MtmSequenceNodes(). Node n (1..N) gives the
 * values start + I * k for which k mod N = n - 1. The remainder is counted from the
 * sequence's start, which is the same on all nodes, and not from the value it stands at,
 * which need not be: copies of a server skip values. START, MINVALUE and MAXVALUE stay
 * as they are, so the definitions are equal on all nodes. N is more than most clusters
 * have nodes, so that one can be added without a change on the others: they go on giving
 * their values meanwhile.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
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
#include "utils/rel.h"
#include "utils/syscache.h"

int
MtmSequenceNodes(void)
{
	int			nodes = 8;

	while (nodes < MtmFounderCount())
		nodes *= 2;
	return nodes;
}

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

static int64
set_increment(Relation sequence, FormData_pg_sequence *form)
{
	Relation	catalog = table_open(SequenceRelationId, RowExclusiveLock);
	HeapTuple	tuple = SearchSysCacheCopy1(SEQRELID,
											ObjectIdGetDatum(RelationGetRelid(sequence)));
	int64		increment;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("sequence \"%s\" has no definition",
						RelationGetRelationName(sequence))));
	*form = *(Form_pg_sequence) GETSTRUCT(tuple);
	if (pg_mul_s64_overflow(form->seqincrement, MtmSequenceNodes(), &increment))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("increment of sequence \"%s\" is too large",
						RelationGetRelationName(sequence)),
				 errdetail("It is multiplied by %d, the number of nodes that may give values.",
						   MtmSequenceNodes())));
	((Form_pg_sequence) GETSTRUCT(tuple))->seqincrement = increment;
	CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
	heap_freetuple(tuple);
	table_close(catalog, RowExclusiveLock);
	return increment;
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
 * Go on with the first of this node's values from `next` on; where there is none, the
 * sequence is left at its end. `form` has the increment of all nodes together.
 */
static void
take_own(Relation sequence, const FormData_pg_sequence *form, wide next)
{
	int			nodes = MtmSequenceNodes();
	wide		steps = steps_to(next, form);
	wide		value;

	steps += ((mtm_node_id - 1 - steps % nodes) % nodes + nodes) % nodes;
	value = form->seqstart + steps * form->seqincrement;
	if (in_range(value, form))
		set_value(sequence, (int64) value, false);
	else
		set_value(sequence, form->seqincrement > 0 ? form->seqmax : form->seqmin, true);
}

/* False when some node would have no value to give. */
static bool
split(Relation sequence, FormData_pg_sequence *form)
{
	int64		last_value;
	bool		is_called;
	wide		next;
	wide		last_steps;

	read_state(sequence, &last_value, &is_called);
	set_increment(sequence, form);
	next = (wide) last_value + (is_called ? form->seqincrement : 0);
	take_own(sequence, form, next);
	last_steps = steps_to(next, form) + MtmSequenceNodes() - 1;
	return in_range(form->seqstart + last_steps * form->seqincrement, form);
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

void
MtmSequencesAfter(List *sequences)
{
	ListCell   *cell;

	foreach(cell, sequences)
	{
		Relation	sequence = open_ours(lfirst_oid(cell), ShareRowExclusiveLock);
		FormData_pg_sequence form;

		if (!sequence)
			continue;
		if (!split(sequence, &form))
			ereport(ERROR,
					(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
					 errmsg("sequence \"%s\" has fewer values than there may be nodes",
							RelationGetRelationName(sequence)),
					 errdetail("Each of up to %d nodes gives its own values.",
							   MtmSequenceNodes())));
		if (form.seqcycle)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("multimaster does not support sequences with CYCLE yet"),
					 errdetail("Nodes would give the same values after the first cycle."),
					 errhint("Use NO CYCLE.")));
		relation_close(sequence, NoLock);
	}
	CommandCounterIncrement();
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

/*
 * The copy stands where its source was. No stronger lock than nextval()'s: transactions
 * that users have prepared on the source, and so in the copy, may hold that.
 */
void
MtmSequencesOfCopy(void)
{
	ListCell   *cell;

	foreach(cell, all_sequences())
	{
		Relation	sequence = open_ours(lfirst_oid(cell), RowExclusiveLock);
		HeapTuple	tuple;
		FormData_pg_sequence form;
		int64		last_value;
		bool		is_called;

		CHECK_FOR_INTERRUPTS();
		if (!sequence)
			continue;
		tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(RelationGetRelid(sequence)));
		if (!HeapTupleIsValid(tuple))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("sequence \"%s\" has no definition",
							RelationGetRelationName(sequence))));
		form = *(Form_pg_sequence) GETSTRUCT(tuple);
		ReleaseSysCache(tuple);
		read_state(sequence, &last_value, &is_called);
		form.seqincrement /= MtmSequenceNodes();
		if (form.seqincrement != 0)
			take_own(sequence, &form,
					 (wide) last_value + (is_called ? form.seqincrement : 0));
		relation_close(sequence, NoLock);
	}
}

void
MtmSequencesAll(void)
{
	ListCell   *cell;

	foreach(cell, all_sequences())
	{
		Relation	sequence = open_ours(lfirst_oid(cell), ShareRowExclusiveLock);
		FormData_pg_sequence form;

		CHECK_FOR_INTERRUPTS();
		if (!sequence)
			continue;
		if (!split(sequence, &form))
			ereport(WARNING,
					(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
					 errmsg("sequence \"%s\" is at its end",
							RelationGetRelationName(sequence))));
		if (form.seqcycle)
			ereport(WARNING,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("sequence \"%s\" has CYCLE: nodes give the same values after the first cycle",
							RelationGetRelationName(sequence))));
		relation_close(sequence, NoLock);
	}
	CommandCounterIncrement();
}
