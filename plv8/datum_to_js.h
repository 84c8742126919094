/* Values from SQL to JavaScript. */
#pragma once

#include "type_map.h"

namespace plv8 {

v8::Local<v8::Value> to_js(v8::Local<v8::Context> context, Datum value,
						   bool is_null, type_map &type);

/* A row as an object; `names` come from column_names(). */
using name_list = std::vector<v8::Local<v8::String>>;

name_list	column_names(TupleDesc shape);
v8::Local<v8::Object> row_to_js(v8::Local<v8::Context> context,
								HeapTuple tuple, TupleDesc shape,
								const name_list &names);

/* Keeps a row type's description while in scope. */
class pinned_shape {
public:
	pinned_shape(Oid type, int32 typmod)
		: shape_(pg_value([&] { return lookup_rowtype_tupdesc(type, typmod); })) {}
	~pinned_shape();
	pinned_shape(const pinned_shape &) = delete;
	pinned_shape &operator=(const pinned_shape &) = delete;
	operator TupleDesc() const { return shape_; }

private:
	TupleDesc	shape_;
};

}	// namespace plv8
