/* Values from JavaScript to SQL, allocated in CurrentMemoryContext. */
#pragma once

#include "type_map.h"

namespace plv8 {

/* null and undefined become NULL (checked, where the type is a domain). */
Datum		to_datum(v8::Local<v8::Context> context, v8::Local<v8::Value> value,
					 type_map &type, int32 typmod, bool *is_null);

/* An object as a row of that shape: exactly its columns, by name. */
HeapTuple	to_row(v8::Local<v8::Context> context, v8::Local<v8::Value> value,
				   TupleDesc shape);
void		to_columns(v8::Local<v8::Context> context,
					   v8::Local<v8::Value> value, TupleDesc shape,
					   Datum *values, bool *nulls);

/* The object's properties are the row's columns, no more and no fewer. */
v8::Local<v8::Object> checked_row(v8::Local<v8::Context> context,
								  v8::Local<v8::Value> value, TupleDesc shape);

}	// namespace plv8
