/*
 * mtm.shell_query(): ask another node.
 *
 * Runs in: backends, within the status functions.
 * Path: mtm.collect_cluster_info() and the like -> here -> monitor/remote_query.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "monitor/remote_query.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mtm_shell_query);

Datum
mtm_shell_query(PG_FUNCTION_ARGS)
{
	StringInfoData json;
	int			node_id;
	int			timeout_ms;

	MtmShellRequireSuperuser();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of shell_query() must not be null")));
	node_id = PG_GETARG_INT32(0);
	timeout_ms = PG_GETARG_INT32(2);
	if (node_id < 1 || node_id > MtmNodeCount())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no node %d", node_id)));
	if (timeout_ms <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout must be positive")));
	initStringInfo(&json);
	MtmRemoteQuery(node_id, text_to_cstring(PG_GETARG_TEXT_PP(1)), timeout_ms, &json);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
