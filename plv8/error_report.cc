/*
 * Errors between SQL and JavaScript. See error_report.h.
 *
 * An Error made from an SQL error carries the fields under plv8's names:
 * sqlerrcode ("23505"), code (the same, packed in a number), detail, hint,
 * context, internalquery, schema_name, table_name, column_name,
 * datatype_name, constraint_name; null where there is none. The same names
 * are honoured on whatever a script throws.
 */
#include "error_report.h"

#include "engine.h"
#include "text_codec.h"

namespace plv8 {

using optional_text = std::optional<std::string>;

struct error_field {
	const char *property;
	optional_text error_report::*field;
};

static const error_field error_fields[] = {
	{"detail", &error_report::detail},
	{"hint", &error_report::hint},
	{"context", &error_report::context},
	{"internalquery", &error_report::internal_query},
	{"schema_name", &error_report::schema_name},
	{"table_name", &error_report::table_name},
	{"column_name", &error_report::column_name},
	{"datatype_name", &error_report::datatype_name},
	{"constraint_name", &error_report::constraint_name},
};

static optional_text
text_or_none(const char *text)
{
	return text ? optional_text(text) : std::nullopt;
}

error_report
report_from_postgres(const ErrorData *error)
{
	error_report report(error->sqlerrcode,
						error->message ? error->message : "");

	report.detail = text_or_none(error->detail);
	report.hint = text_or_none(error->hint);
	report.context = text_or_none(error->context);
	report.internal_query = text_or_none(error->internalquery);
	report.internal_position = error->internalpos;
	report.schema_name = text_or_none(error->schema_name);
	report.table_name = text_or_none(error->table_name);
	report.column_name = text_or_none(error->column_name);
	report.datatype_name = text_or_none(error->datatype_name);
	report.constraint_name = text_or_none(error->constraint_name);
	return report;
}

static void
set_property(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
			 const char *name, v8::Local<v8::Value> value)
{
	checked(object->CreateDataProperty(context, js_name(name), value));
}

v8::Local<v8::Value>
error_object(v8::Local<v8::Context> context, const error_report &report)
{
	v8::Isolate *isolate = context->GetIsolate();
	v8::Local<v8::Value> error = v8::Exception::Error(js_text(report.message));
	v8::Local<v8::Object> object = error.As<v8::Object>();

	set_property(context, object, "code",
				 v8::Integer::New(isolate, report.sqlstate));
	set_property(context, object, "sqlerrcode",
				 js_text(unpack_sql_state(report.sqlstate)));
	for (const error_field &f : error_fields)
	{
		const optional_text &text = report.*f.field;
		v8::Local<v8::Value> value = v8::Null(isolate);

		if (text)
			value = js_text(*text);
		set_property(context, object, f.property, value);
	}
	set_property(context, object, "internalposition",
				 v8::Integer::New(isolate, report.internal_position));
	return error;
}

/* Five digits or capitals, of a class that means an error; else 0. */
static int
sqlstate_from_text(const std::string &text)
{
	if (text.size() != 5)
		return 0;
	for (char c : text)
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
			return 0;
	if (text[0] == '0' && text[1] >= '0' && text[1] <= '2')
		return 0;
	return MAKE_SQLSTATE(text[0], text[1], text[2], text[3], text[4]);
}

static int
sqlstate_from_value(v8::Local<v8::Value> value)
{
	if (value->IsString())
		return sqlstate_from_text(message_string(value.As<v8::String>()));
	if (value->IsInt32())
	{
		int			packed = value.As<v8::Int32>()->Value();

		if (packed > 0 && packed < (1 << 30))
			return sqlstate_from_text(unpack_sql_state(packed));
	}
	return 0;
}

/* A getter that throws counts as no property: one error is enough. */
static v8::Local<v8::Value>
read_property(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
			  const char *name)
{
	v8::TryCatch ignored(context->GetIsolate());
	v8::Local<v8::Value> value;

	if (object->Get(context, js_name(name)).ToLocal(&value))
		return value;
	return v8::Undefined(context->GetIsolate());
}

/* As plv8: "TypeError: ..." keeps its name, a plain "Error: " goes. */
static std::string
message_of(v8::Local<v8::Context> context, v8::Local<v8::Value> thrown)
{
	static const std::string plain = "Error: ";
	v8::TryCatch ignored(context->GetIsolate());
	v8::Local<v8::String> text;
	std::string message;

	if (thrown->IsObject() && !thrown->IsNativeError())
	{
		v8::Local<v8::Value> own =
			read_property(context, thrown.As<v8::Object>(), "message");

		if (own->IsString())
			return message_string(own.As<v8::String>());
	}
	if (!thrown->ToString(context).ToLocal(&text))
	{
		/* No stack left to run it on, or it throws: V8's own words. */
		static const std::string prefix = "Uncaught ";

		message = message_string(
			v8::Exception::CreateMessage(context->GetIsolate(), thrown)->Get());
		return message.compare(0, prefix.size(), prefix) == 0
			? message.substr(prefix.size()) : message;
	}
	message = message_string(text);
	if (message.compare(0, plain.size(), plain) == 0)
		message.erase(0, plain.size());
	return message;
}

/* The frames of e.stack, without the message that V8 puts before them. */
static optional_text
stack_of(v8::Local<v8::Context> context, v8::Local<v8::Object> thrown)
{
	const size_t longest = 8000;	/* Error.stackTraceLimit may be any */
	v8::Local<v8::Value> stack = read_property(context, thrown, "stack");

	if (!stack->IsString())
		return std::nullopt;

	std::string text = message_string(stack.As<v8::String>());
	size_t		frames = text.find("\n    at ");

	if (frames == std::string::npos)
		return std::nullopt;
	text.erase(0, frames + 5);
	if (text.size() > longest)
	{
		/* By whole lines: half a character would be no text. */
		size_t		end = text.rfind('\n', longest);

		if (end == std::string::npos)
			return std::nullopt;
		text.resize(end);
		text += "\n    ...";
	}
	return text;
}

error_report
report_from_value(v8::Local<v8::Context> context, v8::Local<v8::Value> thrown)
{
	error_report report(ERRCODE_INTERNAL_ERROR, message_of(context, thrown));

	if (!thrown->IsObject())
		return report;

	v8::Local<v8::Object> object = thrown.As<v8::Object>();
	int			sqlstate =
		sqlstate_from_value(read_property(context, object, "sqlerrcode"));

	if (sqlstate == 0)
		sqlstate = sqlstate_from_value(read_property(context, object, "code"));
	if (sqlstate != 0)
		report.sqlstate = sqlstate;

	for (const error_field &f : error_fields)
	{
		v8::Local<v8::Value> value =
			read_property(context, object, f.property);

		if (value->IsString())
			report.*f.field = message_string(value.As<v8::String>());
		else if (f.field == &error_report::detail && value->IsUndefined())
			report.detail = stack_of(context, object);
	}

	v8::Local<v8::Value> position =
		read_property(context, object, "internalposition");

	if (position->IsInt32())
		report.internal_position = position.As<v8::Int32>()->Value();
	return report;
}

/* "function() LINE 3:   throw ...", cut where a bundle has but one line. */
static std::string
place_of(v8::Local<v8::Context> context, v8::Local<v8::Message> message)
{
	const size_t width = 120;
	v8::Local<v8::String> source;
	v8::Local<v8::Value> name = message->GetScriptResourceName();
	std::string place = name->IsString()
		? message_string(name.As<v8::String>()) : "JavaScript";
	int			line = message->GetLineNumber(context).FromMaybe(0);

	place += "() LINE " + std::to_string(line) + ":";
	if (message->GetSourceLine(context).ToLocal(&source))
	{
		size_t		length = source->Length();
		size_t		start = message->GetStartColumn(context).FromMaybe(0);

		if (length <= width)
			place += " " + message_string(source);
		else
		{
			v8::Local<v8::Value> part;
			v8::Isolate *isolate = context->GetIsolate();
			std::vector<uint16_t> cut(width);

			start = std::min(start, length - width);
			source->Write(isolate, cut.data(), (int) start, (int) width,
						  v8::String::NO_NULL_TERMINATION);
			place += " ..." + message_string(
				v8::String::NewFromTwoByte(isolate, cut.data(),
										   v8::NewStringType::kNormal,
										   (int) width).ToLocalChecked());
		}
	}
	return place;
}

error_report
report_from_script(v8::Local<v8::Context> context, const v8::TryCatch &caught)
{
	if (!caught.HasCaught() || caught.Exception().IsEmpty())
		return error_report(ERRCODE_INTERNAL_ERROR, "JavaScript failed");

	error_report report = report_from_value(context, caught.Exception());
	v8::Local<v8::Message> message = caught.Message();

	if (!message.IsEmpty())
	{
		v8::TryCatch ignored(context->GetIsolate());
		std::string place = place_of(context, message);

		report.context =
			report.context ? *report.context + "\n" + place : place;
	}
	if (caught.Exception()->IsNativeError() &&
		report.message.compare(0, 13, "SyntaxError: ") == 0 &&
		report.sqlstate == ERRCODE_INTERNAL_ERROR)
		report.sqlstate = ERRCODE_SYNTAX_ERROR;
	return report;
}

void
raise_in_postgres(const error_report &report)
{
	auto text = [](const optional_text &t) { return t->c_str(); };

	ereport(ERROR,
			(errcode(report.sqlstate),
			 errmsg_internal("%s", report.message.c_str()),
			 report.detail ? errdetail_internal("%s", text(report.detail)) : 0,
			 report.hint ? errhint("%s", text(report.hint)) : 0,
			 report.context ? errcontext("%s", text(report.context)) : 0,
			 report.internal_query
			 ? internalerrquery(text(report.internal_query)) : 0,
			 report.internal_query
			 ? internalerrposition(report.internal_position) : 0,
			 report.schema_name
			 ? err_generic_string(PG_DIAG_SCHEMA_NAME, text(report.schema_name))
			 : 0,
			 report.table_name
			 ? err_generic_string(PG_DIAG_TABLE_NAME, text(report.table_name))
			 : 0,
			 report.column_name
			 ? err_generic_string(PG_DIAG_COLUMN_NAME, text(report.column_name))
			 : 0,
			 report.datatype_name
			 ? err_generic_string(PG_DIAG_DATATYPE_NAME,
								  text(report.datatype_name)) : 0,
			 report.constraint_name
			 ? err_generic_string(PG_DIAG_CONSTRAINT_NAME,
								  text(report.constraint_name)) : 0));
	pg_unreachable();
}

}	// namespace plv8
