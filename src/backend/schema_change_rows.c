/*
 * Statements that would write other rows on another node.
 *
 * Runs in: backends.
 * Path: backend/schema_change_class.c -> here
 * Locks: MtmAlterTableDiverges locks the table as ALTER TABLE is about to, and only when
 *        its answer depends on whether the table has rows.
 *
 * An expression is evaluated on every node, so it must not depend on the node.
 * Immutable functions do not. Stable ones of PostgreSQL itself depend on settings
 * and on the time, which peers are sent, except for those named below. Everything
 * volatile does, and so may a stable function of a user, which can read tables under
 * another snapshot. A table without rows has nothing to differ in: the table is
 * locked until the commit on every node, so it is empty on all or on none.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "backend/schema_change_rows.h"
#include "backend/written.h"
#include "catalog/heap.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Stable functions of PostgreSQL that tell about this node: beginnings of names. */
static const char *const node_functions[] = {
	"col_description", "current_setting", "currtid", "cursor_to_xml", "database_to_xml",
	"format_type", "has_", "inet_client", "inet_server", "lo_", "mxid_age", "obj_description",
	"pg_", "query_to_xml", "reg", "row_security_active", "schema_to_xml",
	"shobj_description", "table_to_xml", "to_reg", "ts_stat", "txid_"
};

static bool
function_depends_on_node(Oid function, void *context)
{
	char	   *name;
	char		volatility = func_volatile(function);

	if (volatility == PROVOLATILE_IMMUTABLE)
		return false;
	if (volatility == PROVOLATILE_VOLATILE || function >= FirstGenbkiObjectId)
		return true;
	name = get_func_name(function);
	for (int i = 0; i < lengthof(node_functions); i++)
	{
		if (strncmp(name, node_functions[i], strlen(node_functions[i])) == 0)
			return true;
	}
	return false;
}

static bool
depends_on_node(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, NextValueExpr) ||
		check_functions_in_node(node, function_depends_on_node, context))
		return true;
	return expression_tree_walker(node, depends_on_node, context);
}

/*---------------------------------------------------------------------------
 * Partition bounds.
 */
static bool
has_function_call(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, FuncCall) || raw_expression_tree_walker(node, has_function_call, context);
}

static bool
bound_list_diverges(List *values, const char *query_string)
{
	ParseState *pstate = make_parsestate(NULL);
	ListCell   *cell;
	bool		diverges = false;

	pstate->p_sourcetext = query_string;
	foreach(cell, values)
	{
		/* MINVALUE and MAXVALUE look like columns, so transform nothing else */
		if (has_function_call(lfirst(cell), NULL))
			diverges |= depends_on_node(transformExpr(pstate, copyObject(lfirst(cell)),
													  EXPR_KIND_PARTITION_BOUND), NULL);
	}
	free_parsestate(pstate);
	return diverges;
}

bool
MtmPartitionBoundDiverges(PartitionBoundSpec *bound, const char *query_string)
{
	return bound_list_diverges(bound->listdatums, query_string) ||
		bound_list_diverges(bound->lowerdatums, query_string) ||
		bound_list_diverges(bound->upperdatums, query_string);
}

/*---------------------------------------------------------------------------
 * Sequences: each node draws its own values, see backend/sequences.c.
 */
const char *
MtmSequenceOptionsDiverge(List *options)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "restart") == 0)
			return "Nodes would give the same values after RESTART.";
		if (strcmp(option->defname, "increment") == 0)
			return "Nodes would give the same values after a change of INCREMENT.";
		/* A share is counted from it. */
		if (strcmp(option->defname, "start") == 0)
			return "Nodes would give the same values after a change of START.";
		if (strcmp(option->defname, "cycle") == 0 && defGetBoolean(option))
			return "Nodes would give the same values after a CYCLE.";
	}
	return NULL;
}

/*---------------------------------------------------------------------------
 * ALTER TABLE.
 */
static bool
is_serial(TypeName *type)
{
	static const char *const names[] = {
		"smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"
	};

	if (list_length(type->names) != 1 || type->pct_type)
		return false;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(strVal(linitial(type->names)), names[i]) == 0)
			return true;
	}
	return false;
}

/* What ADD COLUMN would put into the rows that exist. */
static bool
new_column_diverges(ColumnDef *column, const char *query_string)
{
	Node	   *value = column->raw_default;
	Oid			type;
	int32		typmod;
	ListCell   *cell;

	if (is_serial(column->typeName))
		return true;
	foreach(cell, column->constraints)
	{
		Constraint *constraint = lfirst(cell);

		if (constraint->contype == CONSTR_IDENTITY)
			return true;
		if (constraint->contype == CONSTR_DEFAULT)
			value = constraint->raw_expr;
		if (constraint->contype == CONSTR_GENERATED)
			return false;		/* immutable, or an error */
	}
	typenameTypeIdAndMod(NULL, column->typeName, &type, &typmod);
	if (value)
	{
		ParseState *pstate = make_parsestate(NULL);

		pstate->p_sourcetext = query_string;
		value = cookDefault(pstate, copyObject(value), type, typmod, column->colname, 0);
		free_parsestate(pstate);
	}
	else
		value = get_typdefault(type);	/* of a domain */
	return depends_on_node(value, NULL);
}

static bool
new_type_diverges(Relation relation, AlterTableCmd *command, const char *query_string)
{
	ColumnDef  *column = castNode(ColumnDef, command->def);
	ParseState *pstate;
	ParseNamespaceItem *item;
	AttrNumber	number = get_attnum(RelationGetRelid(relation), command->name);
	Form_pg_attribute old;
	Oid			type;
	int32		typmod;
	Node	   *value;

	if (number <= 0)
		return false;			/* an error, or a column of this very statement */
	old = TupleDescAttr(RelationGetDescr(relation), number - 1);
	pstate = make_parsestate(NULL);
	pstate->p_sourcetext = query_string;
	if (column->raw_default)
	{
		item = addRangeTableEntryForRelation(pstate, relation, AccessShareLock, NULL,
											 false, true);
		addNSItemToQuery(pstate, item, false, true, true);
		value = transformExpr(pstate, copyObject(column->raw_default),
							  EXPR_KIND_ALTER_COL_TRANSFORM);
	}
	else
		value = (Node *) makeVar(1, number, old->atttypid, old->atttypmod,
								 old->attcollation, 0);
	typenameTypeIdAndMod(pstate, column->typeName, &type, &typmod);
	value = coerce_to_target_type(pstate, value, exprType(value), type, typmod,
								  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	free_parsestate(pstate);
	return depends_on_node(value, NULL);
}

static bool
has_replicated_row(Oid id)
{
	Relation	relation = table_open(id, NoLock);
	bool		found = false;

	if (RELKIND_HAS_TABLE_AM(relation->rd_rel->relkind) && MtmRelationReplicated(relation))
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
		TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
		TupleTableSlot *slot = table_slot_create(relation, NULL);

		found = table_scan_getnextslot(scan, ForwardScanDirection, slot);
		ExecDropSingleTupleTableSlot(slot);
		table_endscan(scan);
		UnregisterSnapshot(snapshot);
	}
	table_close(relation, NoLock);
	return found;
}

static bool
has_replicated_rows(Oid id, bool with_children, LOCKMODE lockmode)
{
	List	   *tables = with_children ? find_all_inheritors(id, lockmode, NULL) :
		list_make1_oid(id);
	ListCell   *cell;

	foreach(cell, tables)
	{
		CHECK_FOR_INTERRUPTS();
		if (has_replicated_row(lfirst_oid(cell)))
			return true;
	}
	return false;
}

/* Could a part of it write values into rows? */
static bool
may_write_rows(AlterTableStmt *alter)
{
	ListCell   *cell;

	if (alter->objtype != OBJECT_TABLE)
		return false;
	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst(cell);

		if (command->subtype == AT_AddColumn || command->subtype == AT_AlterColumnType)
			return true;
	}
	return false;
}

static bool
rows_diverge(AlterTableStmt *alter, const char *query_string)
{
	LOCKMODE	lockmode = AlterTableGetLockLevel(alter->cmds);
	Oid			id = AlterTableLookupRelation(alter, lockmode);
	Relation	relation;
	ListCell   *cell;
	bool		diverges = false;

	if (!OidIsValid(id))
		return false;			/* IF EXISTS */
	relation = relation_open(id, NoLock);
	if (relation->rd_rel->relkind == RELKIND_RELATION ||
		relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		foreach(cell, alter->cmds)
		{
			AlterTableCmd *command = lfirst(cell);

			if (command->subtype == AT_AddColumn)
			{
				/* IF NOT EXISTS: nothing is added then */
				if (command->missing_ok &&
					get_attnum(id, castNode(ColumnDef, command->def)->colname) != 0)
					continue;
				diverges |= new_column_diverges(castNode(ColumnDef, command->def),
												query_string);
			}
			else if (command->subtype == AT_AlterColumnType)
				diverges |= new_type_diverges(relation, command, query_string);
		}
	}
	relation_close(relation, NoLock);
	return diverges && has_replicated_rows(id, alter->relation->inh, lockmode);
}

bool
MtmAlterTableDiverges(AlterTableStmt *alter, const char *query_string,
					  MtmStatementRefusal *refusal)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst(cell);

		switch (command->subtype)
		{
			case AT_SetLogged:
				refusal->detail = "Rows of unlogged tables are not the same on every node.";
				refusal->hint = "Create another table, and fill it with INSERT ... SELECT.";
				return true;
			case AT_DetachPartition:
				if (!((PartitionCmd *) command->def)->concurrent)
					break;
				refusal->detail = "It does not run inside a transaction.";
				refusal->hint = "Use DETACH PARTITION without CONCURRENTLY.";
				return true;
			case AT_DetachPartitionFinalize:
				refusal->detail = "It ends a DETACH PARTITION CONCURRENTLY of one node.";
				refusal->hint = NULL;
				return true;
			case AT_AttachPartition:
				if (!((PartitionCmd *) command->def)->bound ||
					!MtmPartitionBoundDiverges(((PartitionCmd *) command->def)->bound,
											   query_string))
					break;
				refusal->detail = "The partition's bound could differ between nodes.";
				refusal->hint = "Write the bound as a constant.";
				return true;
			case AT_SetIdentity:
				refusal->detail = MtmSequenceOptionsDiverge((List *) command->def);
				refusal->hint = "Drop the identity and add it again.";
				if (refusal->detail)
					return true;
				break;
			default:
				break;
		}
	}

	if (may_write_rows(alter) && rows_diverge(alter, query_string))
	{
		refusal->detail = "The table has rows, and their new values could differ between nodes.";
		refusal->hint = "Add the column without a default, fill it with UPDATE, "
			"then set the default.";
		return true;
	}
	return false;
}
