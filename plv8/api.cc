/*
 * The `plv8` object, and how its methods are bound to C++. See api.h.
 *
 * Runs in: any backend, called by V8 from a running script.
 */
#include "api.h"

#include "pg_call.h"
#include "text_codec.h"

namespace plv8 {

static const struct {
	const char *name;
	int			level;
} levels[] = {
	{"DEBUG5", DEBUG5}, {"DEBUG4", DEBUG4}, {"DEBUG3", DEBUG3},
	{"DEBUG2", DEBUG2}, {"DEBUG1", DEBUG1}, {"LOG", LOG}, {"INFO", INFO},
	{"NOTICE", NOTICE}, {"WARNING", WARNING}, {"ERROR", ERROR},
};

static const api_method plv8_methods[] = {
	{"execute", api_callback<api_execute>},
	{"prepare", api_callback<api_prepare>},
	{"subtransaction", api_callback<api_subtransaction>},
	{"find_function", api_callback<api_find_function>},
	{"return_next", api_callback<api_return_next>},
	{"elog", api_callback<api_elog>},
	{"quote_literal", api_callback<api_quote_literal>},
	{"quote_nullable", api_callback<api_quote_nullable>},
	{"quote_ident", api_callback<api_quote_ident>},
};

/*
 * Termination takes effect at the next loop turn or function entry, and a
 * catch block may come before. So enter a function that loops: it never runs,
 * and the script unwinds from right here.
 */
static void
stop_at_once(v8::Local<v8::Context> context)
{
	v8::Local<v8::Function> spin =
		session.top->role.spin.Get(context->GetIsolate());
	v8::MaybeLocal<v8::Value> never = spin->Call(
		context, v8::Undefined(context->GetIsolate()), 0, nullptr);

	Assert(never.IsEmpty());
	(void) never;
}

static void
throw_to_script(v8::Local<v8::Context> context, const error_report &report)
{
	v8::Isolate *isolate = context->GetIsolate();

	if (report.unsafe)
		session.top->doom(report);

	/* As in PL/pgSQL's OTHERS: a cancelled query ends all of it. */
	if (report.sqlstate == ERRCODE_QUERY_CANCELED)
	{
		request_stop(report);
		stop_at_once(context);
		return;
	}
	try
	{
		isolate->ThrowException(error_object(context, report));
	}
	catch (const js_pending &)
	{
	}
	catch (const error_report &)
	{
		isolate->ThrowException(v8::Exception::Error(
			v8::String::NewFromUtf8Literal(isolate, "error without text")));
	}
}

void
run_api(const callback_info &info, void (*method)(const callback_info &))
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();

	try
	{
		if (session.stop != stop_reason::none)
			stop_at_once(context);
		else if (session.top->doomed)
			throw error_report(*session.top->doomed);
		else
		{
			api_scope	memory(*session.top);

			method(info);
		}
	}
	catch (const js_pending &)
	{
	}
	catch (const error_report &report)
	{
		throw_to_script(context, report);
	}
	catch (const std::bad_alloc &)
	{
		throw_to_script(context,
						error_report(ERRCODE_OUT_OF_MEMORY, "out of memory"));
	}
	catch (...)
	{
		throw_to_script(context,
						error_report(ERRCODE_INTERNAL_ERROR, "plv8 failed"));
	}
}

/* Only make() makes them: their internal field must be filled. */
static void
refuse_construction(const callback_info &info)
{
	info.GetIsolate()->ThrowException(v8::Exception::TypeError(
		v8::String::NewFromUtf8Literal(info.GetIsolate(),
									   "Illegal constructor")));
}

v8::Local<v8::Object>
api_class::make(v8::Local<v8::Context> context)
{
	v8::Isolate *isolate = context->GetIsolate();

	if (made_.IsEmpty())
	{
		v8::Local<v8::FunctionTemplate> made =
			v8::FunctionTemplate::New(isolate, refuse_construction);
		v8::Local<v8::Signature> only_on_us =
			v8::Signature::New(isolate, made);

		made->SetClassName(js_name(name_));
		made->InstanceTemplate()->SetInternalFieldCount(1);
		for (size_t i = 0; i < count_; i++)
			made->PrototypeTemplate()->Set(
				js_name(methods_[i].name),
				v8::FunctionTemplate::New(isolate, methods_[i].callback,
										  v8::Local<v8::Value>(), only_on_us),
				v8::DontEnum);
		made->PrototypeTemplate()->Set(v8::Symbol::GetToStringTag(isolate),
									   js_name(name_), v8::DontEnum);
		made_.Reset(isolate, made);
	}
	return checked(
		made_.Get(isolate)->InstanceTemplate()->NewInstance(context));
}

void
install_api(role_context &role, v8::Local<v8::Context> context)
{
	v8::Isolate *isolate = context->GetIsolate();
	v8::Local<v8::Object> global = context->Global();
	v8::Local<v8::Object> plv8 = v8::Object::New(isolate);
	auto		constant = [&](v8::Local<v8::Object> owner, const char *name,
						   v8::Local<v8::Value> value) {
		checked(owner->DefineOwnProperty(
			context, js_name(name), value,
			(v8::PropertyAttribute) (v8::ReadOnly | v8::DontDelete)));
	};

	for (const api_method &method : plv8_methods)
	{
		v8::Local<v8::Function> function = checked(v8::Function::New(
			context, method.callback, v8::Local<v8::Value>(), 0,
			v8::ConstructorBehavior::kThrow));

		function->SetName(js_name(method.name));
		checked(plv8->CreateDataProperty(context, js_name(method.name),
										 function));
	}
	constant(plv8, "version", js_text(PLV8_VERSION));
	checked(global->DefineOwnProperty(context, js_name("plv8"), plv8,
									  v8::DontEnum));
	for (const auto &level : levels)
		constant(global, level.name, v8::Integer::New(isolate, level.level));

	v8::ScriptCompiler::Source spin(
		v8::String::NewFromUtf8Literal(isolate, "for (;;);"));

	role.spin.Reset(isolate,
					checked(v8::ScriptCompiler::CompileFunctionInContext(
						context, &spin, 0, nullptr, 0, nullptr)));
}

}	// namespace plv8
