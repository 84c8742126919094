/* Calls with SQL arguments and SQL results. See function_call.h. */
#include "function_call.h"

#include "datum_to_js.h"
#include "js_to_datum.h"
#include "pg_call.h"

namespace plv8 {

/* A polymorphic parameter's type is that of the call's expression. */
static type_map &
argument_type(FunctionCallInfo fcinfo, int index, Oid declared)
{
	if (!IsPolymorphicType(declared))
		return map_type(declared);

	Oid			actual = pg_value(
		[&] { return get_fn_expr_argtype(fcinfo->flinfo, index); });

	if (!OidIsValid(actual))
		throw error_report(ERRCODE_DATATYPE_MISMATCH,
						   "cannot tell the type of a polymorphic argument");
	return map_type(actual);
}

v8::Local<v8::Value>
call_with_arguments(FunctionCallInfo fcinfo, compiled_function &function)
{
	v8::Isolate *isolate = session.isolate;
	v8::Local<v8::Context> context = isolate->GetCurrentContext();
	int			count = function.arguments.size();
	std::vector<v8::Local<v8::Value>> values((size_t) count);

	if (fcinfo->nargs < count)
		throw error_report(ERRCODE_INTERNAL_ERROR,
						   "called with too few arguments");
	for (int i = 0; i < count; i++)
		values[i] = to_js(context, fcinfo->args[i].value,
						  fcinfo->args[i].isnull,
						  argument_type(fcinfo, i, function.arguments[i]));
	return call_script(function.function.Get(isolate), count, values.data());
}

static Oid
result_type(FunctionCallInfo fcinfo, const compiled_function &function)
{
	if (!function.polymorphic_result)
		return function.result_type;

	Oid			actual =
		pg_value([&] { return get_fn_expr_rettype(fcinfo->flinfo); });

	if (!OidIsValid(actual))
		throw error_report(ERRCODE_DATATYPE_MISMATCH,
						   "cannot tell the type of a polymorphic result");
	return actual;
}

/* RETURNS record, and functions with several OUT parameters. */
static sql_result
record_result(FunctionCallInfo fcinfo, v8::Local<v8::Context> context,
			  v8::Local<v8::Value> value)
{
	sql_result	result;
	TupleDesc	shape = nullptr;

	result.by_value = false;
	result.length = -1;
	result.is_null = value->IsNullOrUndefined();
	if (result.is_null)
		return result;
	pg_call([&] {
		if (get_call_result_type(fcinfo, NULL, &shape) != TYPEFUNC_COMPOSITE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("function returning record called in context "
							"that cannot accept type record")));
		shape = BlessTupleDesc(shape);
	});

	HeapTuple	row = to_row(context, value, shape);

	result.datum = pg_value([&] { return HeapTupleGetDatum(row); });
	return result;
}

sql_result
call_for_value(FunctionCallInfo fcinfo, compiled_function &function)
{
	v8::Local<v8::Context> context = session.isolate->GetCurrentContext();
	v8::Local<v8::Value> value = call_with_arguments(fcinfo, function);

	if (function.shape == result_shape::record)
		return record_result(fcinfo, context, value);

	type_map   &type = map_type(result_type(fcinfo, function));
	sql_result	result;

	result.by_value = type.by_value;
	result.length = type.length;
	result.datum = to_datum(context, value, type, -1, &result.is_null);
	return result;
}

}	// namespace plv8
