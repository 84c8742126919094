/*
 * Statements that would write other rows on another node.
 *
 * Runs in: backends.
 * Path: backend/schema_change_class.c -> here
 * Locks: MtmClassOfAlterTable locks the table as ALTER TABLE is about to, and only when
 *        its answer depends on whether the table has rows.
 *
 * An expression is evaluated on every node, so it must not depend on the node.
 * Immutable functions do not. Stable ones of PostgreSQL itself depend on settings
 * and on the time, which peers are sent, except for those named below. Everything
 * volatile does, and so may a stable function of a user, which can read tables under
 * another snapshot. A table without rows has nothing to differ in: the table is
 * locked until the commit on every node, so it is empty on all or on none.
 *
 * Where PostgreSQL rewrites the table, the new rows can be sent instead
 * (MTM_STATEMENT_COMPUTES). Of a default that is not volatile it keeps one value in the
 * catalog, and rewrites nothing: that value is sent (backend/computed_values.c).
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "backend/schema_change_rows.h"
#include "backend/written.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "wire/replicated.h"

/* Stable functions of PostgreSQL that tell about this node: beginnings of names. */
static const char *const node_functions[] = {
	"col_description", "current_setting", "currtid", "cursor_to_xml", "database_to_xml",
	"format_type", "has_", "inet_client", "inet_server", "lo_", "mxid_age", "obj_description",
	"pg_", "query_to_xml", "reg", "row_security_active", "schema_to_xml",
	"shobj_description", "table_to_xml", "to_reg", "ts_stat", "txid_", "version"
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

bool
MtmDependsOnNode(Node *expression)
{
	return depends_on_node(expression, NULL);
}

/*---------------------------------------------------------------------------
 * Sequences: each node draws its own values, see backend/sequences.c.
 */
const char *const MtmCycleDetail =
"After the last value every node would go on at MINVALUE, or MAXVALUE, with the same values.";

bool
MtmSequenceOptionsCycle(List *options)
{
	ListCell   *cell;

	if (mtm_volkswagen_mode)
		return NULL;
	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "cycle") == 0 && defGetBoolean(option))
			return true;
	}
	return false;
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

/* What a statement would put into rows that exist. */
typedef struct Values
{
	bool		diverge;		/* nodes could compute different values */
	bool		kept;			/* such a one would be kept in the catalog, not in the rows */
} Values;

Node *
MtmCookedDefault(ColumnDef *column, Node *raw, const char *query_string)
{
	ParseState *pstate = make_parsestate(NULL);
	Oid			type;
	int32		typmod;
	Node	   *value;

	pstate->p_sourcetext = query_string;
	typenameTypeIdAndMod(pstate, column->typeName, &type, &typmod);
	value = cookDefault(pstate, copyObject(raw), type, typmod, column->colname, 0);
	free_parsestate(pstate);
	return value;
}

/* Of others that nodes could compute differently one value is sent (backend/computed_values.c). */
static bool
is_sent_as_rows(Node *value)
{
	return depends_on_node(value, NULL) && contain_volatile_functions(value);
}

static void
note_domain_default(Values *values, Oid type)
{
	Node	   *value = get_typdefault(type);

	if (!depends_on_node(value, NULL))
		return;
	values->diverge = true;
	values->kept |= !contain_volatile_functions(value) && !DomainHasConstraints(type);
}

/* What ADD COLUMN would put into the rows that exist. */
static void
note_new_column(Values *values, ColumnDef *column, const char *query_string)
{
	Node	   *value = column->raw_default;
	Oid			type;
	int32		typmod;
	ListCell   *cell;

	if (is_serial(column->typeName))
	{
		values->diverge = true;
		return;
	}
	foreach(cell, column->constraints)
	{
		Constraint *constraint = lfirst(cell);

		if (constraint->contype == CONSTR_IDENTITY)
		{
			values->diverge = true;
			return;
		}
		if (constraint->contype == CONSTR_DEFAULT)
			value = constraint->raw_expr;
		if (constraint->contype == CONSTR_GENERATED)
			return;				/* immutable, or an error */
	}
	if (value)
		values->diverge |= is_sent_as_rows(MtmCookedDefault(column, value, query_string));
	else
	{
		typenameTypeIdAndMod(NULL, column->typeName, &type, &typmod);
		note_domain_default(values, type);
	}
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

/* Foreign keys of other tables are checked again when a column that they refer to changes. */
static bool
is_referred_to(Relation relation, AttrNumber column)
{
	TriggerDesc *triggers = relation->trigdesc;
	bool		found = false;

	for (int i = 0; triggers && !found && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		HeapTuple	tuple;
		Datum		key;
		bool		isnull;

		if (RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_PK ||
			trigger->tgconstrrelid == RelationGetRelid(relation))
			continue;
		tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(trigger->tgconstraint));
		if (!HeapTupleIsValid(tuple))
			continue;
		key = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_confkey, &isnull);
		if (!isnull)
		{
			ArrayType  *columns = DatumGetArrayTypeP(key);
			AttrNumber *numbers = (AttrNumber *) ARR_DATA_PTR(columns);

			for (int j = 0; j < ARR_DIMS(columns)[0]; j++)
				found = found || numbers[j] == column;
		}
		ReleaseSysCache(tuple);
	}
	return found;
}

static MtmStatementClass
class_by_values(AlterTableStmt *alter, const char *query_string, MtmStatementRefusal *refusal)
{
	LOCKMODE	lockmode = AlterTableGetLockLevel(alter->cmds);
	Oid			id = AlterTableLookupRelation(alter, lockmode);
	Relation	relation;
	ListCell   *cell;
	Values		values = {false, false};
	bool		referred_to = false;

	if (!OidIsValid(id))
		return MTM_STATEMENT_REPLICATED;	/* IF EXISTS */
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
				note_new_column(&values, castNode(ColumnDef, command->def), query_string);
			}
			else if (command->subtype == AT_AlterColumnType)
			{
				values.diverge |= new_type_diverges(relation, command, query_string);
				referred_to |= is_referred_to(relation, get_attnum(id, command->name));
			}
		}
	}
	relation_close(relation, NoLock);
	if (!values.diverge || !has_replicated_rows(id, alter->relation->inh, lockmode))
		return MTM_STATEMENT_REPLICATED;
	if (values.kept)
	{
		refusal->detail = "The table has rows, and nodes could keep different values of the domain's default.";
		refusal->hint = "Give the column the default itself.";
		return MTM_STATEMENT_REFUSED;
	}
	if (referred_to)
	{
		refusal->detail = "Foreign keys of other tables refer to the column, "
			"and its new values could differ between nodes.";
		refusal->hint = "Drop the foreign keys, and add them again afterwards.";
		return MTM_STATEMENT_REFUSED;
	}
	return MTM_STATEMENT_COMPUTES;
}

static bool
is_referred_to_at_all(Relation relation)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		if (RI_FKey_trigger_type(triggers->triggers[i].tgfoid) == RI_TRIGGER_PK &&
			triggers->triggers[i].tgconstrrelid != RelationGetRelid(relation))
			return true;
	}
	return false;
}

static bool
adds_sequence(AlterTableStmt *alter)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst(cell);
		ColumnDef  *column = (ColumnDef *) command->def;
		ListCell   *constraint;

		if (command->subtype != AT_AddColumn)
			continue;
		if (is_serial(column->typeName))
			return true;
		foreach(constraint, column->constraints)
		{
			if (((Constraint *) lfirst(constraint))->contype == CONSTR_IDENTITY)
				return true;
		}
	}
	return false;
}

/* Nodes have rows of their own in an unlogged table: all get those of this one. */
static MtmStatementClass
class_of_set_logged(AlterTableStmt *alter, MtmStatementRefusal *refusal)
{
	Oid			id = AlterTableLookupRelation(alter, AlterTableGetLockLevel(alter->cmds));
	MtmStatementClass class = MTM_STATEMENT_REPLICATED;
	Relation	relation;

	if (!OidIsValid(id))
		return class;			/* IF EXISTS */
	relation = relation_open(id, NoLock);
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED &&
		MtmRelationIsReplicatedAs(relation, RELPERSISTENCE_PERMANENT))
	{
		class = MTM_STATEMENT_COMPUTES;
		refusal->hint = "Create another table, and fill it with INSERT ... SELECT.";
		if (is_referred_to_at_all(relation))
		{
			refusal->detail = "Foreign keys of other tables refer to rows of it that other nodes lose.";
			class = MTM_STATEMENT_REFUSED;
		}
		else if (adds_sequence(alter))
		{
			refusal->detail = "The sequence of the new column would stay unlogged, and nodes give the same values of it.";
			refusal->hint = "Add the column in a statement of its own.";
			class = MTM_STATEMENT_REFUSED;
		}
	}
	relation_close(relation, NoLock);
	return class;
}

MtmStatementClass
MtmClassOfAlterTable(AlterTableStmt *alter, const char *query_string,
					 MtmStatementRefusal *refusal)
{
	MtmStatementClass class = MTM_STATEMENT_REPLICATED;
	MtmStatementClass by_values = MTM_STATEMENT_REPLICATED;
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst(cell);

		switch (command->subtype)
		{
			case AT_SetLogged:
				class = class_of_set_logged(alter, refusal);
				if (class == MTM_STATEMENT_REFUSED)
					return class;
				break;
			case AT_DetachPartition:
				if (((PartitionCmd *) command->def)->concurrent)
					return MTM_STATEMENT_OUTSIDE;
				break;
			case AT_DetachPartitionFinalize:
				return MTM_STATEMENT_OUTSIDE;
			case AT_SetIdentity:
				if (!MtmSequenceOptionsCycle((List *) command->def))
					break;
				refusal->detail = MtmCycleDetail;
				refusal->hint = NULL;
				return MTM_STATEMENT_REFUSED;
			default:
				break;
		}
	}
	if (may_write_rows(alter))
		by_values = class_by_values(alter, query_string, refusal);
	return by_values == MTM_STATEMENT_REPLICATED ? class : by_values;
}
