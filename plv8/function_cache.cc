/*
 * Compiled functions of this session.
 *
 * A function belongs to (oid, role), and is as old as the pg_proc row it was
 * compiled from (xmin, tid). Invalidation messages mark entries as suspect,
 * so that a call looks into the catalog only when something has changed. A
 * call holds its function by a shared pointer: it may replace itself.
 */
#include "function_cache.h"

#include "frame.h"
#include "text_codec.h"

namespace plv8 {

using function_pointer = std::shared_ptr<compiled_function>;

struct function_key {
	Oid			oid;
	Oid			role;

	bool operator==(const function_key &other) const {
		return oid == other.oid && role == other.role;
	}
};

struct function_key_hash {
	size_t operator()(const function_key &key) const {
		return std::hash<uint64>()((uint64) key.role << 32 | key.oid);
	}
};

using function_table =
	std::unordered_map<function_key, function_pointer, function_key_hash>;

static function_table &table = *new function_table;
static uint64 generation = 1;
static size_t suspects = 0;		/* marked since the last sweep */

static void
suspect_functions(Datum, int, uint32 hash)
{
	generation++;
	for (auto &entry : table)
		if (hash == 0 || entry.second->hash == hash)
		{
			entry.second->suspect = true;
			suspects++;
		}
}

static void
suspect_names(Datum, int, uint32)
{
	generation++;
}

uint64
lookup_generation()
{
	return generation;
}

static void
watch_catalog(void)
{
	static bool watching = false;

	if (watching)
		return;
	watching = true;
	pg_call([] {
		CacheRegisterSyscacheCallback(PROCOID, suspect_functions, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, suspect_names, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHOID, suspect_names, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, suspect_names,
									  (Datum) 0);
	});
}

/* What pg_proc says, in plain data: the row is released at once. */
struct catalog_entry {
	bool		found;
	TransactionId xmin;
	ItemPointerData tid;
	bool		is_javascript;
	bool		read_only;
	bool		is_set;
	Oid			result_type;
	char	   *name;
	char	   *source;
	int			arguments;
	Oid		   *argument_types;
	char	  **argument_names;
};

/*
 * Input parameters only, in order. Unnamed ones are $1, $2, ... by their
 * place among all.
 */
static void
read_arguments(HeapTuple row, catalog_entry &entry)
{
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			total = get_func_arg_info(row, &types, &names, &modes);

	entry.argument_types = (Oid *) palloc(sizeof(Oid) * total);
	entry.argument_names = (char **) palloc(sizeof(char *) * total);
	entry.arguments = 0;
	for (int i = 0; i < total; i++)
	{
		int			n = entry.arguments;

		if (modes && modes[i] != PROARGMODE_IN &&
			modes[i] != PROARGMODE_INOUT && modes[i] != PROARGMODE_VARIADIC)
			continue;
		entry.argument_types[n] = types[i];
		entry.argument_names[n] = names && names[i] && names[i][0]
			? names[i] : psprintf("$%d", i + 1);
		entry.arguments++;
	}
}

static void
read_version(HeapTuple row, catalog_entry &entry)
{
	entry.found = HeapTupleIsValid(row);
	if (!entry.found)
		return;
	entry.xmin = HeapTupleHeaderGetRawXmin(row->t_data);
	entry.tid = row->t_self;
}

static void
read_details(HeapTuple row, catalog_entry &entry)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(row);
	bool		is_null;
	Datum		source = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_prosrc,
										 &is_null);
	HeapTuple	language =
		SearchSysCache1(LANGOID, ObjectIdGetDatum(proc->prolang));

	/* Ours is known by its handler, not by a name. */
	entry.is_javascript = false;
	if (HeapTupleIsValid(language))
	{
		Oid			handler =
			((Form_pg_language) GETSTRUCT(language))->lanplcallfoid;
		HeapTuple	function;

		ReleaseSysCache(language);
		function = SearchSysCache1(PROCOID, ObjectIdGetDatum(handler));
		if (HeapTupleIsValid(function))
		{
			Datum		symbol = SysCacheGetAttr(
				PROCOID, function, Anum_pg_proc_prosrc, &is_null);

			entry.is_javascript = !is_null &&
				strcmp(TextDatumGetCString(symbol), "plv8_call_handler") == 0;
			ReleaseSysCache(function);
		}
	}
	entry.name = pstrdup(NameStr(proc->proname));
	entry.source = TextDatumGetCString(source);
	entry.read_only = proc->provolatile != PROVOLATILE_VOLATILE;
	entry.is_set = proc->proretset;
	entry.result_type = proc->prorettype;
	read_arguments(row, entry);
}

static catalog_entry
read_catalog(Oid function, bool details)
{
	catalog_entry entry = {};

	pg_call([&] {
		HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

		read_version(row, entry);
		if (entry.found && details)
			read_details(row, entry);
		if (entry.found)
			ReleaseSysCache(row);
	});
	return entry;
}

static v8::Local<v8::Function>
compile_source(const char *name, const char *source,
			   std::vector<v8::Local<v8::String>> parameters)
{
	v8::Isolate *isolate = session.isolate;
	v8::ScriptOrigin origin(isolate, js_text(name));
	v8::ScriptCompiler::Source code(js_text(source), origin);
	v8::Local<v8::Function> function =
		checked(v8::ScriptCompiler::CompileFunctionInContext(
			isolate->GetCurrentContext(), &code, parameters.size(),
			parameters.data(), 0, nullptr));

	function->SetName(js_text(name));
	return function;
}

static v8::Local<v8::Function>
compile_entry(const catalog_entry &entry)
{
	static const char *const trigger_names[] = {
		"NEW", "OLD", "TG_NAME", "TG_WHEN", "TG_LEVEL", "TG_OP", "TG_RELID",
		"TG_TABLE_NAME", "TG_TABLE_SCHEMA", "TG_ARGV"};
	std::vector<v8::Local<v8::String>> parameters;

	if (entry.result_type == TRIGGEROID)
		for (const char *name : trigger_names)
			parameters.push_back(js_name(name));
	else
		for (int i = 0; i < entry.arguments; i++)
			parameters.push_back(js_name(entry.argument_names[i]));
	return compile_source(entry.name, entry.source, std::move(parameters));
}

v8::Local<v8::Function>
compile_block(const char *source)
{
	return compile_source("inline_code_block", source, {});
}

void
check_syntax(Oid function)
{
	compile_entry(read_catalog(function, true));
}

static result_shape
shape_of(const catalog_entry &entry)
{
	if (entry.result_type == TRIGGEROID)
		return result_shape::trigger;
	if (entry.is_set)
		return result_shape::rows;
	if (entry.result_type == RECORDOID)
		return result_shape::record;
	return result_shape::value;
}

static function_pointer
compile(Oid oid, const catalog_entry &entry)
{
	auto		made = std::make_shared<compiled_function>();

	if (!entry.is_javascript)
		throw error_report(ERRCODE_WRONG_OBJECT_TYPE,
						   std::string("function \"") + entry.name +
							   "\" is not written in plv8");
	made->oid = oid;
	made->role = session.top->role.role;
	made->xmin = entry.xmin;
	made->tid = entry.tid;
	made->hash = pg_value([&] {
		return GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(oid));
	});
	made->suspect = false;
	made->name = entry.name;
	made->function.Reset(session.isolate, compile_entry(entry));
	made->read_only = entry.read_only;
	made->shape = shape_of(entry);
	made->result_type = entry.result_type;
	made->polymorphic_result = IsPolymorphicType(entry.result_type);
	made->arguments.assign(entry.argument_types,
						   entry.argument_types + entry.arguments);
	return made;
}

static bool
still_current(compiled_function &function)
{
	if (!function.suspect)
		return true;

	catalog_entry entry = read_catalog(function.oid, false);

	if (!entry.found || entry.xmin != function.xmin ||
		!ItemPointerEquals(&entry.tid, &function.tid))
		return false;
	function.suspect = false;
	return true;
}

/* Lets go of functions that were dropped or replaced and not called since. */
static void
sweep(void)
{
	if (suspects < 100)
		return;
	suspects = 0;
	for (auto entry = table.begin(); entry != table.end();)
		if (still_current(*entry->second))
			++entry;
		else
			entry = table.erase(entry);
}

function_pointer
find_compiled(Oid oid)
{
	function_key key{oid, session.top->role.role};
	auto		found = table.find(key);

	if (found != table.end() && still_current(*found->second))
		return found->second;

	watch_catalog();
	sweep();

	uint64		before = generation;
	catalog_entry entry = read_catalog(oid, true);

	if (!entry.found)
		throw error_report(ERRCODE_UNDEFINED_FUNCTION,
						   "function with OID " + std::to_string(oid) +
							   " does not exist");

	function_pointer made = compile(oid, entry);

	/* A message that came while it was in no table would be missed. */
	made->suspect = generation != before;
	table[key] = made;
	return made;
}

}	// namespace plv8
