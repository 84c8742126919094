/*
 * multimaster.remote_functions: which functions are called on every node.
 *
 * Runs in: every process.
 * Path: backend/remote_calls.c -> here
 * Locks: none.
 *
 * Names have a schema: without one, who may create functions in a schema of the search_path would
 * choose which one is meant.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "backend/remote_functions.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

char	   *mtm_remote_functions = NULL;

/* Of the setting: pairs of schema and name (List of String); read when it is needed. */
static List *listed = NIL;
static bool is_read = false;
static MemoryContext list_context = NULL;

/* The next element, which ends at a comma outside of quotes; NULL: no more. */
static char *
next_element(char **rest)
{
	char	   *start = *rest;
	bool		quoted = false;

	if (!start)
		return NULL;
	for (char *at = start; *at; at++)
	{
		if (*at == '"')
			quoted = !quoted;
		else if (*at == ',' && !quoted)
		{
			*at = '\0';
			*rest = at + 1;
			return start;
		}
	}
	*rest = NULL;
	return start;
}

static bool
is_blank(const char *text)
{
	return strspn(text, " \t\r\n") == strlen(text);
}

/* False: it is no list of schema.name. */
static bool
read_list(const char *value, List **names)
{
	char	   *rest = pstrdup(value);
	char	   *element;

	*names = NIL;
	if (is_blank(value))
		return true;
	while ((element = next_element(&rest)) != NULL)
	{
		List	   *parts;

		if (!SplitIdentifierString(element, '.', &parts) || list_length(parts) != 2)
			return false;
		*names = lappend(*names, parts);
	}
	return true;
}

bool
MtmRemoteFunctionsCheck(char **value, void **extra, GucSource source)
{
	List	   *names;

	if (!read_list(*value, &names))
	{
		GUC_check_errdetail("It is a list of functions as schema.name, separated by commas.");
		return false;
	}
	return true;
}

/* A plan may hold the body of such a function in place of its call. */
void
MtmRemoteFunctionsAssign(const char *value, void *extra)
{
	is_read = false;
	ResetPlanCache();
}

static void
read_setting(void)
{
	MemoryContext old;

	if (!list_context)
		list_context = AllocSetContextCreate(TopMemoryContext, "multimaster remote functions",
											 ALLOCSET_SMALL_SIZES);
	listed = NIL;
	MemoryContextReset(list_context);
	old = MemoryContextSwitchTo(list_context);
	(void) read_list(mtm_remote_functions, &listed);
	MemoryContextSwitchTo(old);
	is_read = true;
}

static bool
is_listed(const char *schema, const char *name)
{
	ListCell   *cell;

	foreach(cell, listed)
	{
		List	   *parts = lfirst(cell);

		if (strcmp(lsecond(parts), name) == 0 && strcmp(linitial(parts), schema) == 0)
			return true;
	}
	return false;
}

bool
MtmIsRemoteFunction(Oid id)
{
	HeapTuple	function;
	char	   *schema;
	bool		found;

	if (!is_read)
		read_setting();
	if (listed == NIL)
		return false;
	function = SearchSysCache1(PROCOID, ObjectIdGetDatum(id));
	if (!HeapTupleIsValid(function))
		return false;
	schema = get_namespace_name(((Form_pg_proc) GETSTRUCT(function))->pronamespace);
	found = schema && is_listed(schema, NameStr(((Form_pg_proc) GETSTRUCT(function))->proname));
	ReleaseSysCache(function);
	if (schema)
		pfree(schema);
	return found;
}
