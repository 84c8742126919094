/* Strings between V8 and the server's encoding. See text_codec.h. */
#include "text_codec.h"

#include "engine.h"

namespace plv8 {

static bool
is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

static v8::Local<v8::String>
new_string(const char *text, size_t length, v8::NewStringType type)
{
	v8::Local<v8::String> string;

	if (GetDatabaseEncoding() != PG_UTF8 && !is_ascii(text, length))
	{
		const char *converted = pg_value([&] {
			return (const char *) pg_server_to_any(text, length, PG_UTF8);
		});

		if (converted != text)
		{
			text = converted;
			length = strlen(converted);
		}
	}
	if (length > (size_t) v8::String::kMaxLength ||
		!v8::String::NewFromUtf8(session.isolate, text, type, (int) length)
			 .ToLocal(&string))
		throw error_report(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
						   "text of " + std::to_string(length) +
							   " bytes is too long for a JavaScript string");
	return string;
}

v8::Local<v8::String>
js_text(const char *text, size_t length)
{
	return new_string(text, length, v8::NewStringType::kNormal);
}

v8::Local<v8::String>
js_text(const char *text)
{
	return js_text(text, strlen(text));
}

v8::Local<v8::String>
js_text(const std::string &text)
{
	return js_text(text.data(), text.size());
}

v8::Local<v8::String>
js_name(const char *text)
{
	return new_string(text, strlen(text), v8::NewStringType::kInternalized);
}

std::string
message_string(v8::Local<v8::String> text)
{
	std::string out;
	int			length = text->Length();
	size_t		room = (size_t) length * (text->IsOneByte() ? 2 : 3);

	if (room > 65536)
		room = text->Utf8Length(session.isolate);
	out.resize(room);
	out.resize(text->WriteUtf8(session.isolate, out.data(), (int) room, nullptr,
							   v8::String::NO_NULL_TERMINATION |
								   v8::String::REPLACE_INVALID_UTF8));

	if (GetDatabaseEncoding() != PG_UTF8 && !is_ascii(out.data(), out.size()))
	{
		const char *converted = pg_value([&] {
			return (const char *) pg_any_to_server(out.data(), out.size(),
												   PG_UTF8);
		});

		if (converted != out.data())
			out = converted;
	}
	return out;
}

std::string
server_string(v8::Local<v8::String> text)
{
	std::string out = message_string(text);

	if (memchr(out.data(), 0, out.size()) != nullptr)
		throw error_report(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
						   "a string with a NUL character cannot become text");
	return out;
}

std::string
server_string(v8::Local<v8::Context> context, v8::Local<v8::Value> value)
{
	if (value->IsString())
		return server_string(value.As<v8::String>());
	return server_string(checked(value->ToString(context)));
}

char *
server_cstring(v8::Local<v8::Context> context, v8::Local<v8::Value> value)
{
	std::string text = server_string(context, value);

	return pg_value([&] { return pnstrdup(text.data(), text.size()); });
}

}	// namespace plv8
