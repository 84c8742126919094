/*
 * Trigger functions.
 *
 * A row trigger that runs before (or instead of) the change returns the row
 * to use: undefined leaves it as it was, null skips it, an object with all
 * its columns replaces it. Columns whose value is the same keep their datum.
 */
#include "datum_to_js.h"
#include "function_call.h"
#include "js_to_datum.h"
#include "memory_scope.h"
#include "pg_call.h"
#include "same_value.h"
#include "text_codec.h"

namespace plv8 {

static const char *
operation(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "INSERT";
	if (TRIGGER_FIRED_BY_DELETE(event))
		return "DELETE";
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return "UPDATE";
	return "TRUNCATE";
}

static const char *
timing(TriggerEvent event)
{
	if (TRIGGER_FIRED_BEFORE(event))
		return "BEFORE";
	if (TRIGGER_FIRED_AFTER(event))
		return "AFTER";
	return "INSTEAD OF";
}

struct trigger_rows {
	HeapTuple	old_row = NULL;
	HeapTuple	new_row = NULL;
};

static trigger_rows
rows_of(const TriggerData *trigger)
{
	trigger_rows rows;

	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return rows;
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		rows.new_row = trigger->tg_trigtuple;
	else
		rows.old_row = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		rows.new_row = trigger->tg_newtuple;
	return rows;
}

static v8::Local<v8::Value>
row_or_undefined(v8::Local<v8::Context> context, HeapTuple row,
				 TupleDesc shape, const name_list &names)
{
	if (row == NULL)
		return v8::Undefined(session.isolate);
	return row_to_js(context, row, shape, names);
}

static v8::Local<v8::Value>
arguments_of(const Trigger *trigger)
{
	std::vector<v8::Local<v8::Value>> items;

	for (int i = 0; i < trigger->tgnargs; i++)
		items.push_back(js_text(trigger->tgargs[i]));
	return v8::Array::New(session.isolate, items.data(), items.size());
}

/* The row with what the script changed in it. */
static HeapTuple
changed_row(v8::Local<v8::Context> context, HeapTuple row, TupleDesc shape,
			v8::Local<v8::Value> returned)
{
	v8::Local<v8::Object> object = checked_row(context, returned, shape);
	int			columns = shape->natts;
	Datum	   *values;
	bool	   *nulls;
	bool	   *replace;
	bool		any = false;

	pg_call([&] {
		values = (Datum *) palloc(columns * sizeof(Datum));
		nulls = (bool *) palloc(columns * sizeof(bool));
		replace = (bool *) palloc0(columns * sizeof(bool));
		heap_deform_tuple(row, shape, values, nulls);
	});
	for (int i = 0; i < columns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(shape, i);

		if (column->attisdropped)
			continue;

		type_map   &type = map_type(column->atttypid);
		v8::Local<v8::Value> given = checked(
			object->Get(context, js_name(NameStr(column->attname))));

		if (given->IsUndefined())
			given = v8::Null(session.isolate);
		if (same_value(context, to_js(context, values[i], nulls[i], type),
					   given))
			continue;
		values[i] =
			to_datum(context, given, type, column->atttypmod, &nulls[i]);
		replace[i] = any = true;
	}
	if (!any)
		return row;

	memory_scope scope(session.top->caller);

	return pg_value([&] {
		return heap_modify_tuple(row, shape, values, nulls, replace);
	});
}

Datum
call_trigger(FunctionCallInfo fcinfo, compiled_function &function)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TriggerEvent event = trigger->tg_event;
	v8::Isolate *isolate = session.isolate;
	v8::Local<v8::Context> context = isolate->GetCurrentContext();
	TupleDesc	shape = RelationGetDescr(trigger->tg_relation);
	name_list	names = column_names(shape);
	trigger_rows rows = rows_of(trigger);
	char	   *schema = pg_value([&] {
		return get_namespace_name(RelationGetNamespace(trigger->tg_relation));
	});

	session.top->trigger = trigger;

	v8::Local<v8::Value> arguments[] = {
		row_or_undefined(context, rows.new_row, shape, names),
		row_or_undefined(context, rows.old_row, shape, names),
		js_text(trigger->tg_trigger->tgname),
		js_text(timing(event)),
		js_text(TRIGGER_FIRED_FOR_ROW(event) ? "ROW" : "STATEMENT"),
		js_text(operation(event)),
		v8::Integer::NewFromUnsigned(isolate,
									 RelationGetRelid(trigger->tg_relation)),
		js_text(RelationGetRelationName(trigger->tg_relation)),
		js_text(schema ? schema : ""),
		arguments_of(trigger->tg_trigger),
	};
	v8::Local<v8::Value> returned = call_script(
		function.function.Get(isolate), lengthof(arguments), arguments);
	HeapTuple	row = rows.new_row ? rows.new_row : rows.old_row;

	if (!TRIGGER_FIRED_FOR_ROW(event) || TRIGGER_FIRED_AFTER(event) ||
		returned->IsNull())
		return PointerGetDatum(NULL);
	if (!returned->IsUndefined() && rows.new_row != NULL)
		row = changed_row(context, row, shape, returned);
	return PointerGetDatum(row);
}

}	// namespace plv8
