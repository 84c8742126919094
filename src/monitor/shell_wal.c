/*
 * mtm.shell_mark(), mtm.mark_of(), mtm.slot_of(), mtm.wal_position(): this node's marks of
 * generations in its WAL, and other positions there.
 *
 * Runs in: the monitor writes one before it lets the node be online in a generation;
 *          sessions of peers ask where it is.
 * Path: mtm.monitor_step() -> here -> WAL -> sender/plugin.c
 * Locks: none.
 *
 * In this node's WAL all of older generations lies before the mark, and nothing of the
 * mark's generation does (docs/majority.md, 3.9).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "monitor/shell_access.h"
#include "replication/message.h"
#include "shmem/peers.h"
#include "shmem/recovery.h"
#include "utils/pg_lsn.h"
#include "wal/history.h"
#include "wire/frame.h"

PG_FUNCTION_INFO_V1(mtm_shell_mark);
PG_FUNCTION_INFO_V1(mtm_mark_of);
PG_FUNCTION_INFO_V1(mtm_slot_of);
PG_FUNCTION_INFO_V1(mtm_wal_position);

Datum
mtm_shell_mark(PG_FUNCTION_ARGS)
{
	uint64		generation = PG_GETARG_INT64(0);
	XLogRecPtr	end_lsn;

	MtmShellRequireMonitor();
	end_lsn = LogLogicalMessage(MTM_MESSAGE_MARK, (const char *) &generation,
								sizeof(generation), false);
	XLogFlush(end_lsn);
	MtmMarkSet(generation, end_lsn);
	MtmSendersWake();
	PG_RETURN_VOID();
}

Datum
mtm_mark_of(PG_FUNCTION_ARGS)
{
	XLogRecPtr	end_lsn;

	MtmShellRequireReplication();
	end_lsn = MtmMarkOf(PG_GETARG_INT64(0));
	if (XLogRecPtrIsInvalid(end_lsn))
		PG_RETURN_NULL();
	PG_RETURN_LSN(end_lsn);
}

/* The confirmed position of the slot that a peer reads this node from. */
Datum
mtm_slot_of(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);
	XLogRecPtr	confirmed;

	MtmShellRequireReplication();
	confirmed = MtmSlotConfirmed(node_id);
	if (XLogRecPtrIsInvalid(confirmed))
		PG_RETURN_NULL();
	PG_RETURN_LSN(confirmed);
}

/* How long this node's WAL is: a peer that recovers from it tells how far it is. */
Datum
mtm_wal_position(PG_FUNCTION_ARGS)
{
	MtmShellRequireReplication();
	PG_RETURN_LSN(GetFlushRecPtr(NULL));
}
