/* One JavaScript context for each role. See role_context.h. */
#include "role_context.h"

#include "api.h"
#include "engine.h"

namespace plv8 {

static std::unique_ptr<role_context>
make_context(Oid role)
{
	v8::Isolate *isolate = session.isolate;
	v8::HandleScope handles(isolate);
	auto		made = std::make_unique<role_context>();
	v8::Local<v8::Context> context = v8::Context::New(isolate);

	if (context.IsEmpty())
		throw error_report(ERRCODE_OUT_OF_MEMORY,
						   "could not make a JavaScript context");
	v8::Context::Scope entered(context);

	made->role = role;
	made->context.Reset(isolate, context);
	install_api(*made, context);
	return made;
}

role_context &
current_role_context()
{
	static std::unordered_map<Oid, std::unique_ptr<role_context>> &contexts =
		*new std::unordered_map<Oid, std::unique_ptr<role_context>>;
	static role_context *last = nullptr;
	Oid			role = GetUserId();

	if (last != nullptr && last->role == role)
		return *last;

	std::unique_ptr<role_context> &slot = contexts[role];

	if (!slot)
		slot = make_context(role);
	last = slot.get();
	return *last;
}

}	// namespace plv8
