/*
 * plv8.find_function("schema.name") or ("name(type, ...)"): the JavaScript
 * function itself, called with JavaScript values and returning one.
 *
 * A qualified name without types is remembered until the catalog changes, so
 * that it may be looked up in each call.
 */
#include "api.h"
#include "function_cache.h"
#include "pg_call.h"
#include "subtransaction.h"
#include "text_codec.h"

namespace plv8 {

/* "schema.name", whatever search_path says. pg_temp is another everywhere. */
static bool
means_the_same_always(const std::string &name)
{
	return name.find('.') != std::string::npos &&
		   name.find_first_of("(\"") == std::string::npos &&
		   name.compare(0, 7, "pg_temp") != 0;
}

static Oid
look_up(const std::string &name)
{
	Oid			function = InvalidOid;

	in_subtransaction([&] {
		pg_call([&] {
			bool		typed = strchr(name.c_str(), '(') != NULL;
			Datum		text = CStringGetDatum(name.c_str());

			function = DatumGetObjectId(typed
				? DirectFunctionCall1(regprocedurein, text)
				: DirectFunctionCall1(regprocin, text));
			if (pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) !=
				ACLCHECK_OK)
				aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, name.c_str());
		});
	});
	return function;
}

static std::shared_ptr<compiled_function>
find_named(const std::string &name)
{
	Oid			oid = look_up(name);

	try
	{
		return find_compiled(oid);
	}
	catch (const error_report &report)
	{
		if (report.sqlstate != ERRCODE_WRONG_OBJECT_TYPE)
			throw;
		throw error_report(ERRCODE_WRONG_OBJECT_TYPE,
						   "javascript function is not found for \"" + name +
							   "\"");
	}
}

void
api_find_function(const callback_info &info)
{
	v8::Isolate *isolate = info.GetIsolate();
	role_context &role = session.top->role;
	std::string name = server_string(isolate->GetCurrentContext(), info[0]);

	if (role.found_generation != lookup_generation())
	{
		role.found.clear();
		role.found_generation = lookup_generation();
	}

	auto		known = role.found.find(name);
	std::shared_ptr<compiled_function> function;

	if (known != role.found.end())
		function = known->second;
	else
	{
		function = find_named(name);
		/* Looking it up may itself have brought news of the catalog. */
		if (means_the_same_always(name) &&
			role.found_generation == lookup_generation())
			role.found.emplace(name, function);
	}
	info.GetReturnValue().Set(function->function.Get(isolate));
}

}	// namespace plv8
