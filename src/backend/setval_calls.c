/*
 * Calls of setval() become calls of multimaster's own, which reach all nodes.
 *
 * Runs in: every process that plans or runs queries.
 * Path: the planner -> here -> backend/sequence_moves.c, when the call is executed
 * Locks: none.
 *
 * PostgreSQL's setval() passes no hook while it runs. But a query is given to the planner's
 * hook with all views, rules and defaults in it, and there the function of a call can be
 * another one, of the same arguments. What the planner itself brings in later, the bodies of
 * SQL functions, must not be brought in: such a function is called, and its body is planned
 * by itself. A call that comes about in another way (an argument of CALL, a CHECK) is seen
 * when its expression is made ready, and refused, as it would act on this node alone.
 * C code that calls the function itself is not seen.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "backend/setval_calls.h"
#include "backend/written.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_language_d.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

static planner_hook_type next_planner = NULL;
static object_access_hook_type next_object_access = NULL;
static needs_fmgr_hook_type next_needs_fmgr = NULL;

static bool
is_setval(Oid function)
{
	return function == F_SETVAL_REGCLASS_INT8 || function == F_SETVAL_REGCLASS_INT8_BOOL;
}

/* Invalid: the extension is not there. */
static Oid
ours(Oid function)
{
	static const Oid types[] = {REGCLASSOID, INT8OID, BOOLOID};
	Oid			schema = get_namespace_oid("mtm", true);
	int			count = function == F_SETVAL_REGCLASS_INT8 ? 2 : 3;

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("setval"),
						   PointerGetDatum(buildoidvector(types, count)),
						   ObjectIdGetDatum(schema));
}

static bool
replace_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, replace_calls, context, 0);
	if (IsA(node, FuncExpr) && is_setval(((FuncExpr *) node)->funcid))
	{
		Oid			function = ours(((FuncExpr *) node)->funcid);

		if (OidIsValid(function))
			((FuncExpr *) node)->funcid = function;
	}
	return expression_tree_walker(node, replace_calls, context);
}

/* The planner may change what it is given, and so may we. */
static PlannedStmt *
on_plan(Query *query, const char *query_string, int options, ParamListInfo params)
{
	(void) replace_calls((Node *) query, NULL);
	if (next_planner)
		return next_planner(query, query_string, options, params);
	return standard_planner(query, query_string, options, params);
}

static bool
names_setval(HeapTuple function, AttrNumber attribute, const char *const *names, int count)
{
	bool		isnull;
	Datum		body = SysCacheGetAttr(PROCOID, function, attribute, &isnull);
	char	   *source = isnull ? NULL : TextDatumGetCString(body);

	for (int i = 0; source && i < count; i++)
	{
		if (strcasestr(source, names[i]))
			return true;
	}
	return false;
}

/* A function that is hooked is not taken apart by the planner. */
static bool
may_call_setval(Oid id)
{
	static const char *const in_text[] = {"setval"};
	static const char *const in_tree[] = {":funcid 1576 ", ":funcid 1765 "};
	HeapTuple	function = SearchSysCache1(PROCOID, ObjectIdGetDatum(id));
	bool		may = false;

	if (!HeapTupleIsValid(function))
		return false;
	if (((Form_pg_proc) GETSTRUCT(function))->prolang == SQLlanguageId)
		may = names_setval(function, Anum_pg_proc_prosrc, in_text, lengthof(in_text)) ||
			names_setval(function, Anum_pg_proc_prosqlbody, in_tree, lengthof(in_tree));
	ReleaseSysCache(function);
	return may;
}

static bool
needs_fmgr(Oid function)
{
	return (next_needs_fmgr && next_needs_fmgr(function)) || may_call_setval(function);
}

static void
on_object_access(ObjectAccessType access, Oid class, Oid id, int sub_id, void *arg)
{
	if (next_object_access)
		next_object_access(access, class, id, sub_id, arg);
	if (access == OAT_FUNCTION_EXECUTE && is_setval(id) && !MtmProcessExempt() &&
		OidIsValid(ours(id)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster does not support setval() in this place"),
				 errdetail("It would act on this node only."),
				 errhint("Call it in a query: SELECT setval(...).")));
}

bool
MtmIsSetval(uint32 hash_value)
{
	static const Oid functions[] = {F_SETVAL_REGCLASS_INT8, F_SETVAL_REGCLASS_INT8_BOOL};

	for (int i = 0; i < lengthof(functions); i++)
	{
		if (GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(ours(functions[i]))) == hash_value)
			return true;
	}
	return false;
}

void
MtmSetvalCallsInstallHooks(void)
{
	if (mtm_volkswagen_mode)
		return;
	next_planner = planner_hook;
	planner_hook = on_plan;
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
	next_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = needs_fmgr;
}
