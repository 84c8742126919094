/* Whether two JavaScript values would be the same SQL value. */
#pragma once

#include "postgres_api.h"

namespace plv8 {

bool same_value(v8::Local<v8::Context> context, v8::Local<v8::Value> a,
				v8::Local<v8::Value> b);

}	// namespace plv8
