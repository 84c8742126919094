/* The `plv8` object, and how its methods are bound to C++. */
#pragma once

#include "frame.h"
#include "memory_scope.h"

namespace plv8 {

using callback_info = v8::FunctionCallbackInfo<v8::Value>;

/*
 * Around each method that JavaScript calls. No C++ exception may reach V8:
 * errors become JavaScript ones, except those that end the script.
 */
void run_api(const callback_info &info, void (*method)(const callback_info &));

template <void (*method)(const callback_info &)>
void api_callback(const callback_info &info) {
	run_api(info, method);
}

/*
 * CurrentMemoryContext of a method, reset at the end of the outermost: a
 * toString() of its arguments may call others. A method that runs a script
 * of its own uses script_in_method, so that those in it are outermost again.
 */
class api_scope {
public:
	explicit api_scope(frame &f)
		: frame_(f), scope_(f.api_memory) { frame_.api_depth++; }
	~api_scope() {
		if (--frame_.api_depth == 0)
			MemoryContextReset(frame_.api_memory);
	}

private:
	frame	   &frame_;
	memory_scope scope_;
};

class script_in_method {
public:
	explicit script_in_method(frame &f)
		: frame_(f), outermost_(f.api_depth == 1),
		  scope_(outermost_ ? f.scratch : CurrentMemoryContext) {
		frame_.api_depth -= outermost_;
	}
	~script_in_method() { frame_.api_depth += outermost_; }

private:
	frame	   &frame_;
	bool		outermost_;
	memory_scope scope_;
};

struct api_method {
	const char *name;
	v8::FunctionCallback callback;
};

/* A class of objects with one internal field, made by C++ only. */
class api_class {
public:
	api_class(const char *name, const api_method *methods, size_t count)
		: name_(name), methods_(methods), count_(count) {}
	v8::Local<v8::Object> make(v8::Local<v8::Context> context);

private:
	const char *name_;
	const api_method *methods_;
	size_t		count_;
	v8::Global<v8::FunctionTemplate> made_;
};

/* `plv8`, the levels of elog, and nothing else become globals. */
void install_api(role_context &role, v8::Local<v8::Context> context);

/* Its methods, one file each where they are long. */
void api_execute(const callback_info &info);
void api_prepare(const callback_info &info);
void api_subtransaction(const callback_info &info);
void api_find_function(const callback_info &info);
void api_return_next(const callback_info &info);
void api_elog(const callback_info &info);
void api_quote_literal(const callback_info &info);
void api_quote_nullable(const callback_info &info);
void api_quote_ident(const callback_info &info);

}	// namespace plv8
