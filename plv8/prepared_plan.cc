/*
 * plv8.prepare(): plan.execute(), plan.cursor(), plan.free().
 *
 * A plan may be kept in global state over calls and transactions. It is freed
 * by free(), or after its object was collected.
 */
#include "prepared_plan.h"

#include "api.h"
#include "datum_to_js.h"
#include "subtransaction.h"
#include "text_codec.h"

namespace plv8 {

struct plan_handle {
	SPIPlanPtr	plan;
	parameter_types parameters;
	MemoryContext memory;			/* of parameters.types */
	v8::Global<v8::Object> object;	/* weak */
	int			uses = 0;			/* running right now */
};

/* Binding runs JavaScript, and the statement may too: no free() meanwhile. */
struct plan_use {
	explicit plan_use(plan_handle &h) : handle(h) { handle.uses++; }
	~plan_use() { handle.uses--; }
	plan_handle &handle;
};

static std::vector<plan_handle *> &garbage = *new std::vector<plan_handle *>;

static void
free_plan(plan_handle *handle)
{
	SPIPlanPtr	plan = std::exchange(handle->plan, nullptr);
	MemoryContext memory = std::exchange(handle->memory, nullptr);

	pg_call([&] {
		if (plan != NULL)
			SPI_freeplan(plan);
		if (memory != NULL)
			MemoryContextDelete(memory);
	});
}

void
free_garbage_plans()
{
	while (!garbage.empty())
	{
		std::unique_ptr<plan_handle> handle(garbage.back());

		garbage.pop_back();
		free_plan(handle.get());
	}
}

/* In the garbage collector: no PostgreSQL call here. */
static void
on_collected(const v8::WeakCallbackInfo<plan_handle> &info)
{
	info.GetParameter()->object.Reset();
	garbage.push_back(info.GetParameter());
}

static plan_handle &
handle_of(const callback_info &info)
{
	plan_handle *handle = (plan_handle *)
		info.Holder()->GetAlignedPointerFromInternalField(0);

	if (handle == nullptr || handle->plan == nullptr)
		throw error_report(ERRCODE_INVALID_SQL_STATEMENT_NAME,
						   "the prepared plan has been freed");
	return *handle;
}

static void
plan_execute(const callback_info &info)
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();
	plan_handle &handle = handle_of(info);
	plan_use	use(handle);
	std::vector<v8::Local<v8::Value>> values = parameter_values(info, 0);
	bool		read_only = session.top->read_only;

	in_spi([&] {
		ParamListInfo list =
			bind_parameters(context, values, handle.parameters);
		SPIPlanPtr	plan = handle.plan;

		pg_call([&] {
			check_spi(SPI_execute_plan_with_paramlist(plan, list, read_only, 0),
					  "SPI_execute_plan");
		});
		info.GetReturnValue().Set(spi_result(context));
	});
}

static void
plan_cursor(const callback_info &info)
{
	v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();
	plan_handle &handle = handle_of(info);
	plan_use	use(handle);
	std::vector<v8::Local<v8::Value>> values = parameter_values(info, 0);
	bool		read_only = session.top->read_only;

	in_spi([&] {
		ParamListInfo list =
			bind_parameters(context, values, handle.parameters);
		SPIPlanPtr	plan = handle.plan;
		const char *name = pg_value([&] {
			return SPI_cursor_open_with_paramlist(NULL, plan, list,
												  read_only)->name;
		});

		info.GetReturnValue().Set(make_cursor(context, name));
	});
}

static void
plan_free(const callback_info &info)
{
	plan_handle &handle = handle_of(info);

	if (handle.uses > 0)
		throw error_report(ERRCODE_OBJECT_IN_USE,
						   "the prepared plan is being executed");
	free_plan(&handle);
}

static v8::Local<v8::Object>
make_plan(v8::Local<v8::Context> context)
{
	static const api_method methods[] = {
		{"execute", api_callback<plan_execute>},
		{"cursor", api_callback<plan_cursor>},
		{"free", api_callback<plan_free>},
	};
	static api_class &the_class =
		*new api_class("PreparedPlan", methods, lengthof(methods));

	return the_class.make(context);
}

static void
read_types(v8::Local<v8::Context> context, v8::Local<v8::Value> given,
		   std::vector<Oid> &types)
{
	if (!given->IsArray())
		throw error_report(ERRCODE_INVALID_PARAMETER_VALUE,
						   "the types of a plan must be an array of names");

	v8::Local<v8::Array> names = given.As<v8::Array>();

	for (uint32_t i = 0; i < names->Length(); i++)
	{
		char	   *name =
			server_cstring(context, checked(names->Get(context, i)));

		types.push_back(pg_value([&] {
			Oid			type;
			int32		typmod;

			parseTypeString(name, &type, &typmod, false);
			return type;
		}));
	}
}

static void
keep_plan(plan_handle *handle, const char *sql, const std::vector<Oid> *types)
{
	if (types)
	{
		handle->parameters.types = (Oid *) types->data();
		handle->parameters.count = types->size();
	}
	pg_call([&] {
		parameter_types &parameters = handle->parameters;
		Oid		   *kept;

		if (types)
		{
			handle->plan =
				SPI_prepare(sql, parameters.count, parameters.types);
			if (handle->plan == NULL)
				check_spi(SPI_result, "SPI_prepare");
		}
		else
			handle->plan = prepare_untyped(sql, &parameters);

		handle->memory = AllocSetContextCreate(
			TopMemoryContext, "plv8 plan", ALLOCSET_SMALL_SIZES);
		kept = (Oid *) MemoryContextAlloc(
			handle->memory, sizeof(Oid) * Max(parameters.count, 1));
		if (parameters.count > 0)
			memcpy(kept, parameters.types, sizeof(Oid) * parameters.count);
		parameters.types = kept;
		SPI_keepplan(handle->plan);
	});
}

/* An error before its object exists must not leave the plan behind. */
static void
discard(plan_handle *handle)
{
	garbage.push_back(handle);
}

void
api_prepare(const callback_info &info)
{
	v8::Isolate *isolate = info.GetIsolate();
	v8::Local<v8::Context> context = isolate->GetCurrentContext();
	std::string sql = server_string(context, info[0]);
	bool		typed = info.Length() > 1 && !info[1]->IsNullOrUndefined();
	std::unique_ptr<plan_handle, void (*)(plan_handle *)> handle(
		new plan_handle{}, discard);
	v8::Local<v8::Object> object = make_plan(context);

	object->SetAlignedPointerInInternalField(0, nullptr);
	in_spi([&] {
		std::vector<Oid> types;

		if (typed)
			read_types(context, info[1], types);
		keep_plan(handle.get(), sql.c_str(), typed ? &types : nullptr);
	});
	object->SetAlignedPointerInInternalField(0, handle.get());
	handle->object.Reset(isolate, object);
	handle->object.SetWeak(handle.release(), on_collected,
						   v8::WeakCallbackType::kParameter);
	info.GetReturnValue().Set(object);
}

}	// namespace plv8
