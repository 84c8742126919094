/*
 * Values that a statement of the schema computes once; see computed_values.h.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c -> here -> wire/computed_values.c, wire/schema_change.c
 * Locks: those of ALTER TABLE on its table and its heirs.
 *
 * Volatile defaults of new columns are not computed here: PostgreSQL computes them for each
 * row, and the rows are sent.
 */
#include "postgres.h"

#include "backend/computed_values.h"
#include "backend/schema_change_rows.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "wire/computed_values.h"
#include "wire/pinned_settings.h"

static char *
as_text(Oid type, Datum datum)
{
	int			level = MtmPinSettings();
	Oid			output;
	bool		varlena;
	char	   *text;

	getTypeOutputInfo(type, &output, &varlena);
	text = OidOutputFunctionCall(output, datum);
	AtEOXact_GUC(false, level);
	return text;
}

/* The statement is read under the client's settings on all nodes, and so is this constant. */
static void
refuse_if_read_as_other(Oid type, const char *text)
{
	Oid			input;
	Oid			parameter;
	Datum		datum;

	getTypeInputInfo(type, &input, &parameter);
	datum = OidInputFunctionCall(input, pstrdup(text), parameter, -1);
	if (strcmp(as_text(type, datum), text) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster cannot send a value of type %s under this session's settings",
						format_type_be(type)),
				 errdetail("Its text would be read as another value."),
				 errhint("SET array_nulls = on.")));
}

static MtmComputedValue *
compute(Node *expression)
{
	MtmComputedValue *value = palloc0(sizeof(*value));
	EState	   *estate = CreateExecutorState();
	ExprState  *state = ExecPrepareExpr((Expr *) expression, estate);
	Oid			type = exprType(expression);
	bool		isnull;
	Datum		datum = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), &isnull);

	value->type = format_type_extended(type, exprTypmod(expression),
									   FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	if (!isnull)
	{
		value->value = as_text(type, datum);
		refuse_if_read_as_other(type, value->value);
	}
	FreeExecutorState(estate);
	return value;
}

/*---------------------------------------------------------------------------
 * Bounds of partitions.
 */

/* MINVALUE and MAXVALUE look like columns, so transform nothing else. */
static bool
has_call(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, FuncCall) || IsA(node, A_Expr) || IsA(node, TypeCast) ||
		raw_expression_tree_walker(node, has_call, context);
}

static MtmComputedValue *
compute_bound(Node *raw, const char *query_string)
{
	ParseState *pstate;
	Node	   *expression;

	if (!has_call(raw, NULL))
		return NULL;
	pstate = make_parsestate(NULL);
	pstate->p_sourcetext = query_string;
	expression = transformExpr(pstate, copyObject(raw), EXPR_KIND_PARTITION_BOUND);
	if (exprType(expression) == UNKNOWNOID)
		expression = coerce_to_target_type(pstate, expression, UNKNOWNOID, TEXTOID, -1,
										   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	assign_expr_collations(pstate, expression);
	free_parsestate(pstate);
	return MtmDependsOnNode(expression) ? compute(expression) : NULL;
}

/*---------------------------------------------------------------------------
 * Defaults of new columns.
 */

/* The statement sets the default again, which would reach an heir's own column. */
static void
refuse_merge(Oid table, const char *column, LOCKMODE lockmode)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(table, lockmode, NULL))
	{
		if (lfirst_oid(cell) != table && get_attnum(lfirst_oid(cell), column) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("multimaster does not support a default for column \"%s\" that nodes could "
							"compute differently, where \"%s\" has such a column already",
							column, get_rel_name(lfirst_oid(cell))),
					 errhint("Add the column without a default, fill it with UPDATE, then set the default.")));
	}
}

/* Then this one is an error, or nothing with IF NOT EXISTS. */
static bool
is_added_before(const MtmValuePlace *place)
{
	const char *name = castNode(ColumnDef, place->add->def)->colname;
	ListCell   *cell;

	foreach(cell, place->alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command == place->add)
			return false;
		if (command->subtype == AT_AddColumn &&
			strcmp(castNode(ColumnDef, command->def)->colname, name) == 0)
			return true;
	}
	return false;
}

static MtmComputedValue *
compute_default(const MtmValuePlace *place, const char *query_string)
{
	ColumnDef  *column = castNode(ColumnDef, place->add->def);
	LOCKMODE	lockmode = AlterTableGetLockLevel(place->alter->cmds);
	Oid			table = AlterTableLookupRelation(place->alter, lockmode);
	char		kind;
	Node	   *expression;

	if (!OidIsValid(table))
		return NULL;			/* IF EXISTS */
	kind = get_rel_relkind(table);
	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) ||
		get_attnum(table, column->colname) != 0 || is_added_before(place))
		return NULL;			/* an error, or IF NOT EXISTS */
	expression = MtmCookedDefault(column, *place->expression, query_string);
	if (!MtmDependsOnNode(expression) || contain_volatile_functions(expression))
		return NULL;
	if (place->alter->relation->inh)
		refuse_merge(table, column->colname, lockmode);
	return compute(expression);
}

List *
MtmComputeValues(PlannedStmt **pstmt, const char *query_string)
{
	List	   *values = NIL;
	ListCell   *cell;

	foreach(cell, MtmValuePlaces((*pstmt)->utilityStmt))
	{
		const MtmValuePlace *place = lfirst(cell);
		MtmComputedValue *value = place->alter ? compute_default(place, query_string) :
			compute_bound(*place->expression, query_string);

		if (!value)
			continue;
		value->place = foreach_current_index(cell);
		values = lappend(values, value);
	}
	if (values == NIL)
		return NIL;
	*pstmt = copyObject(*pstmt);
	MtmComputedValuesPut((*pstmt)->utilityStmt, values);
	return values;
}
