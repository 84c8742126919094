/*
 * DETACH PARTITION CONCURRENTLY of another node; see detach.h.
 *
 * Runs in: sessions of other nodes (mtm.run_unfinished()), apply workers, the recovery
 *          process.
 * Path: apply/outside.c -> here -> PostgreSQL
 * Locks: those of the statement. Concurrently it waits, without a lock, for all transactions
 *        that use the partitioned table.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "apply/detach.h"
#include "catalog/heap.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "partitioning/partdesc.h"
#include "tcop/utility.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "wire/outside.h"

void
MtmDetachConcurrently(AlterTableStmt *detach, const char *text)
{
	AlterTableCmd *command = MtmDetachCommand(detach);
	AlterTableUtilityContext context = {0};
	PlannedStmt *pstmt = makeNode(PlannedStmt);
	LOCKMODE	lockmode;
	Oid			parent;
	Oid			partition;

	switch (MtmPartitionOfStatement(detach, &parent, &partition))
	{
		case MTM_PARTITION_OTHER:
			return;
		case MTM_PARTITION_ATTACHED:
			castNode(PartitionCmd, command->def)->concurrent = true;
			break;
		case MTM_PARTITION_DETACHING:
			command->subtype = AT_DetachPartitionFinalize;
			break;
	}
	lockmode = AlterTableGetLockLevel(detach->cmds);
	pstmt->commandType = CMD_UTILITY;
	pstmt->utilityStmt = (Node *) detach;
	context.pstmt = pstmt;
	context.queryString = text;
	context.relid = AlterTableLookupRelation(detach, lockmode);
	AlterTable(detach, lockmode, &context);
}

static void
add_constraint(Relation relation, Constraint *constraint, bool is_child)
{
	CookedConstraint *made;
	List	   *cooked;
	ListCell   *cell;

	cooked = AddRelationNewConstraints(relation, NIL, list_make1(copyObject(constraint)), is_child,
									   !is_child, false, NULL);
	CommandCounterIncrement();
	if (cooked == NIL)
		return;					/* merged */
	made = linitial(cooked);
	constraint->conname = made->name;
	foreach(cell, find_inheritance_children(RelationGetRelid(relation), AccessExclusiveLock))
	{
		Relation	child = table_open(lfirst_oid(cell), NoLock);

		add_constraint(child, constraint, true);
		table_close(child, NoLock);
	}
}

/* As PostgreSQL does for the concurrent statement: the partition keeps its bound as a CHECK. */
static void
keep_bound(Oid parent, Oid partition)
{
	Relation	above = table_open(parent, AccessExclusiveLock);
	Relation	relation = table_open(partition, AccessExclusiveLock);
	bool		hashed = RelationGetPartitionKey(above)->strategy == PARTITION_STRATEGY_HASH;
	List	   *bound = hashed ? NIL : (List *)
		eval_const_expressions(NULL, (Node *) RelationGetPartitionQual(relation));

	if (!hashed && !PartConstraintImpliedByRelConstraint(relation, bound))
	{
		Constraint *constraint = makeNode(Constraint);

		constraint->contype = CONSTR_CHECK;
		constraint->location = -1;
		constraint->cooked_expr = nodeToString(make_ands_explicit(bound));
		constraint->initially_valid = true;
		constraint->skip_validation = true;
		add_constraint(relation, constraint, false);
	}
	table_close(relation, NoLock);
	table_close(above, NoLock);
}

void
MtmDetachPrepare(AlterTableStmt *detach)
{
	Oid			parent;
	Oid			partition;

	if (MtmPartitionOfStatement(detach, &parent, &partition) == MTM_PARTITION_DETACHING)
		MtmDetachCommand(detach)->subtype = AT_DetachPartitionFinalize;
	else
		keep_bound(parent, partition);
}
