/*
 * pg_logical_emit_message(), as backend/replaced_calls.c has it called.
 *
 * Runs in: every process that runs queries of users.
 * Path: backend/replaced_calls.c -> here -> WAL
 * Locks: none.
 *
 * Messages whose prefix begins with "mtm:" tell other nodes what to run, with whatever role they
 * name. PostgreSQL lets everybody write messages, so that prefix is kept from all.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "wire/frame.h"

PG_FUNCTION_INFO_V1(mtm_logical_emit_message_text);
PG_FUNCTION_INFO_V1(mtm_logical_emit_message_bytea);

static void
check_call(FunctionCallInfo fcinfo, Oid replaced)
{
	char	   *prefix = text_to_cstring(PG_GETARG_TEXT_PP(1));
	AclResult	allowed = pg_proc_aclcheck(replaced, GetUserId(), ACL_EXECUTE);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FUNCTION, "pg_logical_emit_message");
	if (strncmp(prefix, MTM_MESSAGE_PREFIX, strlen(MTM_MESSAGE_PREFIX)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("message prefixes starting with \"%s\" are used by multimaster",
						MTM_MESSAGE_PREFIX)));
}

Datum
mtm_logical_emit_message_text(PG_FUNCTION_ARGS)
{
	check_call(fcinfo, F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_TEXT);
	return pg_logical_emit_message_text(fcinfo);
}

Datum
mtm_logical_emit_message_bytea(PG_FUNCTION_ARGS)
{
	check_call(fcinfo, F_PG_LOGICAL_EMIT_MESSAGE_BOOL_TEXT_BYTEA);
	return pg_logical_emit_message_bytea(fcinfo);
}
