/*
 * One running call of a plv8 function, from PostgreSQL's entry to its exit.
 *
 * Memory: while a frame is on top, CurrentMemoryContext is its scratch
 * context, reset when the frame ends, or within a method of `plv8` one that
 * is reset when the method ends: a script may call a million of them.
 * Results are copied to `caller`.
 */
#pragma once

#include "engine.h"
#include "role_context.h"

namespace plv8 {

/* Rows of a set-returning function on their way out; see set_result.cc. */
struct row_sink {
	Tuplestorestate *store;
	TupleDesc	shape;
	bool		composite;	/* a row is an object, not a bare value */
	MemoryContext garbage;	/* of one row, reset when it is stored */
	int			uses;
};

struct frame {
	explicit frame(bool read_only);
	~frame();
	frame(const frame &) = delete;
	frame &operator=(const frame &) = delete;

	frame	   *outer;
	int			depth;
	MemoryContext caller;
	MemoryContext scratch;
	MemoryContext api_memory;	/* of one call of a plv8.* method */
	int			api_depth = 0;
	role_context &role;
	bool		read_only;		/* STABLE and IMMUTABLE: no new snapshots */
	TriggerData *trigger = nullptr;
	row_sink   *rows = nullptr;

	/*
	 * A PostgreSQL error outside of any subtransaction that the script caught
	 * all the same. It is raised again at the end, and by each further call
	 * into the server; undone only by rolling back a subtransaction that
	 * encloses it.
	 */
	std::optional<error_report> doomed;
	int			doomed_level = 0;

	void doom(const error_report &report);
	void undoom(int rolled_back_level);
};

/*
 * Runs `body`, which may run JavaScript: with handles, context, watchdog, and
 * every way to fail turned into error_report or interrupted.
 */
void run_script_erased(void (*body)(void *), void *closure);

template <typename F>
void run_script(F &&body) {
	using closure = std::remove_reference_t<F>;
	run_script_erased([](void *p) { (*static_cast<closure *>(p))(); }, &body);
}

/* Calls it; a promise is followed to its value. */
v8::Local<v8::Value> call_script(v8::Local<v8::Function> function, int argc,
								 v8::Local<v8::Value> argv[]);

}	// namespace plv8
