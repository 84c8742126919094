/*
 * Calls of the functions in multimaster.remote_functions, which run on every node.
 *
 * Runs in: every process that runs queries of users.
 * Path: PostgreSQL's call of a function -> here -> backend/schema_change.c -> WAL (an S record)
 *       -> apply/schema_change.c, which calls it, too
 * Locks: none.
 *
 * The hook of PostgreSQL's function manager is told when such a function will be called, wherever
 * the call stands, but not its arguments. They come with the call itself: so the hook puts
 * intercept() in the place of the function, for this one call.
 *
 * What the function writes lies in the bracket of a statement of the schema, and is not sent. It
 * may leave nothing for the end of the transaction, when a peer's worker is a superuser again: it
 * is a security-restricted operation, as PostgreSQL has them for the same reason.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/remote_functions.h"
#include "backend/schema_change.h"
#include "backend/schema_change_content.h"
#include "backend/schema_change_frame.h"
#include "backend/written.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/fmgrtab.h"
#include "utils/lsyscache.h"

static needs_fmgr_hook_type next_needs_fmgr = NULL;
static fmgr_hook_type next_fmgr = NULL;
static object_access_hook_type next_object_access = NULL;

/* Between the hook and the call. */
static FmgrInfo *about_to_call = NULL;
static PGFunction its_code = NULL;

typedef struct RemoteCall
{
	PGFunction	code;
	FunctionCallInfo fcinfo;
	Datum		result;
} RemoteCall;

static void
refuse_single_rows(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	if (!fcinfo->flinfo->fn_retset || !rows || !IsA(rows, ReturnSetInfo) ||
		rows->returnMode != SFRM_ValuePerCall || rows->isDone != ExprMultipleResult)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("multimaster cannot call %s() on every node",
					get_func_name(fcinfo->flinfo->fn_oid)),
			 errdetail("It gives its rows one by one.")));
}

/* All rows at once, where the function can do both. */
static void
prefer_all_rows(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	if (fcinfo->flinfo->fn_retset && rows && IsA(rows, ReturnSetInfo) &&
		(rows->allowedModes & SFRM_Materialize))
		rows->allowedModes |= SFRM_Materialize_Preferred;
}

static void
call_here(void *arg)
{
	RemoteCall *call = arg;
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
	prefer_all_rows(call->fcinfo);
	call->result = call->code(call->fcinfo);
	refuse_single_rows(call->fcinfo);
	SetUserIdAndSecContext(user, context);
}

static Datum
call_everywhere(RemoteCall *call)
{
	const char *name = get_func_name(call->fcinfo->flinfo->fn_oid);

	PreventCommandIfParallelMode(name);
	PreventCommandIfReadOnly(name);
	MtmWrittenSchema();
	MtmSchemaChangeCall(MtmSchemaChangeContent((Node *) makeNode(SelectStmt),
											   MtmRemoteCallText(call->fcinfo), false, NIL),
						name, call_here, call);
	return call->result;
}

static Datum
intercept(PG_FUNCTION_ARGS)
{
	RemoteCall	call = {its_code, fcinfo, (Datum) 0};

	if (fcinfo->flinfo != about_to_call)
		elog(ERROR, "a call of function %u was not announced", fcinfo->flinfo->fn_oid);
	fcinfo->flinfo->fn_addr = its_code;
	about_to_call = NULL;
	if (MtmProcessExempt() || MtmSchemaFrameHidesRows())
		return call.code(fcinfo);
	return call_everywhere(&call);
}

static void
give_code_back(void)
{
	about_to_call->fn_addr = its_code;
	about_to_call = NULL;
}

static bool
needs_fmgr(Oid function)
{
	return (next_needs_fmgr && next_needs_fmgr(function)) || MtmIsRemoteFunction(function);
}

static void
on_fmgr(FmgrHookEventType event, FmgrInfo *function, Datum *private)
{
	if (event == FHET_ABORT && function == about_to_call)
		give_code_back();
	if (next_fmgr)
		next_fmgr(event, function, private);
	if (event == FHET_START && MtmIsRemoteFunction(function->fn_oid))
	{
		about_to_call = function;
		its_code = function->fn_addr;
		function->fn_addr = intercept;
	}
}

/* For those that it has built in PostgreSQL asks no hook. */
static void
on_object_access(ObjectAccessType access, Oid class, Oid id, int sub_id, void *arg)
{
	if (next_object_access)
		next_object_access(access, class, id, sub_id, arg);
	if (access != OAT_FUNCTION_EXECUTE || id > fmgr_last_builtin_oid ||
		fmgr_builtin_oid_index[id] == InvalidOidBuiltinMapping ||
		!MtmIsRemoteFunction(id) || MtmProcessExempt())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("multimaster cannot call %s() on every node", get_func_name(id)),
			 errdetail("It is built into PostgreSQL."),
			 errhint("Take it out of multimaster.remote_functions; a function that calls it may be there.")));
}

void
MtmRemoteCallsInstallHooks(void)
{
	next_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = needs_fmgr;
	next_fmgr = fmgr_hook;
	fmgr_hook = on_fmgr;
	next_object_access = object_access_hook;
	object_access_hook = on_object_access;
}
