/* plv8.elog(level, ...), plv8.quote_*(text), plv8.return_next(row). */
#include "api.h"
#include "pg_call.h"
#include "set_result.h"
#include "text_codec.h"

namespace plv8 {

void
api_elog(const callback_info &info)
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();
	std::string message;
	int			level;

	if (info.Length() < 2)
		throw error_report(ERRCODE_INVALID_PARAMETER_VALUE,
						   "usage: plv8.elog(level, message, ...)");
	level = checked(info[0]->Int32Value(context));
	if (level < DEBUG5 || level > ERROR || level == LOG_SERVER_ONLY ||
		level == WARNING_CLIENT_ONLY)
		throw error_report(ERRCODE_INVALID_PARAMETER_VALUE,
						   "invalid error level");

	for (int i = 1; i < info.Length(); i++)
	{
		if (i > 1)
			message += ' ';
		message += message_string(checked(info[i]->ToString(context)));
	}

	/* The script's own error, which it may catch as any other. */
	if (level == ERROR)
	{
		info.GetIsolate()->ThrowException(
			v8::Exception::Error(js_text(message)));
		return;
	}
	pg_call([&] { ereport(level, (errmsg_internal("%s", message.c_str()))); },
			call_context::shown);
}

void
api_quote_literal(const callback_info &info)
{
	std::string text =
		server_string(info.GetIsolate()->GetCurrentContext(), info[0]);

	info.GetReturnValue().Set(js_text(
		pg_value([&] { return quote_literal_cstr(text.c_str()); })));
}

void
api_quote_nullable(const callback_info &info)
{
	if (info[0]->IsNullOrUndefined())
		info.GetReturnValue().Set(js_text("NULL"));
	else
		api_quote_literal(info);
}

void
api_quote_ident(const callback_info &info)
{
	std::string text =
		server_string(info.GetIsolate()->GetCurrentContext(), info[0]);

	info.GetReturnValue().Set(
		js_text(pg_value([&] { return quote_identifier(text.c_str()); })));
}

void
api_return_next(const callback_info &info)
{
	row_sink   *rows = session.top->rows;

	if (rows == nullptr)
		throw error_report(
			ERRCODE_FEATURE_NOT_SUPPORTED,
			"return_next called in context that cannot accept a set");
	put_row(info.GetIsolate()->GetCurrentContext(), *rows, info[0]);
}

}	// namespace plv8
