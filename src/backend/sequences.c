/*
 * Sequences over nodes.
 *
 * Runs in: backends and apply workers, where the sequence was created; not replicated.
 * Path: backend/schema_change.c -> here
 * Locks: ShareRowExclusiveLock on the sequence, until the commit.
 *
 * The increment I becomes I * N. Node n (1..N) gives the values
 * start + I * k for which k mod N = n - 1. The remainder is counted from the sequence's
 * start, which is the same on all nodes, and not from the value it stands at, which
 * need not be: copies of a server skip values. START, MINVALUE and MAXVALUE stay
 * as they are, so the definitions are equal on all nodes.
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
#include "settings.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
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
	if (pg_mul_s64_overflow(form->seqincrement, MtmNodeCount(), &increment))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("increment of sequence \"%s\" is too large",
						RelationGetRelationName(sequence)),
				 errdetail("It is multiplied by the number of nodes, %d.", MtmNodeCount())));
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
 * False when some node would have no value to give; then the sequence is left at its
 * end on this node.
 */
static bool
split(Relation sequence, FormData_pg_sequence *form)
{
	int			nodes = MtmNodeCount();
	int64		last_value;
	bool		is_called;
	wide		steps;
	wide		last_steps;
	wide		value;

	read_state(sequence, &last_value, &is_called);
	set_increment(sequence, form);
	steps = steps_to((wide) last_value + (is_called ? form->seqincrement : 0), form);
	last_steps = steps + nodes - 1;
	steps += ((mtm_node_id - 1 - steps % nodes) % nodes + nodes) % nodes;
	value = form->seqstart + steps * form->seqincrement;
	if (in_range(value, form))
		set_value(sequence, (int64) value, false);
	else
		set_value(sequence, form->seqincrement > 0 ? form->seqmax : form->seqmin, true);
	return in_range(form->seqstart + last_steps * form->seqincrement, form);
}

static Relation
open_ours(Oid id)
{
	Relation	relation = try_relation_open(id, ShareRowExclusiveLock);

	if (!relation)
		return NULL;
	if (relation->rd_rel->relkind == RELKIND_SEQUENCE &&
		relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT &&
		RelationGetRelid(relation) >= FirstNormalObjectId &&
		RelationGetNamespace(relation) != get_namespace_oid("mtm", true))
		return relation;
	relation_close(relation, ShareRowExclusiveLock);
	return NULL;
}

void
MtmSequencesAfter(List *sequences)
{
	ListCell   *cell;

	if (MtmNodeCount() < 2)
		return;
	foreach(cell, sequences)
	{
		Relation	sequence = open_ours(lfirst_oid(cell));
		FormData_pg_sequence form;

		if (!sequence)
			continue;
		if (!split(sequence, &form))
			ereport(ERROR,
					(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
					 errmsg("sequence \"%s\" has fewer values than there are nodes",
							RelationGetRelationName(sequence)),
					 errdetail("Each of %d nodes gives its own values.", MtmNodeCount())));
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

void
MtmSequencesAll(void)
{
	Relation	catalog;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *sequences = NIL;
	ListCell   *cell;

	if (MtmNodeCount() < 2)
		return;
	catalog = table_open(SequenceRelationId, AccessShareLock);
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		sequences = lappend_oid(sequences, ((Form_pg_sequence) GETSTRUCT(tuple))->seqrelid);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	foreach(cell, sequences)
	{
		Relation	sequence = open_ours(lfirst_oid(cell));
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
