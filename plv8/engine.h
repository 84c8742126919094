/*
 * V8 in one backend: its isolate, limits, and how a script is made to stop.
 *
 * Started by the first call of a session, never at load, so that the library
 * may be preloaded and nobody pays before the first call.
 */
#pragma once

#include "error_report.h"

namespace plv8 {

struct frame;

enum class stop_reason {
	none,
	interrupt,		/* PostgreSQL's flags say cancel or terminate */
	out_of_memory,	/* the heap limit is near */
	report			/* an SQL error that scripts may not catch */
};

struct session_state {
	v8::Isolate *isolate = nullptr;
	v8::Platform *platform = nullptr;
	frame	   *top = nullptr;	/* innermost running call */

	stop_reason stop = stop_reason::none;
	error_report stop_report;
	bool		heap_raised = false;	/* restore the heap limit when idle */

	error_report raised;	/* on its way to ereport, see handler.cc */
};

extern session_state &session;
extern int	memory_limit_mb;

/* Idempotent. */
void start_engine();

/* Follow max_stack_depth, so that recursion ends in a RangeError. */
void set_stack_limit();

/*
 * End the running script, past all its catch blocks. The reason is kept for
 * raise_stop(), which the script's own frame calls once it is back in C++.
 */
void request_stop(stop_reason reason);
void request_stop(const error_report &report);
void raise_stop();

/*
 * Memory of a new ArrayBuffer. Where plv8.memory_limit is reached it is an
 * error; in V8's own way to make one it would be the end of the session.
 */
std::unique_ptr<v8::BackingStore> copy_bytes(const void *data, size_t length);

/* After the outermost script: what V8 left to do, and its heap limit. */
void settle_engine();

}	// namespace plv8
