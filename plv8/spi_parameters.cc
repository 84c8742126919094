/*
 * Parameters into SQL statements, and rows out of them.
 *
 * Runs in: plv8.execute, plan.execute, plan.cursor, cursor.fetch.
 */
#include "datum_to_js.h"
#include "js_to_datum.h"
#include "memory_scope.h"
#include "prepared_plan.h"
#include "subtransaction.h"

namespace plv8 {

static void
set_up_parser(ParseState *parse, void *argument)
{
	parameter_types *parameters = (parameter_types *) argument;

	setup_parse_variable_parameters(parse, &parameters->types,
									&parameters->count);
}

SPIPlanPtr
prepare_untyped(const char *sql, parameter_types *parameters)
{
	SPIPlanPtr	plan = SPI_prepare_params(sql, set_up_parser, parameters, 0);

	if (plan == NULL)
		check_spi(SPI_result, "SPI_prepare");
	return plan;
}

std::vector<v8::Local<v8::Value>>
parameter_values(const callback_info &info, int first)
{
	std::vector<v8::Local<v8::Value>> values;
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();

	if (info.Length() > first && info[first]->IsArray())
	{
		v8::Local<v8::Array> array = info[first].As<v8::Array>();

		for (uint32_t i = 0; i < array->Length(); i++)
			values.push_back(checked(array->Get(context, i)));
	}
	else
		for (int i = first; i < info.Length(); i++)
			values.push_back(info[i]);
	return values;
}

ParamListInfo
bind_parameters(v8::Local<v8::Context> context,
				const std::vector<v8::Local<v8::Value>> &values,
				const parameter_types &types)
{
	int			count = types.count;

	if ((int) values.size() != count)
		throw error_report(ERRCODE_INVALID_PARAMETER_VALUE,
						   "plan expected " + std::to_string(count) +
							   " argument(s), given is " +
							   std::to_string(values.size()));
	if (count == 0)
		return nullptr;

	ParamListInfo list = pg_value([&] { return makeParamList(count); });

	for (int i = 0; i < count; i++)
	{
		ParamExternData &param = list->params[i];

		param.ptype = OidIsValid(types.types[i]) ? types.types[i] : TEXTOID;
		param.pflags = PARAM_FLAG_CONST;
		param.value =
			to_datum(context, values[i], map_type(param.ptype), -1,
					 &param.isnull);
	}
	return list;
}

void
check_spi(int code, const char *what)
{
	if (code >= 0)
		return;
	switch (code)
	{
		case SPI_ERROR_TRANSACTION:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("transaction commands cannot be used in plv8"),
					 errhint("Use plv8.subtransaction().")));
			break;
		case SPI_ERROR_COPY:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("COPY to or from the client cannot be used in plv8")));
			break;
		case SPI_ERROR_ARGUMENT:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: the statement is empty or not valid here",
							what)));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("%s failed: %s", what,
							SPI_result_code_string(code))));
	}
}

v8::Local<v8::Array>
rows_to_js(v8::Local<v8::Context> context, SPITupleTable *table, uint64 count)
{
	v8::Isolate *isolate = session.isolate;
	name_list	names = column_names(table->tupdesc);
	v8::Local<v8::Array> rows = v8::Array::New(isolate, (int) count);
	MemoryContext each = pg_value([] {
		return AllocSetContextCreate(CurrentMemoryContext, "plv8 row",
									 ALLOCSET_DEFAULT_SIZES);
	});

	/* After an error it goes with the scratch context around it. */
	for (uint64 i = 0; i < count; i++)
	{
		v8::HandleScope handles(isolate);
		memory_scope scope(each);

		checked(rows->CreateDataProperty(
			context, (uint32_t) i,
			row_to_js(context, table->vals[i], table->tupdesc, names)));
		MemoryContextReset(each);
		if (i % 1024 == 0)
			pg_call([] { CHECK_FOR_INTERRUPTS(); });
	}
	MemoryContextDelete(each);
	return rows;
}

v8::Local<v8::Value>
spi_result(v8::Local<v8::Context> context)
{
	if (SPI_tuptable == NULL)
		return v8::Number::New(session.isolate, (double) SPI_processed);
	return rows_to_js(context, SPI_tuptable, SPI_tuptable->numvals);
}

}	// namespace plv8
