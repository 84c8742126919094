/*
 * mtm.shell_measure(), mtm.shell_confirm(): how far this node and its reading of others
 * are, and how far a slot may be confirmed (docs/majority.md, 3.1 to 3.3).
 *
 * Runs in: the monitor.
 * Path: shmem/peers.c -> here -> mtm.monitor_step() -> here -> receiver/receiver.c
 * Locks: MtmPeer.mutex.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/transactions.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mtm_shell_measure);
PG_FUNCTION_INFO_V1(mtm_shell_confirm);

Datum
mtm_shell_measure(PG_FUNCTION_ARGS)
{
	StringInfoData json;
	XLogRecPtr	insert;
	bool		first = true;

	MtmShellRequireMonitor();
	initStringInfo(&json);
	/* Its own position first: what it has of others by then lies before theirs. */
	insert = GetXLogInsertRecPtr();
	/* What a ballot ended has no position of its own, until its lane has passed it. */
	if (MtmTransactionEndedByBallot())
		insert = InvalidXLogRecPtr;
	appendStringInfo(&json, "{\"insert\":\"" UINT64_FORMAT "\",\"peers\":{", insert);
	MtmForEachPeer(node_id)
	{
		MtmPeer		peer = MtmPeerCopy(node_id);

		appendStringInfo(&json, "%s\"%d\":{\"received\":\"" UINT64_FORMAT
						 "\",\"done\":\"" UINT64_FORMAT "\"}", first ? "" : ",",
						 node_id, peer.received_lsn, peer.done_lsn);
		first = false;
	}
	appendStringInfoString(&json, "}}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

Datum
mtm_shell_confirm(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);
	char	   *number = text_to_cstring(PG_GETARG_TEXT_PP(1));
	XLogRecPtr	position;
	char	   *end;
	MtmPeer    *peer;

	MtmShellRequireMonitor();
	position = strtou64(number, &end, 10);
	if (*end != '\0' || node_id < 1 || node_id > MtmNodeCount() || node_id == mtm_node_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a position of a peer's WAL", number)));
	peer = MtmPeerSlot(node_id);
	SpinLockAcquire(&peer->mutex);
	peer->horizon_lsn = Max(peer->horizon_lsn, position);
	SpinLockRelease(&peer->mutex);
	PG_RETURN_VOID();
}
