/*
 * One JavaScript context (global object) for each role of a session, also
 * under SECURITY DEFINER: roles must not see or change each other's state.
 */
#pragma once

#include "postgres_api.h"

namespace plv8 {

struct compiled_function;

struct role_context {
	Oid			role;
	v8::Global<v8::Context> context;
	v8::Global<v8::Function> spin;	/* for (;;); see stop_at_once() */

	/* What find_function() found, valid for one lookup generation. */
	std::unordered_map<std::string, std::shared_ptr<compiled_function>> found;
	uint64		found_generation = 0;
};

/* Of the effective user; made at its first use. */
role_context &current_role_context();

}	// namespace plv8
