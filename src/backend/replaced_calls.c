/*
 * Calls of some functions of PostgreSQL become calls of multimaster's own: setval() and those for
 * advisory locks, which shall reach all nodes, and pg_logical_emit_message(), which shall not
 * write what the other nodes take for multimaster's.
 *
 * Runs in: every process that plans or runs queries.
 * Path: the planner -> here -> backend/sequence_moves.c, backend/advisory_calls.c,
 *       backend/logical_messages.c, when the call is executed
 * Locks: none.
 *
 * These functions pass no hook while they run. But a query is given to the planner's
 * hook with all views, rules and defaults in it, and there the function of a call can be
 * another one, of the same arguments. What the planner itself brings in later, the bodies of
 * SQL functions, must not be brought in: such a function is called, and its body is planned
 * by itself. A call that comes about in another way (an argument of CALL, a CHECK) is seen
 * when its expression is made ready, and refused.
 * C code that calls the function itself is not seen.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "backend/advisory_locks.h"
#include "backend/replaced_calls.h"
#include "backend/written.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_language_d.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
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

typedef enum Purpose
{
	SETS_SEQUENCE,
	LOCKS,						/* whether here or everywhere, the call itself looks */
	WRITES_MESSAGE
} Purpose;

typedef struct Replaced
{
	Purpose		purpose;
	Oid			function;
	const char *name;			/* of ours, too */
	Oid			types[3];
	int			count;
	const char *why;			/* it is refused elsewhere */
} Replaced;

#define HERE_ONLY "It would act on this node only."

/* Of one bigint, or of two integers. */
#define ADVISORY(function, name) \
	{LOCKS, F_##function##_INT8, name, {INT8OID}, 1, HERE_ONLY}, \
	{LOCKS, F_##function##_INT4_INT4, name, {INT4OID, INT4OID}, 2, HERE_ONLY}

static const Replaced all_replaced[] = {
	{SETS_SEQUENCE, F_SETVAL_REGCLASS_INT8, "setval", {REGCLASSOID, INT8OID}, 2, HERE_ONLY},
	{SETS_SEQUENCE, F_SETVAL_REGCLASS_INT8_BOOL, "setval", {REGCLASSOID, INT8OID, BOOLOID}, 3,
	HERE_ONLY},
	{WRITES_MESSAGE, F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT, "pg_logical_emit_message",
		{BOOLOID, TEXTOID, TEXTOID}, 3, "Its prefix must be looked at."},
	{WRITES_MESSAGE, F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA, "pg_logical_emit_message",
		{BOOLOID, TEXTOID, BYTEAOID}, 3, "Its prefix must be looked at."},
	ADVISORY(PG_ADVISORY_LOCK, "pg_advisory_lock"),
	ADVISORY(PG_ADVISORY_LOCK_SHARED, "pg_advisory_lock_shared"),
	ADVISORY(PG_ADVISORY_XACT_LOCK, "pg_advisory_xact_lock"),
	ADVISORY(PG_ADVISORY_XACT_LOCK_SHARED, "pg_advisory_xact_lock_shared"),
	ADVISORY(PG_TRY_ADVISORY_LOCK, "pg_try_advisory_lock"),
	ADVISORY(PG_TRY_ADVISORY_LOCK_SHARED, "pg_try_advisory_lock_shared"),
	ADVISORY(PG_TRY_ADVISORY_XACT_LOCK, "pg_try_advisory_xact_lock"),
	ADVISORY(PG_TRY_ADVISORY_XACT_LOCK_SHARED, "pg_try_advisory_xact_lock_shared"),
	ADVISORY(PG_ADVISORY_UNLOCK, "pg_advisory_unlock"),
	ADVISORY(PG_ADVISORY_UNLOCK_SHARED, "pg_advisory_unlock_shared"),
	{LOCKS, F_PG_ADVISORY_UNLOCK_ALL, "pg_advisory_unlock_all", {0}, 0, HERE_ONLY},
};

static const Replaced *
find(Oid function)
{
	for (int i = 0; i < lengthof(all_replaced); i++)
	{
		const Replaced *replaced = &all_replaced[i];

		if (replaced->function == function)
			return mtm_volkswagen_mode && replaced->purpose != WRITES_MESSAGE ? NULL : replaced;
	}
	return NULL;
}

/*
 * Invalid: the extension is not there. Elsewhere anybody may have a schema of that name, and
 * what is in it must not run in place of PostgreSQL's.
 */
static Oid
ours(const Replaced *replaced)
{
	Oid			schema = MtmInReplicatedDatabase() ? get_namespace_oid("mtm", true) : InvalidOid;
	Oid			function;

	if (!OidIsValid(schema))
		return InvalidOid;
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum(replaced->name),
							   PointerGetDatum(buildoidvector(replaced->types, replaced->count)),
							   ObjectIdGetDatum(schema));
	if (!OidIsValid(function) ||
		getExtensionOfObject(ProcedureRelationId, function) !=
		get_extension_oid("multimaster", true))
		return InvalidOid;
	return function;
}

static bool
replace_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, replace_calls, context, 0);
	if (IsA(node, FuncExpr))
	{
		const Replaced *replaced = find(((FuncExpr *) node)->funcid);
		Oid			function = replaced ? ours(replaced) : InvalidOid;

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
names_one(HeapTuple function, AttrNumber attribute, const char *const *names, int count)
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

/* In the text of a function's body, or in the tree that stands for it. */
static bool
body_may_call_one(HeapTuple function)
{
	static const char *const in_text[] = {"setval", "pg_logical_emit_message", "advisory_"};
	char		numbers[lengthof(all_replaced)][24];
	const char *in_tree[lengthof(all_replaced)];

	if (names_one(function, Anum_pg_proc_prosrc, in_text, lengthof(in_text)))
		return true;
	for (int i = 0; i < lengthof(all_replaced); i++)
	{
		snprintf(numbers[i], sizeof(numbers[i]), ":funcid %u ", all_replaced[i].function);
		in_tree[i] = numbers[i];
	}
	return names_one(function, Anum_pg_proc_prosqlbody, in_tree, lengthof(in_tree));
}

/* A function that is hooked is not taken apart by the planner. */
static bool
may_call_one(Oid id)
{
	HeapTuple	function = SearchSysCache1(PROCOID, ObjectIdGetDatum(id));
	bool		may = false;

	if (!HeapTupleIsValid(function))
		return false;
	if (((Form_pg_proc) GETSTRUCT(function))->prolang == SQLlanguageId)
		may = body_may_call_one(function);
	ReleaseSysCache(function);
	return may;
}

static bool
needs_fmgr(Oid function)
{
	return (next_needs_fmgr && next_needs_fmgr(function)) || may_call_one(function);
}

static void
refuse_elsewhere(Oid function)
{
	const Replaced *replaced = find(function);

	if (!replaced || !MtmInReplicatedDatabase())
		return;
	/* Messages are decoded for other nodes even where the extension was dropped. */
	if (replaced->purpose != WRITES_MESSAGE &&
		(MtmProcessExempt() || !OidIsValid(ours(replaced))))
		return;
	if (replaced->purpose == LOCKS && !MtmAdvisoryOfCluster())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("multimaster does not support %s() in this place", replaced->name),
			 errdetail("%s", replaced->why),
			 errhint("Call it in a query: SELECT %s(...).", replaced->name)));
}

static void
on_object_access(ObjectAccessType access, Oid class, Oid id, int sub_id, void *arg)
{
	if (next_object_access)
		next_object_access(access, class, id, sub_id, arg);
	if (access == OAT_FUNCTION_EXECUTE)
		refuse_elsewhere(id);
}

bool
MtmIsReplacement(uint32 hash_value)
{
	for (int i = 0; i < lengthof(all_replaced); i++)
	{
		Oid			function = ours(&all_replaced[i]);

		if (GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function)) == hash_value)
			return true;
	}
	return false;
}

void
MtmReplacedCallsInstallHooks(void)
{
	next_planner = planner_hook;
	planner_hook = on_plan;
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
	next_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = needs_fmgr;
}
