/*
 * Indexes that this node alone has, in the way of a statement; see leftover_names.h.
 *
 * Runs in: the recovery process, in the transaction that it replays.
 * Path: apply/schema_change.c -> here
 * Locks: AccessExclusiveLock on the tables of what is dropped, until the commit.
 *
 * A concurrent build or drop that ended with this node's crash leaves an index here that no other
 * node knows of.
 * 1. The statement is committed: where it ran, no relation had the name that it gives.
 * 2. Up to it this node has what that one had, but for such indexes; what belongs to a constraint
 *    is none. So an index under that name is one.
 * 3. With IF NOT EXISTS the statement may have done nothing, as an index that is complete may
 *    have had the name on all nodes.
 * Names that PostgreSQL chooses for a part of a statement (t_pkey, t_id_seq) are not looked at:
 * what such a part gets where the name is taken is another one.
 */
#include "postgres.h"

#include "access/relation.h"
#include "apply/leftover_names.h"
#include "apply/outside.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "miscadmin.h"
#include "superuser.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "wire/outside.h"

static void
drop_as_superuser(Oid index)
{
	MtmSavedUser saved;

	ereport(LOG,
			(errmsg("index \"%s.%s\" is dropped: other nodes do not have it, and gave its name to something else",
					get_namespace_name(get_rel_namespace(index)), get_rel_name(index)),
			 errdetail("A concurrent build or drop of it did not end on all nodes.")));
	saved = MtmBecomeSuperuser();
	MtmOutsideDropHere(index);
	MtmBecomeUser(saved);
}

static void
free_name(Oid schema, const char *name, bool if_not_exists)
{
	Oid			index;

	if (!OidIsValid(schema) || !name)
		return;
	index = get_relname_relid(name, schema);
	if (OidIsValid(index) && get_rel_relkind(index) == RELKIND_INDEX &&
		!OidIsValid(get_index_constraint(index)) &&
		(!if_not_exists || MtmIndexIsIncomplete(index)))
		drop_as_superuser(index);
}

static Oid
schema_of(const RangeVar *relation)
{
	Oid			id = relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;

	return OidIsValid(id) ? get_rel_namespace(id) : InvalidOid;
}

static void
free_created(const RangeVar *relation, bool if_not_exists)
{
	free_name(RangeVarGetCreationNamespace(relation), relation->relname, if_not_exists);
}

/* Of those that have an index. */
static void
free_constraints(Oid schema, List *constraints, bool if_not_exists)
{
	ListCell   *cell;

	foreach(cell, constraints)
	{
		Constraint *constraint = lfirst(cell);

		if (!IsA(constraint, Constraint))
			continue;
		if ((constraint->contype == CONSTR_UNIQUE || constraint->contype == CONSTR_PRIMARY ||
			 constraint->contype == CONSTR_EXCLUSION) &&
			(!constraint->indexname || !constraint->conname ||
			 strcmp(constraint->indexname, constraint->conname) != 0))
			free_name(schema, constraint->conname, if_not_exists);
	}
}

static void
free_columns(Oid schema, List *elements, bool if_not_exists)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		if (IsA(lfirst(cell), ColumnDef))
			free_constraints(schema, ((ColumnDef *) lfirst(cell))->constraints, if_not_exists);
	}
}

static void
free_of_table(const CreateStmt *create)
{
	Oid			schema = RangeVarGetCreationNamespace(create->relation);

	free_created(create->relation, create->if_not_exists);
	free_columns(schema, create->tableElts, create->if_not_exists);
	free_constraints(schema, create->tableElts, create->if_not_exists);
	free_constraints(schema, create->constraints, create->if_not_exists);
}

static void
free_of_alter(const AlterTableStmt *alter)
{
	Oid			schema = schema_of(alter->relation);
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst(cell);

		if (command->def && IsA(command->def, Constraint))
			free_constraints(schema, list_make1(command->def), false);
		else if (command->def && IsA(command->def, ColumnDef))
			free_columns(schema, list_make1(command->def), command->missing_ok);
	}
}

/* Others have names of their own, which an index may have, too. */
static bool
renames_index(const RenameStmt *rename)
{
	Oid			table = RangeVarGetRelid(rename->relation, NoLock, true);
	Oid			constraint = OidIsValid(table) ?
		get_relation_constraint_oid(table, rename->subname, true) : InvalidOid;

	return OidIsValid(constraint) && OidIsValid(get_constraint_index(constraint));
}

static void
free_of_rename(const RenameStmt *rename)
{
	switch (rename->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			free_name(schema_of(rename->relation), rename->newname, false);
			break;
		case OBJECT_TABCONSTRAINT:
			if (renames_index(rename))
				free_name(schema_of(rename->relation), rename->newname, false);
			break;
		default:
			break;
	}
}

/* What moves with a table: its indexes, and the sequences of its columns. */
static List *
moved_along(Oid id)
{
	Relation	relation = relation_open(id, AccessExclusiveLock);
	List	   *along = list_concat(RelationGetIndexList(relation), getOwnedSequences(id));

	relation_close(relation, NoLock);
	return along;
}

static void
free_of_move(const AlterObjectSchemaStmt *move)
{
	Oid			id = move->relation ? RangeVarGetRelid(move->relation, NoLock, true) : InvalidOid;
	Oid			schema = get_namespace_oid(move->newschema, true);
	ListCell   *cell;

	/* With IF EXISTS it may move nothing, and so where it is there. */
	if (!OidIsValid(id) || get_rel_namespace(id) == schema)
		return;
	free_name(schema, move->relation->relname, false);
	foreach(cell, moved_along(id))
		free_name(schema, get_rel_name(lfirst_oid(cell)), false);
}

void
MtmLeftoverNamesFree(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			free_name(schema_of(((const IndexStmt *) statement)->relation),
					  ((const IndexStmt *) statement)->idxname,
					  ((const IndexStmt *) statement)->if_not_exists);
			break;
		case T_CreateStmt:
			free_of_table((const CreateStmt *) statement);
			break;
		case T_CreateForeignTableStmt:
			free_of_table(&((const CreateForeignTableStmt *) statement)->base);
			break;
		case T_ViewStmt:
			free_created(((const ViewStmt *) statement)->view, false);
			break;
		case T_CreateSeqStmt:
			free_created(((const CreateSeqStmt *) statement)->sequence,
						 ((const CreateSeqStmt *) statement)->if_not_exists);
			break;
		case T_CreateTableAsStmt:
			free_created(((const CreateTableAsStmt *) statement)->into->rel,
						 ((const CreateTableAsStmt *) statement)->if_not_exists);
			break;
		case T_CompositeTypeStmt:
			free_created(((const CompositeTypeStmt *) statement)->typevar, false);
			break;
		case T_AlterTableStmt:
			free_of_alter((const AlterTableStmt *) statement);
			break;
		case T_RenameStmt:
			free_of_rename((const RenameStmt *) statement);
			break;
		case T_AlterObjectSchemaStmt:
			free_of_move((const AlterObjectSchemaStmt *) statement);
			break;
		default:
			break;
	}
}
