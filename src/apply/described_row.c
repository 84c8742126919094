/*
 * The row that is being applied, in words, for errors that tell of a conflict.
 *
 * Runs in: apply workers.
 * Locks: none, and none may be asked for: the process may be waiting for one.
 *
 * So values are shown only of types whose output looks nothing up.
 */
#include "postgres.h"

#include "apply/described_row.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

static MtmAppliedRelation *target = NULL;
static TupleTableSlot *row = NULL;
static const char *table_schema = NULL;
static const char *table_name = NULL;

void
MtmDescribedRowSet(MtmAppliedRelation *new_target, TupleTableSlot *new_row)
{
	target = new_target;
	row = new_row;
	table_name = NULL;
}

Oid
MtmDescribedRowTable(void)
{
	return target ? target->map->local_id : InvalidOid;
}

void
MtmDescribedTableSet(const char *schema, const char *relation)
{
	target = NULL;
	table_schema = schema;
	table_name = relation;
}

static Oid
simple_output(Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return F_BOOLOUT;
		case INT2OID:
			return F_INT2OUT;
		case INT4OID:
			return F_INT4OUT;
		case INT8OID:
			return F_INT8OUT;
		case OIDOID:
			return F_OIDOUT;
		case FLOAT4OID:
			return F_FLOAT4OUT;
		case FLOAT8OID:
			return F_FLOAT8OUT;
		case NUMERICOID:
			return F_NUMERIC_OUT;
		case TEXTOID:
			return F_TEXTOUT;
		case VARCHAROID:
			return F_VARCHAROUT;
		case BPCHAROID:
			return F_BPCHAROUT;
		case NAMEOID:
			return F_NAMEOUT;
		case UUIDOID:
			return F_UUID_OUT;
		case DATEOID:
			return F_DATE_OUT;
		case TIMESTAMPOID:
			return F_TIMESTAMP_OUT;
		case TIMESTAMPTZOID:
			return F_TIMESTAMPTZ_OUT;
		default:
			return InvalidOid;
	}
}

static void
append_value(StringInfo values, Form_pg_attribute attribute, Datum value, bool is_null)
{
	Oid			output = simple_output(attribute->atttypid);

	if (is_null)
		appendStringInfoString(values, "null");
	else if (!OidIsValid(output))
		appendStringInfoString(values, "...");
	else
		appendStringInfoString(values, OidOutputFunctionCall(output, value));
}

/* False: the table has no key. */
static bool
append_key(StringInfo text)
{
	TupleDesc	desc = RelationGetDescr(target->relation);
	StringInfoData values;
	const char *separator = "";

	initStringInfo(&values);
	appendStringInfoString(text, "the row with key (");
	for (int i = 0; i < target->map->columns; i++)
	{
		int			at = target->map->attribute[i];
		Form_pg_attribute attribute = TupleDescAttr(desc, at);

		if (!target->map->is_key[i])
			continue;
		appendStringInfo(text, "%s%s", separator, NameStr(attribute->attname));
		appendStringInfoString(&values, separator);
		append_value(&values, attribute, row->tts_values[at], row->tts_isnull[at]);
		separator = ", ";
	}
	appendStringInfo(text, ")=(%s) of ", values.data);
	return *separator != '\0';
}

static void
describe(char *into, Size size, bool key)
{
	StringInfoData text;

	initStringInfo(&text);
	if (target && !key)
		appendStringInfoString(&text, "a row of ");
	else if (target && !TTS_EMPTY(row) && !append_key(&text))
	{
		resetStringInfo(&text);
		appendStringInfoString(&text, "a row of ");
	}
	if (target)
		appendStringInfo(&text, "relation \"%s.%s\"", target->map->schema,
						 target->map->name);
	else if (table_name)
		appendStringInfo(&text, "relation \"%s.%s\"", table_schema, table_name);
	else
		appendStringInfoString(&text, "a lock");
	text.len = pg_mbcliplen(text.data, text.len, size - 1);
	memcpy(into, text.data, text.len);
	into[text.len] = '\0';
	pfree(text.data);
}

void
MtmDescribedRow(char *into, Size size)
{
	describe(into, size, true);
}

void
MtmDescribedRowForOther(char *into, Size size, bool met)
{
	describe(into, size, met && target && !target->relation->rd_rel->relrowsecurity);
}
