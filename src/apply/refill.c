/*
 * Rows that another node computed for a table; see refill.h.
 *
 * Runs in: apply workers, the recovery process; the hook in every process, for one
 *          comparison.
 * Path: apply/schema_change.c (the table is emptied), apply/rows.c (its rows come) -> here
 * Locks: none; the statement holds AccessExclusiveLock on the table.
 *
 * ALTER TABLE decides itself which tables it rewrites, and creates a transient heap for
 * each just before it reads the rows. That is where the table gets an empty file, so
 * exactly those are emptied whose rows come. Indexes and TOAST are made anew with the
 * transient heap. Rows that are not replicated (of an unlogged child) do not come, and stay.
 *
 * The rows are marked in this node's WAL, too: a node that comes back may read it from here.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "apply/refill.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "replication/message.h"
#include "utils/rel.h"
#include "wire/frame.h"
#include "wire/replicated.h"

static bool emptying = false;
static bool refilling = false;	/* as this node's WAL tells it */
static object_access_hook_type next_object_access = NULL;

void
MtmRefillEmptyTables(bool on)
{
	emptying = on;
}

/* The table for which this transient heap was created, or InvalidOid. */
static Oid
rewritten_table(Oid created)
{
	Relation	heap = RelationIdGetRelation(created);
	Oid			table = InvalidOid;

	if (!RelationIsValid(heap))
		return table;
	if (heap->rd_rel->relkind == RELKIND_RELATION &&
		heap->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT)
		table = heap->rd_rel->relrewrite;
	RelationClose(heap);
	return table;
}

static void
empty(Oid id)
{
	Relation	table = table_open(id, NoLock);

	if (MtmRelationIsReplicatedAs(table, RELPERSISTENCE_PERMANENT))
		RelationSetNewRelfilenode(table, table->rd_rel->relpersistence);
	table_close(table, NoLock);
}

static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
				 void *argument)
{
	Oid			table;

	if (next_object_access)
		next_object_access(access, class_id, object_id, sub_id, argument);
	if (!emptying || access != OAT_POST_CREATE || class_id != RelationRelationId ||
		sub_id != 0)
		return;
	table = rewritten_table(object_id);
	if (OidIsValid(table))
		empty(table);
}

void
MtmRefillInstallHooks(void)
{
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
}

void
MtmRefillReset(void)
{
	refilling = false;
}

static void
begin(void)
{
	if (refilling)
		return;
	LogLogicalMessage(MTM_MESSAGE_REFILL, "1", 1, true);
	refilling = true;
}

void
MtmRefillEnd(void)
{
	if (!refilling)
		return;
	LogLogicalMessage(MTM_MESSAGE_REFILL, "", 0, true);
	refilling = false;
}

void
MtmRefillInsert(MtmAppliedRelation *target)
{
	Relation	relation = target->relation;
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	begin();
	if (constraints && constraints->has_generated_stored)
		ExecComputeStoredGenerated(target->result, target->estate, target->row, CMD_INSERT);
	simple_table_tuple_insert(relation, target->row);
	if (target->result->ri_NumIndices > 0)
		list_free(ExecInsertIndexTuples(target->result, target->row, target->estate,
										false, false, NULL, NIL));
}
