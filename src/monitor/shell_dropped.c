/*
 * mtm.shell_set_dropped(), mtm.shell_is_dropped(), mtm.shell_dropped_why(),
 * mtm.shell_forget_node(): nodes that left the cluster.
 *
 * Runs in: the monitor.
 * Path: mtm.monitor_step() -> here -> shmem/peers.c: links, streams, workers
 * Locks: none.
 */
#include "postgres.h"

#include "fmgr.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/processes.h"
#include "shmem/transactions.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mtm_shell_is_dropped);
PG_FUNCTION_INFO_V1(mtm_shell_dropped_why);
PG_FUNCTION_INFO_V1(mtm_shell_set_dropped);
PG_FUNCTION_INFO_V1(mtm_shell_forget_node);

Datum
mtm_shell_set_dropped(PG_FUNCTION_ARGS)
{
	MtmShellRequireMonitor();
	MtmDroppedSet(PG_GETARG_INT64(0));
	PG_RETURN_VOID();
}

Datum
mtm_shell_is_dropped(PG_FUNCTION_ARGS)
{
	MtmShellRequireMonitor();
	PG_RETURN_BOOL(MtmNodeDropped(mtm_node_id));
}

/* What a peer said of it; null: nothing. */
Datum
mtm_shell_dropped_why(PG_FUNCTION_ARGS)
{
	char	   *why;

	MtmShellRequireMonitor();
	why = MtmDroppedWhy();
	if (!why)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(why));
}

/* False while a process still works for it; all it was the coordinator of has ended. */
Datum
mtm_shell_forget_node(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);

	MtmShellRequireMonitor();
	for (int place = 0; place < MTM_PLACES; place++)
	{
		if (MtmProcessPid(node_id, place) != 0)
			PG_RETURN_BOOL(false);
	}
	MtmTransactionsForgetOrigin(node_id);
	PG_RETURN_BOOL(true);
}
