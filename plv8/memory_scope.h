/* CurrentMemoryContext for the length of a C++ scope, exceptions included. */
#pragma once

#include "postgres_api.h"

namespace plv8 {

class memory_scope {
public:
	explicit memory_scope(MemoryContext context)
		: before_(MemoryContextSwitchTo(context)) {}
	~memory_scope() { MemoryContextSwitchTo(before_); }
	memory_scope(const memory_scope &) = delete;
	memory_scope &operator=(const memory_scope &) = delete;

private:
	MemoryContext before_;
};

}	// namespace plv8
