/*
 * One error, on its way between SQL and JavaScript.
 *
 * A C++ exception in our own frames only: it never passes through V8 (which
 * is built without exceptions) nor through PostgreSQL (which uses longjmp).
 * Texts are in the server's encoding.
 */
#pragma once

#include "postgres_api.h"

namespace plv8 {

struct error_report {
	int			sqlstate = ERRCODE_INTERNAL_ERROR;
	std::string message;
	std::optional<std::string> detail, hint, context, internal_query;
	std::optional<std::string> schema_name, table_name, column_name;
	std::optional<std::string> datatype_name, constraint_name;
	int			internal_position = 0;

	/*
	 * PostgreSQL raised it and no subtransaction has been rolled back since:
	 * resources may be held, so the script may not go on as if nothing was.
	 */
	bool		unsafe = false;

	error_report() = default;
	error_report(int code, std::string text)
		: sqlstate(code), message(std::move(text)) {}
	error_report &with_hint(std::string text) {
		hint = std::move(text);
		return *this;
	}
	error_report &with_detail(std::string text) {
		detail = std::move(text);
		return *this;
	}
};

/* V8 holds an exception (or is being terminated); leave it there. */
struct js_pending {};

/* A cancel or terminate request waits in PostgreSQL's flags. */
struct interrupted {};

error_report report_from_postgres(const ErrorData *error);

/* The exception that a script did not catch. Runs JavaScript (toString). */
error_report report_from_script(v8::Local<v8::Context> context,
								const v8::TryCatch &caught);
error_report report_from_value(v8::Local<v8::Context> context,
							   v8::Local<v8::Value> thrown);

/* The Error object that JavaScript catches. */
v8::Local<v8::Value> error_object(v8::Local<v8::Context> context,
								  const error_report &report);

/* Raises it in PostgreSQL; nothing with a destructor may be in the caller. */
[[noreturn]] void raise_in_postgres(const error_report &report);

/* The value, or js_pending where V8 has an exception instead. */
template <typename T>
v8::Local<T> checked(v8::MaybeLocal<T> maybe) {
	v8::Local<T> value;
	if (!maybe.ToLocal(&value))
		throw js_pending();
	return value;
}
template <typename T>
T checked(v8::Maybe<T> maybe) {
	if (maybe.IsNothing())
		throw js_pending();
	return maybe.FromJust();
}

}	// namespace plv8
