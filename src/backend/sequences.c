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
 * The increment of a sequence is multiplied by the modulus of this node's share, so that it
 * gives only values of the share once it stands at one (backend/sequence_place.c). START,
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
#include "backend/sequence_place.h"
#include "backend/sequences.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_sequence.h"
#include "common/int.h"
#include "miscadmin.h"
#include "node_list.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

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
	MtmWide		next;

	form.seqincrement /= multiplied;
	if (form.seqincrement != 0)
	{
		MtmSequenceRead(sequence, &last_value, &is_called);
		set_increment(sequence, tuple, form.seqincrement, share->modulus);
		next = MtmSequenceBehind(&form, last_value, is_called);
		outcome.own_left = MtmSequenceGoOn(sequence, &form, share, next);
		outcome.all_left = MtmSequenceHasAll(&form, share->modulus, next);
	}
	heap_freetuple(tuple);
	return outcome;
}

Relation
MtmSequenceOpen(Oid id, LOCKMODE lock)
{
	Relation	relation = mtm_volkswagen_mode ? NULL : try_relation_open(id, lock);

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

List *
MtmSequencesInCatalog(void)
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

bool
MtmSequenceDefinition(Relation sequence, FormData_pg_sequence *form, MtmSequenceShare *share)
{
	HeapTuple	tuple;

	/* Who changes the share has changed it for the sequence, which is locked, before. */
	if (!MtmSequenceShareRead(AccessShareLock, share))
		return false;
	tuple = definition(sequence);
	*form = *(Form_pg_sequence) GETSTRUCT(tuple);
	heap_freetuple(tuple);
	form->seqincrement /= share->modulus;
	return form->seqincrement != 0;
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
		Relation	sequence = MtmSequenceOpen(lfirst_oid(cell), lock);

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

/*
 * pg_dump of a cluster writes the increments that it finds. All nodes must find the same base
 * in it, so it is not their own modulus that counts. Increments of a node whose share was
 * split are larger: then the sequence is sparser than it need be, and safe as any.
 */
static bool
is_dumped(Oid id)
{
	HeapTuple	tuple = mtm_dump_of_cluster ?
		SearchSysCache1(SEQRELID, ObjectIdGetDatum(id)) : NULL;
	bool		dumped;

	if (!HeapTupleIsValid(tuple))
		return false;
	dumped = ((Form_pg_sequence) GETSTRUCT(tuple))->seqincrement %
		MtmSequenceFounderModulus() == 0;
	ReleaseSysCache(tuple);
	return dumped;
}

void
MtmSequencesAfter(List *sequences, List *likes)
{
	MtmSequenceShare own;
	List	   *multiplied = NIL;
	List	   *dumped = NIL;
	List	   *others = NIL;
	ListCell   *cell;

	/* CREATE EXTENSION will see to those that are created before it. */
	if (sequences == NIL || !MtmSequenceShareRead(RowExclusiveLock, &own))
		return;
	foreach(cell, sequences)
	{
		if (MtmSequenceIsLike(lfirst_oid(cell), likes))
			multiplied = lappend_oid(multiplied, lfirst_oid(cell));
		else if (is_dumped(lfirst_oid(cell)))
			dumped = lappend_oid(dumped, lfirst_oid(cell));
		else
			others = lappend_oid(others, lfirst_oid(cell));
	}
	change_all(multiplied, ShareRowExclusiveLock, own.modulus, &own, refuse_useless);
	change_all(dumped, ShareRowExclusiveLock, MtmSequenceFounderModulus(), &own,
			   refuse_useless);
	change_all(others, ShareRowExclusiveLock, 1, &own, refuse_useless);
}

static void
accept(const char *name, Outcome outcome, const MtmSequenceShare *share)
{
}

/*
 * Each node goes on at its own value from there on where ALTER left it: at a RESTART, or
 * where it stood. One that was left at its end, which need not be a value of the share,
 * goes on from there when it is given another end.
 */
void
MtmSequencesAltered(List *relations, List *stepped)
{
	MtmSequenceShare own;
	List	   *multiplied = NIL;
	List	   *others = NIL;
	ListCell   *cell;

	foreach(cell, relations)
	{
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_SEQUENCE)
			continue;
		if (list_member_oid(stepped, lfirst_oid(cell)))
			others = lappend_oid(others, lfirst_oid(cell));
		else
			multiplied = lappend_oid(multiplied, lfirst_oid(cell));
	}
	if ((!multiplied && !others) || !MtmSequenceShareRead(RowExclusiveLock, &own))
		return;
	change_all(multiplied, ShareRowExclusiveLock, own.modulus, &own, accept);
	change_all(others, ShareRowExclusiveLock, 1, &own, accept);
}

void
MtmSequencesLogged(List *sequences)
{
	MtmSequenceShare own;

	if (sequences != NIL && MtmSequenceShareRead(RowExclusiveLock, &own))
		change_all(sequences, ShareRowExclusiveLock, 1, &own, refuse_useless);
}

void
MtmSequencesUnlogged(List *sequences)
{
	MtmSequenceShare own;
	ListCell   *cell;

	if (mtm_volkswagen_mode || sequences == NIL ||
		!MtmSequenceShareRead(RowExclusiveLock, &own))
		return;
	foreach(cell, sequences)
	{
		Relation	sequence = relation_open(lfirst_oid(cell), ShareRowExclusiveLock);
		HeapTuple	tuple = definition(sequence);
		int64		increment = ((Form_pg_sequence) GETSTRUCT(tuple))->seqincrement;

		if (increment % own.modulus == 0)
			set_increment(sequence, tuple, increment / own.modulus, 1);
		heap_freetuple(tuple);
		relation_close(sequence, NoLock);
	}
	CommandCounterIncrement();
}

void
MtmSequencesRestarted(List *tables)
{
	List	   *sequences = NIL;
	ListCell   *cell;

	CommandCounterIncrement();
	foreach(cell, tables)
		sequences = list_concat_unique_oid(sequences, getOwnedSequences(lfirst_oid(cell)));
	MtmSequencesAltered(sequences, NIL);
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
	change_all(MtmSequencesInCatalog(), ShareRowExclusiveLock, 1, &own, warn_of_existing);
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
	change_all(MtmSequencesInCatalog(), ShareRowExclusiveLock, multiplied, &own, warn_of_end);
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
	change_all(MtmSequencesInCatalog(), RowExclusiveLock, found.modulus, &own, warn_of_end);
	MtmSequenceShareWrite(&own);
}

bool
MtmSequenceAlign(Relation sequence)
{
	HeapTuple	tuple;
	FormData_pg_sequence form;
	MtmSequenceShare own;

	if (!MtmSequenceShareRead(AccessShareLock, &own))
		return false;
	tuple = definition(sequence);
	form = *(Form_pg_sequence) GETSTRUCT(tuple);
	heap_freetuple(tuple);
	/* What its base is all nodes would have to agree on. */
	if (form.seqincrement % own.modulus != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("increment of sequence \"%s\" is not multiplied by %d",
						RelationGetRelationName(sequence), own.modulus),
				 errdetail("It was made while this server was not a node."),
				 errhint("Drop it and create it again.")));
	form.seqincrement /= own.modulus;
	return MtmSequenceReach(sequence, &form, &own,
							form.seqincrement > 0 ? form.seqmin : form.seqmax);
}
