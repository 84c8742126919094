/* What plv8.prepare() returns, and how any SQL gets its parameters. */
#pragma once

#include "frame.h"
#include "type_map.h"

namespace plv8 {

using callback_info = v8::FunctionCallbackInfo<v8::Value>;

/*
 * Parameter types: given by name, or found by the parser where the statement
 * uses them. The parser's hook keeps a pointer to this.
 */
struct parameter_types {
	Oid		   *types = nullptr;
	int			count = 0;
};

/* Within in_spi(): an unsaved plan whose parameters the parser types. */
SPIPlanPtr	prepare_untyped(const char *sql, parameter_types *parameters);

/* The values given to execute() or cursor(), as an array or one by one. */
std::vector<v8::Local<v8::Value>> parameter_values(const callback_info &info,
												   int first);
/* Checks their number; null where there are none. */
ParamListInfo bind_parameters(v8::Local<v8::Context> context,
							  const std::vector<v8::Local<v8::Value>> &values,
							  const parameter_types &types);

/* Rows of the SPI call that has just ended, or their number. */
v8::Local<v8::Value> spi_result(v8::Local<v8::Context> context);
v8::Local<v8::Array> rows_to_js(v8::Local<v8::Context> context,
								SPITupleTable *table, uint64 count);
/* Raises the error that a negative SPI code means; inside pg_call. */
void		check_spi(int code, const char *what);

/* plv8.prepare(sql [, types]) */
void		api_prepare(const callback_info &info);

/* Plans whose objects were collected without free(). */
void		free_garbage_plans();

/* plan.cursor() returns one; `portal` is its name. */
v8::Local<v8::Object> make_cursor(v8::Local<v8::Context> context,
								  const char *portal);

}	// namespace plv8
