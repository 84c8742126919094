/*
 * PG_TRY, once and for all. See pg_call.h.
 *
 * Runs in: any backend that calls a plv8 function.
 */
#include "pg_call.h"

namespace plv8 {

/* Where even the copy of an error finds no memory. */
static ErrorData out_of_memory;

static __attribute__((noinline)) ErrorData *
copy_error(void)
{
	ErrorData  *volatile copy = &out_of_memory;

	PG_TRY();
	{
		copy = CopyErrorData();
	}
	PG_CATCH();
	{
		copy = &out_of_memory;
	}
	PG_END_TRY();
	FlushErrorState();
	return copy;
}

/* No C++ object lives here: this is the frame that longjmp comes back to. */
static __attribute__((noinline)) ErrorData *
run_guarded(void (*run) (void *), void *closure, bool hide_context)
{
	MemoryContext memory = CurrentMemoryContext;
	ErrorContextCallback *callers = error_context_stack;
	ErrorData  *volatile caught = NULL;

	if (hide_context)
		error_context_stack = NULL;
	PG_TRY();
	{
		run(closure);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		caught = copy_error();
	}
	PG_END_TRY();
	error_context_stack = callers;
	MemoryContextSwitchTo(memory);
	return caught;
}

void
run_pg_call(void (*run)(void *), void *closure, call_context context)
{
	ErrorData  *caught =
		run_guarded(run, closure, context == call_context::hidden);

	if (caught == nullptr)
		return;
	if (caught == &out_of_memory)
	{
		error_report report(ERRCODE_OUT_OF_MEMORY, "out of memory");

		report.unsafe = true;
		throw report;
	}

	error_report report = report_from_postgres(caught);

	FreeErrorData(caught);
	report.unsafe = true;
	throw report;
}

}	// namespace plv8
