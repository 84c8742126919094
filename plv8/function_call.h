/* Calls with SQL arguments and SQL results. */
#pragma once

#include "frame.h"
#include "function_cache.h"

namespace plv8 {

v8::Local<v8::Value> call_with_arguments(FunctionCallInfo fcinfo,
										 compiled_function &function);

/* The result as a datum in the scratch context, and its type. */
struct sql_result {
	Datum		datum = (Datum) 0;
	bool		is_null = true;
	bool		by_value = true;
	int16		length = 0;
};

sql_result	call_for_value(FunctionCallInfo fcinfo,
						   compiled_function &function);

/* As a trigger function has to return it: a tuple, or null. */
Datum		call_trigger(FunctionCallInfo fcinfo, compiled_function &function);

}	// namespace plv8
