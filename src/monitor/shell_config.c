/*
 * mtm.shell_config(): what the control plane must know of the settings.
 *
 * Runs in: the monitor; any session.
 */
#include "postgres.h"

#include "backend/sequence_share.h"
#include "fmgr.h"
#include "joining/arrival.h"
#include "joining/copy.h"
#include "lib/stringinfo.h"
#include "monitor/shell_access.h"
#include "node_list.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mtm_shell_config);

static void
append_nodes(StringInfo json)
{
	appendStringInfoString(json, "\"nodes\":[");
	for (int node_id = 1; node_id <= MtmNodeCount(); node_id++)
	{
		appendStringInfo(json, "%s{\"id\":%d,\"conninfo\":", node_id > 1 ? "," : "",
						 node_id);
		escape_json(json, MtmConnStringPublic(node_id));
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

Datum
mtm_shell_config(PG_FUNCTION_ARGS)
{
	StringInfoData json;

	MtmShellRequireConfigured();
	initStringInfo(&json);
	appendStringInfo(&json, "{\"node_id\":%d,", mtm_node_id);
	append_nodes(&json);
	/* What else it is: a new node's own question. */
	appendStringInfo(&json, ",\"founders\":%d,\"founder_modulus\":%d,\"source\":%d"
					 ",\"waits_to_join\":%s", MtmFounderCount(),
					 MtmSequenceFounderModulus(), MtmCopyRead().source,
					 MtmArrivalPending() ? "true" : "false");
	appendStringInfoString(&json, ",\"cluster_name\":");
	escape_json(&json, mtm_cluster_name);
	appendStringInfo(&json, ",\"heartbeat_send_ms\":%d,\"heartbeat_recv_ms\":%d"
					 ",\"connect_ms\":%d,\"major_node\":%s,\"referee\":%s,\"min_recovery_lag_kb\":%d"
					 ",\"version\":\"" MTM_VERSION "\"}",
					 mtm_heartbeat_send_timeout, mtm_heartbeat_recv_timeout,
					 mtm_connect_timeout, mtm_major_node ? "true" : "false",
					 MtmHasReferee() ? "true" : "false",
					 mtm_min_recovery_lag);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
