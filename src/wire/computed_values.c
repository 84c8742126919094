/*
 * Values that a statement of the schema computes once; see computed_values.h.
 *
 * Runs in: backends, apply workers, the recovery process.
 * Path: backend/computed_values.c -> here; apply/schema_change.c -> here
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "wire/computed_values.h"

static List *
add_place(List *places, Node **expression, AlterTableStmt *alter, AlterTableCmd *add)
{
	MtmValuePlace *place = palloc(sizeof(*place));

	place->expression = expression;
	place->alter = alter;
	place->add = add;
	return lappend(places, place);
}

static List *
add_list(List *places, List *expressions)
{
	ListCell   *cell;

	foreach(cell, expressions)
		places = add_place(places, (Node **) &lfirst(cell), NULL, NULL);
	return places;
}

static List *
add_bound(List *places, PartitionBoundSpec *bound)
{
	if (!bound)
		return places;
	places = add_list(places, bound->listdatums);
	places = add_list(places, bound->lowerdatums);
	return add_list(places, bound->upperdatums);
}

static List *
add_new_column(List *places, AlterTableStmt *alter, AlterTableCmd *add)
{
	ListCell   *cell;

	foreach(cell, castNode(ColumnDef, add->def)->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, cell);

		if (constraint->contype == CONSTR_DEFAULT)
			places = add_place(places, &constraint->raw_expr, alter, add);
	}
	return places;
}

static List *
add_alter_table(List *places, AlterTableStmt *alter)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AddColumn && alter->objtype == OBJECT_TABLE)
			places = add_new_column(places, alter, command);
		else if (command->subtype == AT_AttachPartition)
			places = add_bound(places, castNode(PartitionCmd, command->def)->bound);
	}
	return places;
}

static List *
add_statement(List *places, Node *statement)
{
	ListCell   *cell;

	switch (nodeTag(statement))
	{
		case T_CreateStmt:
			return add_bound(places, ((CreateStmt *) statement)->partbound);
		case T_CreateForeignTableStmt:
			return add_bound(places, ((CreateForeignTableStmt *) statement)->base.partbound);
		case T_AlterTableStmt:
			return add_alter_table(places, (AlterTableStmt *) statement);
		case T_CreateSchemaStmt:
			foreach(cell, ((CreateSchemaStmt *) statement)->schemaElts)
				places = add_statement(places, lfirst(cell));
			return places;
		default:
			return places;
	}
}

List *
MtmValuePlaces(Node *statement)
{
	return add_statement(NIL, statement);
}

static Node *
constant(const MtmComputedValue *value)
{
	A_Const    *literal = makeNode(A_Const);
	TypeCast   *cast = makeNode(TypeCast);

	literal->location = -1;
	literal->isnull = value->value == NULL;
	if (value->value)
	{
		literal->val.sval.type = T_String;
		literal->val.sval.sval = pstrdup(value->value);
	}
	cast->arg = (Node *) literal;
	cast->typeName = typeStringToTypeName(value->type);
	cast->location = -1;
	return (Node *) cast;
}

/* Right behind the new column, so that a default which the statement sets later stays. */
static void
set_default_afterwards(const MtmValuePlace *place)
{
	AlterTableCmd *set = makeNode(AlterTableCmd);
	int			index = 0;
	ListCell   *cell;

	set->subtype = AT_ColumnDefault;
	set->name = pstrdup(castNode(ColumnDef, place->add->def)->colname);
	set->def = *place->expression;
	set->behavior = DROP_RESTRICT;
	foreach(cell, place->alter->cmds)
	{
		index++;
		if (lfirst(cell) == place->add)
			break;
	}
	place->alter->cmds = list_insert_nth(place->alter->cmds, index, set);
}

void
MtmComputedValuesPut(Node *statement, List *values)
{
	List	   *places = MtmValuePlaces(statement);
	ListCell   *cell;

	foreach(cell, values)
	{
		const MtmComputedValue *value = lfirst(cell);
		MtmValuePlace *place;

		if (value->place < 0 || value->place >= list_length(places))
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("a schema change has no place %d for a value", value->place)));
		place = list_nth(places, value->place);
		if (place->alter)
			set_default_afterwards(place);
		*place->expression = constant(value);
	}
}
