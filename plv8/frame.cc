/*
 * One running call of a plv8 function. See frame.h.
 *
 * Runs in: any backend, between handler.cc and V8.
 */
#include "frame.h"

#include "pg_call.h"
#include "prepared_plan.h"
#include "watchdog.h"

namespace plv8 {

/*
 * The same contexts for each frame of one depth, kept for the session: making
 * one costs more than a small call. Those left dirty by an error are reset by
 * the next frame there.
 */
struct frame_memory {
	MemoryContext scratch;
	MemoryContext api;
};

static frame_memory
memory_at(size_t depth)
{
	static std::vector<frame_memory> &all = *new std::vector<frame_memory>;

	while (all.size() <= depth)
	{
		frame_memory made;

		pg_call([&] {
			made.scratch = AllocSetContextCreate(TopMemoryContext, "plv8 call",
												 ALLOCSET_DEFAULT_SIZES);
			made.api = AllocSetContextCreate(TopMemoryContext, "plv8 method",
											 ALLOCSET_DEFAULT_SIZES);
		});
		all.push_back(made);
	}
	return all[depth];
}

frame::frame(bool is_read_only)
	: outer(session.top),
	  depth(outer ? outer->depth + 1 : 0),
	  caller(CurrentMemoryContext),
	  scratch(memory_at(depth).scratch),
	  api_memory(memory_at(depth).api),
	  role(current_role_context()),
	  read_only(is_read_only)
{
	MemoryContextReset(scratch);
	MemoryContextReset(api_memory);
	MemoryContextSwitchTo(scratch);
	session.top = this;
}

frame::~frame()
{
	session.top = outer;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(scratch);
	MemoryContextReset(api_memory);
}

void
frame::doom(const error_report &report)
{
	if (doomed)
		return;
	doomed = report;
	doomed_level = GetCurrentTransactionNestLevel();
}

void
frame::undoom(int rolled_back_level)
{
	if (doomed && doomed_level >= rolled_back_level)
		doomed.reset();
}

/*
 * Promises are settled where the outermost script ends, also after an error;
 * a terminated script's are dropped, which V8 does when told to stop again.
 */
static void
settle_promises(bool drop)
{
	if (session.top->outer != nullptr)
		return;
	if (drop)
	{
		session.isolate->TerminateExecution();
		session.isolate->PerformMicrotaskCheckpoint();
		session.isolate->CancelTerminateExecution();
	}
	else
		session.isolate->PerformMicrotaskCheckpoint();
}

/* Back in C++ after a script: was it told to stop? */
static void
raise_stop_of_script(v8::TryCatch &caught)
{
	if (session.stop == stop_reason::none)
		return;
	session.isolate->CancelTerminateExecution();
	caught.Reset();
	settle_promises(true);
	raise_stop();
}

static void
run_body(void (*body)(void *), void *closure)
{
	frame	   &top = *session.top;
	v8::Isolate *isolate = session.isolate;
	v8::TryCatch caught(isolate);
	script_running running;
	std::optional<error_report> failure;

	try
	{
		body(closure);
	}
	catch (const error_report &report)
	{
		failure = report;
	}
	catch (const js_pending &)
	{
		raise_stop_of_script(caught);
		failure = report_from_script(isolate->GetCurrentContext(), caught);
		caught.Reset();
		settle_promises(false);
	}
	raise_stop_of_script(caught);
	if (top.doomed)
		throw *top.doomed;
	if (failure)
		throw *failure;
}

/*
 * After the outermost script, whatever became of it. A stop asked for in here
 * is dropped: PostgreSQL's flags are still set, and it looks at them soon.
 */
static void
settle(void)
{
	v8::TryCatch ignored(session.isolate);
	script_running running;

	try
	{
		settle_engine();
		free_garbage_plans();
	}
	catch (const error_report &)
	{
	}
	if (session.stop != stop_reason::none)
	{
		session.stop = stop_reason::none;
		session.isolate->CancelTerminateExecution();
	}
}

void
run_script_erased(void (*body)(void *), void *closure)
{
	v8::Isolate *isolate = session.isolate;
	v8::HandleScope handles(isolate);
	v8::Context::Scope entered(session.top->role.context.Get(isolate));
	bool		outermost = session.top->outer == nullptr;

	set_stack_limit();
	try
	{
		run_body(body, closure);
	}
	catch (...)
	{
		if (outermost)
			settle();
		throw;
	}
	if (outermost)
		settle();
}

static v8::Local<v8::Value>
settled(v8::Local<v8::Value> value)
{
	if (!value->IsPromise())
		return value;

	v8::Local<v8::Promise> promise = value.As<v8::Promise>();

	switch (promise->State())
	{
		case v8::Promise::kFulfilled:
			return promise->Result();
		case v8::Promise::kRejected:
			promise->MarkAsHandled();
			throw report_from_value(session.isolate->GetCurrentContext(),
									promise->Result());
		case v8::Promise::kPending:
			break;
	}
	throw error_report(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
					   "the function returned a promise that is not settled")
		.with_hint("There are no timers and no events to settle it later.");
}

v8::Local<v8::Value>
call_script(v8::Local<v8::Function> function, int argc,
			v8::Local<v8::Value> argv[])
{
	v8::Local<v8::Context> context = session.isolate->GetCurrentContext();
	v8::Local<v8::Value> result =
		checked(function->Call(context, context->Global(), argc, argv));

	settle_promises(false);
	if (session.stop != stop_reason::none)
		throw js_pending();
	return settled(result);
}

}	// namespace plv8
