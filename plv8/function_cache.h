/* Compiled functions of this session, each in its role's context. */
#pragma once

#include "role_context.h"
#include "type_map.h"

namespace plv8 {

enum class result_shape {
	value,		/* one datum of a known type, composites too */
	rows,		/* a set */
	record,		/* columns known only by get_call_result_type() */
	trigger
};

struct compiled_function {
	Oid			oid;
	Oid			role;
	TransactionId xmin;		/* of the pg_proc row it was made from, */
	ItemPointerData tid;	/* as CREATE OR REPLACE writes a new one */
	uint32		hash;		/* of its syscache entry */
	bool		suspect;	/* that entry was invalidated: look again */

	std::string name;
	v8::Global<v8::Function> function;
	bool		read_only;
	result_shape shape;
	Oid			result_type;
	bool		polymorphic_result;
	std::vector<Oid> arguments;		/* of its input parameters */

	~compiled_function() { function.Reset(); }
};

/* For the effective user; compiled again where pg_proc says so. */
std::shared_ptr<compiled_function> find_compiled(Oid function);

/* Compiled for this once: DO blocks, and the validator's check of syntax. */
v8::Local<v8::Function> compile_block(const char *source);
void check_syntax(Oid function);

/* Grows whenever a name could mean another function than before. */
uint64		lookup_generation();

}	// namespace plv8
