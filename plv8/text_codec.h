/* Strings between V8 (UTF-16) and the server's encoding. */
#pragma once

#include "pg_call.h"

namespace plv8 {

/* To JavaScript. */
v8::Local<v8::String> js_text(const char *text, size_t length);
v8::Local<v8::String> js_text(const char *text);
v8::Local<v8::String> js_text(const std::string &text);
/* The same, for property names: equal ones are one object. */
v8::Local<v8::String> js_name(const char *text);

/* From JavaScript. A NUL in it is an error, as no text can hold one. */
std::string server_string(v8::Local<v8::String> text);
std::string server_string(v8::Local<v8::Context> context,
						  v8::Local<v8::Value> value);
/* palloc'd */
char	   *server_cstring(v8::Local<v8::Context> context,
						   v8::Local<v8::Value> value);
/* For messages: cut at a NUL rather than refused. */
std::string message_string(v8::Local<v8::String> text);

}	// namespace plv8
