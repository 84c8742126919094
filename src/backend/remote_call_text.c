/*
 * What other nodes are told of a call: SELECT schema.name('value'::type, ...).
 *
 * Runs in: backends.
 * Path: backend/remote_calls.c -> here
 * Locks: none.
 *
 * The types are those that the function is declared with, so that it is the same one there.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "backend/remote_functions.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "wire/pinned_settings.h"

static void
refuse(const char *name, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("multimaster cannot call %s() on every node", name),
			 errdetail("%s", why)));
}

/*
 * Whoever lends rights by a SECURITY DEFINER function must not be made to read a value of a type
 * of the caller's: the checks of a domain are code.
 */
static Oid
type_of(FunctionCallInfo fcinfo, HeapTuple function, int place)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(function);
	const char *name = NameStr(form->proname);
	Oid			type = place < form->pronargs ? form->proargtypes.values[place] : ANYOID;

	if (IsPolymorphicType(type) || type == ANYOID)
	{
		if (InLocalUserIdChange() || !heap_attisnull(function, Anum_pg_proc_proconfig, NULL))
			refuse(name, "It has arguments of any type, and runs with the rights of another role, or settings of its own.");
		type = get_fn_expr_argtype(fcinfo->flinfo, place);
	}
	if (!OidIsValid(type) || get_typtype(type) == TYPTYPE_PSEUDO)
		refuse(name, "Not every value of its arguments can be written as a constant.");
	return type;
}

static void
add_argument(StringInfo text, const NullableDatum *value, Oid type)
{
	Oid			output;
	bool		varlena;

	if (value->isnull)
		appendStringInfoString(text, "NULL");
	else
	{
		getTypeOutputInfo(type, &output, &varlena);
		appendStringInfoString(text, quote_literal_cstr(OidOutputFunctionCall(output, value->value)));
	}
	/* "character" is one character, of bpchar any number */
	appendStringInfo(text, "::%s",
					 format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN |
										  FORMAT_TYPE_FORCE_QUALIFY));
}

static bool
is_variadic(FunctionCallInfo fcinfo, const FormData_pg_proc *form)
{
	return OidIsValid(form->provariadic) &&
		(form->provariadic != ANYOID || get_fn_expr_variadic(fcinfo->flinfo));
}

static void
check_kind(const FormData_pg_proc *form)
{
	const char *name = NameStr(form->proname);

	if (form->prokind != PROKIND_FUNCTION || form->prorettype == TRIGGEROID ||
		form->prorettype == EVENT_TRIGGEROID)
		refuse(name, "It is a procedure, or belongs to a trigger.");
	if (form->provolatile != PROVOLATILE_VOLATILE)
		refuse(name, "It is not VOLATILE, so PostgreSQL may call it more than once, or earlier.");
}

static void
add_call(StringInfo text, FunctionCallInfo fcinfo, HeapTuple function)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(function);

	check_kind(form);
	appendStringInfo(text, "SELECT %s(",
					 quote_qualified_identifier(get_namespace_name(form->pronamespace),
												NameStr(form->proname)));
	for (int i = 0; i < fcinfo->nargs; i++)
	{
		if (i > 0)
			appendStringInfoString(text, ", ");
		if (i == fcinfo->nargs - 1 && is_variadic(fcinfo, form))
			appendStringInfoString(text, "VARIADIC ");
		add_argument(text, &fcinfo->args[i], type_of(fcinfo, function, i));
	}
	appendStringInfoChar(text, ')');
}

char *
MtmRemoteCallText(FunctionCallInfo fcinfo)
{
	Oid			id = fcinfo->flinfo->fn_oid;
	HeapTuple	function = SearchSysCache1(PROCOID, ObjectIdGetDatum(id));
	StringInfoData text;
	int			level;

	if (!HeapTupleIsValid(function))
		elog(ERROR, "cache lookup failed for function %u", id);
	initStringInfo(&text);
	level = MtmPinSettings();
	add_call(&text, fcinfo, function);
	AtEOXact_GUC(false, level);
	ReleaseSysCache(function);
	return text.data;
}
