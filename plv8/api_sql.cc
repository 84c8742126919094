/*
 * plv8.execute(sql [, parameters]) and plv8.subtransaction(function).
 */
#include "api.h"
#include "prepared_plan.h"
#include "subtransaction.h"
#include "text_codec.h"

namespace plv8 {

static void
execute_with_parameters(v8::Local<v8::Context> context, const char *sql,
						const std::vector<v8::Local<v8::Value>> &values)
{
	bool		read_only = session.top->read_only;
	parameter_types types;
	SPIPlanPtr	plan =
		pg_value([&] { return prepare_untyped(sql, &types); });
	ParamListInfo list = bind_parameters(context, values, types);

	pg_call([&] {
		check_spi(SPI_execute_plan_with_paramlist(plan, list, read_only, 0),
				  "SPI_execute_plan");
	});
}

/* Whatever it needed is given back at its end, not at the function's. */
void
api_execute(const callback_info &info)
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();
	std::string sql = server_string(context, info[0]);
	std::vector<v8::Local<v8::Value>> values = parameter_values(info, 1);
	bool		read_only = session.top->read_only;

	in_spi([&] {
		if (!values.empty())
			execute_with_parameters(context, sql.c_str(), values);
		else
			pg_call([&] {
				check_spi(SPI_execute(sql.c_str(), read_only, 0),
						  "SPI_execute");
			});
		info.GetReturnValue().Set(spi_result(context));
	});
}

/* All or nothing of what the function does; its result or its exception. */
void
api_subtransaction(const callback_info &info)
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();

	if (!info[0]->IsFunction())
		throw error_report(ERRCODE_INVALID_PARAMETER_VALUE,
						   "plv8.subtransaction() needs a function");
	in_subtransaction([&] {
		script_in_method memory(*session.top);

		info.GetReturnValue().Set(checked(info[0].As<v8::Function>()->Call(
			context, context->Global(), 0, nullptr)));
		if (session.stop != stop_reason::none)
			throw js_pending();
		if (session.top->doomed)
			throw error_report(*session.top->doomed);
	});
}

}	// namespace plv8
