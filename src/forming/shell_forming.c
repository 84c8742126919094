/*
 * mtm.shell_form_*(): what mtm.init_cluster() does on the servers that are to become nodes.
 *
 * Runs in: the session of mtm.init_cluster(), and sessions of its own on all servers.
 * Path: ts-src/api/init_cluster.ts -> here -> the other files of this folder
 * Locks: those of backend/replica_identity.c and backend/sequences.c.
 */
#include "postgres.h"

#include "backend/replica_identity.h"
#include "backend/sequences.h"
#include "fmgr.h"
#include "forming/copy_database.h"
#include "forming/hold.h"
#include "forming/servers.h"
#include "miscadmin.h"
#include "node_list.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mtm_shell_form_conninfo);
PG_FUNCTION_INFO_V1(mtm_shell_form_open);
PG_FUNCTION_INFO_V1(mtm_shell_form_run);
PG_FUNCTION_INFO_V1(mtm_shell_form_reach);
PG_FUNCTION_INFO_V1(mtm_shell_form_room);
PG_FUNCTION_INFO_V1(mtm_shell_form_hold);
PG_FUNCTION_INFO_V1(mtm_shell_form_copy);
PG_FUNCTION_INFO_V1(mtm_shell_form_digest);
PG_FUNCTION_INFO_V1(mtm_shell_form_prepare);

static void
require_no_node(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to make a cluster")));
	if (MtmSharedReady())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this server is a node of a multimaster cluster already"),
				 errhint("\"multimaster join\" and mtm.add_node() add servers to it.")));
}

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static Datum
json_result(StringInfo json)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json->data));
}

Datum
mtm_shell_form_conninfo(PG_FUNCTION_ARGS)
{
	char	   *string = text_argument(fcinfo, 0);
	const char *problem;

	require_no_node();
	problem = MtmConnStringProblem(string);
	if (problem)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", problem)));
	PG_RETURN_TEXT_P(cstring_to_text(MtmConnStringMerge(string, text_argument(fcinfo, 1))));
}

Datum
mtm_shell_form_open(PG_FUNCTION_ARGS)
{
	require_no_node();
	MtmFormingOpen(PG_GETARG_INT32(0), text_argument(fcinfo, 1));
	PG_RETURN_VOID();
}

Datum
mtm_shell_form_run(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	require_no_node();
	initStringInfo(&json);
	MtmFormingRun(PG_GETARG_INT32(0), text_argument(fcinfo, 1), &json);
	return json_result(&json);
}

Datum
mtm_shell_form_reach(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	require_no_node();
	initStringInfo(&json);
	MtmFormingReach(text_argument(fcinfo, 0), text_argument(fcinfo, 1), &json);
	return json_result(&json);
}

Datum
mtm_shell_form_room(PG_FUNCTION_ARGS)
{
	int			nodes = PG_GETARG_INT32(0);

	require_no_node();
	if (nodes > mtm_max_nodes)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("multimaster.max_nodes is %d", mtm_max_nodes)));
	MtmSettingsCheckRoom(nodes);
	PG_RETURN_VOID();
}

Datum
mtm_shell_form_hold(PG_FUNCTION_ARGS)
{
	require_no_node();
	MtmFormingSet(PG_ARGISNULL(0) ? NULL : text_argument(fcinfo, 0));
	PG_RETURN_VOID();
}

Datum
mtm_shell_form_copy(PG_FUNCTION_ARGS)
{
	char	   *from_password;
	char	   *to_password;
	char	   *from = MtmConnStringSplit(text_argument(fcinfo, 0), &from_password);
	char	   *to = MtmConnStringSplit(text_argument(fcinfo, 1), &to_password);

	require_no_node();
	MtmCopyDatabase(from, from_password, to, to_password, text_argument(fcinfo, 2),
					text_argument(fcinfo, 3));
	PG_RETURN_VOID();
}

Datum
mtm_shell_form_digest(PG_FUNCTION_ARGS)
{
	char	   *password;
	char	   *conninfo = MtmConnStringSplit(text_argument(fcinfo, 0), &password);

	require_no_node();
	PG_RETURN_TEXT_P(cstring_to_text(MtmDatabaseDigest(conninfo, password)));
}

/*
 * As CREATE EXTENSION does on a node. Which node this will be only its next start knows, so
 * this session alone goes by what the settings will be.
 */
Datum
mtm_shell_form_prepare(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);

	require_no_node();
	if (MtmFounderCount() > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this session has prepared its database already")));
	MtmNodeListRead(text_argument(fcinfo, 1));
	PG_TRY();
	{
		mtm_node_id = node_id;
		MtmReplicaIdentityAll();
		MtmSequencesAll();
	}
	PG_FINALLY();
	{
		mtm_node_id = 0;
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}
