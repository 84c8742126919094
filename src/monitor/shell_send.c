/*
 * mtm.shell_send(): a control message to another node.
 *
 * Runs in: the monitor.
 * Path: mtm.monitor_step() -> here -> shmem/outbox.c -> link/
 */
#include "postgres.h"

#include "fmgr.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "shmem/outbox.h"
#include "utils/builtins.h"
#include "wire/link_message.h"

PG_FUNCTION_INFO_V1(mtm_shell_send);

Datum
mtm_shell_send(PG_FUNCTION_ARGS)
{
	int			node_id;
	char	   *body;

	MtmShellRequireMonitor();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of shell_send() must not be null")));
	node_id = PG_GETARG_INT32(0);
	body = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (node_id < 1 || node_id > MtmNodeCount() || node_id == mtm_node_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node %d is not a peer", node_id)));
	/* The kind before it and the zero after it belong to the message. */
	if (strlen(body) + 2 > MTM_MESSAGE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("message to node %d is too long: %zu bytes", node_id,
						strlen(body))));
	PG_RETURN_BOOL(MtmSendControl(node_id, body));
}
