/*
 * The only way from C++ into PostgreSQL code that may raise an error.
 *
 * ereport leaves by longjmp, which must not skip C++ destructors nor V8's
 * frames. So such calls run inside pg_call(): it catches the error next to
 * the call and throws it on as error_report. A lambda given to pg_call holds
 * PostgreSQL calls and plain data only: no object with a destructor lives in
 * it, and it throws no C++ exception.
 *
 * CurrentMemoryContext is the same after as before. error_context_stack is
 * empty inside, since the callers' lines are added when the error is raised
 * again at the end of the script; they would come twice otherwise.
 */
#pragma once

#include "error_report.h"

namespace plv8 {

enum class call_context { hidden, shown };

void run_pg_call(void (*run)(void *), void *closure, call_context context);

template <typename F>
void pg_call(F &&body, call_context context = call_context::hidden) {
	using closure = std::remove_reference_t<F>;
	run_pg_call([](void *p) { (*static_cast<closure *>(p))(); }, &body,
				context);
}

template <typename F>
auto pg_value(F &&body) -> decltype(body()) {
	decltype(body()) result{};
	pg_call([&] { result = body(); });
	return result;
}

}	// namespace plv8
