/*
 * Where PostgreSQL calls plv8: functions, triggers, DO blocks, the validator.
 *
 * Runs in: any backend.
 * Path: fmgr -> here -> frame -> V8 -> api_*.cc -> SPI, and back.
 *
 * Each entry is two functions. The inner one is C++: all its objects are gone
 * and no C++ exception is left when it returns. Only then does the outer one,
 * which has no object with a destructor, raise the error.
 */
#include "frame.h"
#include "function_call.h"
#include "function_cache.h"
#include "memory_scope.h"
#include "pg_call.h"
#include "set_result.h"

/* All else in the module is hidden: backends load other C++ too. */
#pragma GCC visibility push(default)
extern "C" {
PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(plv8_call_handler);
PG_FUNCTION_INFO_V1(plv8_inline_handler);
PG_FUNCTION_INFO_V1(plv8_call_validator);
PG_FUNCTION_INFO_V1(plv8_version);

PGDLLEXPORT void _PG_init(void);
}
#pragma GCC visibility pop

namespace plv8 {

enum class outcome { done, failed, stopped };

static outcome
failed(error_report &&report) noexcept
{
	session.raised = std::move(report);
	return outcome::failed;
}

template <typename F>
static outcome
guarded(F &&body) noexcept
{
	try
	{
		start_engine();

		frame		call(false);

		body(call);
		return outcome::done;
	}
	catch (error_report &report)
	{
		return failed(std::move(report));
	}
	catch (const interrupted &)
	{
		return outcome::stopped;
	}
	catch (const js_pending &)
	{
		return failed(error_report(ERRCODE_INTERNAL_ERROR,
								   "JavaScript failed outside of a script"));
	}
	catch (const std::bad_alloc &)
	{
		return failed(error_report(ERRCODE_OUT_OF_MEMORY, "out of memory"));
	}
	catch (...)
	{
		return failed(error_report(ERRCODE_INTERNAL_ERROR, "plv8 failed"));
	}
}

/* No object with a destructor here. */
static void
raise(outcome what)
{
	if (what == outcome::done)
		return;
	if (what == outcome::stopped)
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling JavaScript due to an interrupt")));
	}
	raise_in_postgres(session.raised);
}

static Datum
call_function(FunctionCallInfo fcinfo, compiled_function &function,
			  sql_result &result)
{
	bool		as_trigger = CALLED_AS_TRIGGER(fcinfo);

	if (as_trigger != (function.shape == result_shape::trigger))
		throw error_report(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
						   "trigger functions can only be called as triggers");
	switch (function.shape)
	{
		case result_shape::trigger:
			return call_trigger(fcinfo, function);
		case result_shape::rows:
			call_for_rows(fcinfo, function);
			break;
		case result_shape::value:
		case result_shape::record:
			result = call_for_value(fcinfo, function);
			break;
	}
	return (Datum) 0;
}

static void
call(FunctionCallInfo fcinfo, frame &frame, Datum *datum)
{
	sql_result	result;

	run_script([&] {
		std::shared_ptr<compiled_function> function =
			find_compiled(fcinfo->flinfo->fn_oid);

		frame.read_only = function->read_only;
		*datum = call_function(fcinfo, *function, result);
	});
	if (CALLED_AS_TRIGGER(fcinfo))
		return;

	fcinfo->isnull = result.is_null;
	*datum = result.datum;
	if (!result.is_null && !result.by_value)
	{
		memory_scope scope(frame.caller);

		*datum = pg_value(
			[&] { return datumCopy(result.datum, false, result.length); });
	}
}

static outcome
call_guarded(FunctionCallInfo fcinfo, Datum *datum)
{
	return guarded([&](frame &frame) { call(fcinfo, frame, datum); });
}

static outcome
run_block_guarded(const char *source)
{
	return guarded([&](frame &) {
		run_script([&] { call_script(compile_block(source), 0, nullptr); });
	});
}

static outcome
check_syntax_guarded(Oid function)
{
	return guarded(
		[&](frame &) { run_script([&] { check_syntax(function); }); });
}

/* Types that no value of JavaScript can have. */
static void
check_signature(Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for function %u", function);
	proc = (Form_pg_proc) GETSTRUCT(row);

	if (get_typtype(proc->prorettype) == TYPTYPE_PSEUDO &&
		proc->prorettype != TRIGGEROID && proc->prorettype != RECORDOID &&
		proc->prorettype != VOIDOID && !IsPolymorphicType(proc->prorettype))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("plv8 functions cannot return type %s",
						format_type_be(proc->prorettype))));
	for (int i = 0; i < proc->pronargs; i++)
	{
		Oid			type = proc->proargtypes.values[i];

		/* internal: for functions that only find_function() is to reach. */
		if (get_typtype(type) == TYPTYPE_PSEUDO && type != INTERNALOID &&
			type != RECORDOID && !IsPolymorphicType(type))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("plv8 functions cannot accept type %s",
							format_type_be(type))));
	}
	ReleaseSysCache(row);
}

}	// namespace plv8

extern "C" {

Datum
plv8_call_handler(PG_FUNCTION_ARGS)
{
	Datum		result = (Datum) 0;

	if (CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("plv8 functions cannot be event triggers")));
	plv8::raise(plv8::call_guarded(fcinfo, &result));
	return result;
}

Datum
plv8_inline_handler(PG_FUNCTION_ARGS)
{
	InlineCodeBlock *block = (InlineCodeBlock *) PG_GETARG_POINTER(0);

	plv8::raise(plv8::run_block_guarded(block->source_text));
	PG_RETURN_VOID();
}

Datum
plv8_call_validator(PG_FUNCTION_ARGS)
{
	Oid			function = PG_GETARG_OID(0);

	if (!CheckFunctionValidatorAccess(fcinfo->flinfo->fn_oid, function))
		PG_RETURN_VOID();
	plv8::check_signature(function);
	if (check_function_bodies)
		plv8::raise(plv8::check_syntax_guarded(function));
	PG_RETURN_VOID();
}

Datum
plv8_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(PLV8_VERSION));
}

/* Nothing of V8 here: this may be the postmaster. */
void
_PG_init(void)
{
	DefineCustomIntVariable(
		"plv8.memory_limit",
		"Memory that JavaScript may use in a session.",
		"Takes effect at the session's first call of a plv8 function.",
		&plv8::memory_limit_mb, 256, 32, 65536, PGC_SUSET, GUC_UNIT_MB,
		NULL, NULL, NULL);
}

}
