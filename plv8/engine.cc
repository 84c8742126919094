/*
 * V8 in one backend. See engine.h.
 *
 * Runs in: any backend, from its first plv8 call on. V8 runs without helper
 * threads and installs no signal handler; the one thread there is belongs to
 * watchdog.cc.
 */
#include "engine.h"

#include "watchdog.h"

/* Exported by V8, though in none of its public headers. */
namespace v8::base {
void SetPrintStackTrace(void (*print)()) __attribute__((weak));
}

namespace plv8 {

/* Never destroyed: exit() must not run V8's teardown under a script. */
session_state &session = *new session_state;
int			memory_limit_mb = 256;

/* Memory of ArrayBuffers counts against plv8.memory_limit as well. */
class bounded_allocator : public v8::ArrayBuffer::Allocator {
public:
	explicit bounded_allocator(size_t limit) : left_(limit) {}

	void *Allocate(size_t length) override {
		return take(length) ? give(calloc(length, 1), length) : nullptr;
	}
	void *AllocateUninitialized(size_t length) override {
		return take(length) ? give(malloc(length), length) : nullptr;
	}
	void Free(void *data, size_t length) override {
		free(data);
		left_ += length;
	}

private:
	bool take(size_t length) {
		if (length > left_)
			return false;
		left_ -= length;
		return true;
	}
	void *give(void *data, size_t length) {
		if (data == nullptr)
			left_ += length;
		return data;
	}
	size_t left_;
};

static bounded_allocator *buffers;

std::unique_ptr<v8::BackingStore>
copy_bytes(const void *data, size_t length)
{
	void	   *copy = buffers->AllocateUninitialized(length);

	if (copy == nullptr && length > 0)
		throw error_report(ERRCODE_OUT_OF_MEMORY,
						   "out of memory for an ArrayBuffer")
			.with_hint("The limit is plv8.memory_limit.");
	if (length > 0)
		memcpy(copy, data, length);
	return v8::ArrayBuffer::NewBackingStore(
		copy, length,
		[](void *bytes, size_t size, void *) { buffers->Free(bytes, size); },
		nullptr);
}

/*
 * V8 asks before it gives up. Let it have more, so that what it is doing can
 * end and the script be unwound, but only once: then on_out_of_memory comes.
 * Three times, as a table that grows needs its own size twice again.
 */
static size_t
on_near_heap_limit(void *, size_t current_limit, size_t initial_limit)
{
	session.heap_raised = true;
	request_stop(stop_reason::out_of_memory);
	return std::max(current_limit, 3 * initial_limit);
}

/*
 * V8 aborts the process when its handlers return, and an abort restarts the
 * whole server. FATAL ends this session only.
 */
static void
on_fatal_error(const char *location, const char *message)
{
	ereport(FATAL,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("V8 cannot go on: %s", message ? message : "unknown reason"),
			 location ? errdetail_internal("%s", location) : 0));
}

/* Failed checks inside V8 call no handler, only this, just before they trap. */
static void
on_failed_check()
{
	on_fatal_error(nullptr, "a check in V8 failed, see the server's stderr");
}

static void
on_out_of_memory(const char *location, bool)
{
	ereport(FATAL,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory in V8"),
			 location ? errdetail_internal("%s", location) : 0,
			 errhint("The limit is plv8.memory_limit.")));
}

static size_t
heap_limit()
{
	return (size_t) memory_limit_mb << 20;
}

void
start_engine()
{
	if (session.isolate != nullptr)
		return;

	start_watchdog();	/* the only step that may fail comes first */

	/* WebAssembly's memory would be under no limit. */
	v8::V8::SetFlagsFromString("--single-threaded --no-expose-wasm");
	session.platform =
		v8::platform::NewSingleThreadedDefaultPlatform().release();
	v8::V8::InitializePlatform(session.platform);
	v8::V8::Initialize();
	if (v8::base::SetPrintStackTrace != nullptr)
		v8::base::SetPrintStackTrace(on_failed_check);

	v8::Isolate::CreateParams params;

	params.constraints.ConfigureDefaultsFromHeapSize(0, heap_limit());

	/*
	 * Short calls leave nothing alive: a small young generation is collected
	 * as fast as a large one (up to 48 MB), and stays in the caches.
	 */
	params.constraints.set_max_young_generation_size_in_bytes(12 << 20);
	buffers = new bounded_allocator(heap_limit());
	params.array_buffer_allocator = buffers;

	v8::Isolate *isolate = v8::Isolate::New(params);

	isolate->SetAllowAtomicsWait(false);	/* it could not be cancelled */
	isolate->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
	isolate->AddNearHeapLimitCallback(on_near_heap_limit, nullptr);
	isolate->SetFatalErrorHandler(on_fatal_error);
	isolate->SetOOMErrorHandler(on_out_of_memory);
	isolate->SetCaptureStackTraceForUncaughtExceptions(false);
	isolate->Enter();
	session.isolate = isolate;
	set_stack_limit();
}

/*
 * PostgreSQL's own limit counts from its stack base, which only
 * set_stack_base() gives away. There are 512 kB of real stack below the
 * limit (guc check of max_stack_depth), where V8's C++ code finds its room.
 */
void
set_stack_limit()
{
	static int	known_depth = 0;

	if (known_depth == max_stack_depth)
		return;
	known_depth = max_stack_depth;

	pg_stack_base_t base = set_stack_base();

	restore_stack_base(base);
	session.isolate->SetStackLimit((uintptr_t) base -
								   (uintptr_t) max_stack_depth * 1024);
}

void
request_stop(stop_reason reason)
{
	if (session.stop == stop_reason::none)
		session.stop = reason;
	session.isolate->TerminateExecution();
}

void
request_stop(const error_report &report)
{
	if (session.stop == stop_reason::none)
		session.stop_report = report;
	request_stop(stop_reason::report);
}

void
raise_stop()
{
	stop_reason reason = session.stop;

	if (reason == stop_reason::none)
		return;
	session.stop = stop_reason::none;
	session.isolate->CancelTerminateExecution();

	switch (reason)
	{
		case stop_reason::none:
			break;
		case stop_reason::interrupt:
			throw interrupted();
		case stop_reason::out_of_memory:
			throw error_report(ERRCODE_OUT_OF_MEMORY,
							   "out of memory in a JavaScript function")
				.with_hint("The limit is plv8.memory_limit.");
		case stop_reason::report:
			throw std::exchange(session.stop_report, error_report());
	}
}

void
settle_engine()
{
	/* Mostly steps of garbage collection that V8 posted to itself. */
	while (v8::platform::PumpMessageLoop(session.platform, session.isolate))
		continue;

	if (session.heap_raised)
	{
		session.heap_raised = false;
		session.isolate->LowMemoryNotification();
		session.isolate->RemoveNearHeapLimitCallback(on_near_heap_limit,
													 heap_limit());
		session.isolate->AddNearHeapLimitCallback(on_near_heap_limit, nullptr);
	}
}

}	// namespace plv8
