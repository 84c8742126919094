/* Results of set-returning functions: rows into a tuplestore. */
#pragma once

#include "frame.h"

namespace plv8 {

void put_row(v8::Local<v8::Context> context, row_sink &sink,
			 v8::Local<v8::Value> row);

/* The whole life of such a call, once its frame exists. */
struct compiled_function;
void call_for_rows(FunctionCallInfo fcinfo, compiled_function &function);

}	// namespace plv8
