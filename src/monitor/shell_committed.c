/*
 * mtm.shell_remembered(), mtm.committed_here(): which of these transactions does this
 * node's WAL have as committed (docs/majority.md, part 2 and 3.6)?
 *
 * Runs in: the monitor; sessions that ask for one transaction; sessions of peers.
 * Path: mtm.monitor_step(), mtm.transaction_here(), a peer's recovery -> here -> wal/history.c
 * Locks: none.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "monitor/rows.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "shmem/view.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "wal/history.h"

PG_FUNCTION_INFO_V1(mtm_shell_remembered);
PG_FUNCTION_INFO_V1(mtm_committed_here);

/* Of `gids` those that were committed at or after `from`, as rows. */
static void
put_committed(FunctionCallInfo fcinfo, ArrayType *gids, XLogRecPtr from)
{
	HTAB	   *history = MtmWalHistory(from);
	Datum	   *values;
	bool	   *nulls;
	int			count;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	deconstruct_array(gids, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *name = nulls[i] ? NULL : TextDatumGetCString(values[i]);
		MtmGid		gid;
		MtmIdentity identity;
		MtmRow		row;

		if (!name || !MtmGidParse(name, &gid))
			continue;
		identity = MtmIdentityOfGid(&gid);
		if (!MtmWalFind(history, &identity).committed)
			continue;
		MtmRowBegin(&row);
		MtmRowAddText(&row, name);
		MtmRowPut(fcinfo, &row);
	}
}

/* What of these nodes has read the least of this node's WAL. */
static XLogRecPtr
earliest_confirmed(MtmNodeSet nodes)
{
	XLogRecPtr	earliest = InvalidXLogRecPtr;

	MtmForEachPeer(node_id)
	{
		XLogRecPtr	confirmed = MtmSlotConfirmed(node_id);

		if (!MTM_IN_SET(nodes, node_id) || XLogRecPtrIsInvalid(confirmed))
			continue;
		if (XLogRecPtrIsInvalid(earliest) || confirmed < earliest)
			earliest = confirmed;
	}
	return earliest;
}

Datum
mtm_shell_remembered(PG_FUNCTION_ARGS)
{
	XLogRecPtr	from;

	MtmShellRequireSuperuser();
	from = earliest_confirmed(PG_GETARG_INT64(1));
	/* Nobody of them ever read from here: so nobody has anything of ours prepared. */
	if (XLogRecPtrIsInvalid(from))
		InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	else
		put_committed(fcinfo, PG_GETARG_ARRAYTYPE_P(0), from);
	return (Datum) 0;
}

Datum
mtm_committed_here(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);
	XLogRecPtr	from;
	MtmViewData view;

	MtmShellRequireReplication();
	from = node_id < 1 || node_id > MtmNodeCount() ? InvalidXLogRecPtr :
		MtmSlotConfirmed(node_id);
	if (XLogRecPtrIsInvalid(from))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("node %d keeps no replication slot for node %d", mtm_node_id,
						node_id),
				 errhint("Node %d must be rebuilt from another one.", node_id)));
	/* Only a node that is online has ended all that is older (I7). */
	view = MtmViewGet();
	if (view.status != MTM_ONLINE || view.generation <= (uint64) PG_GETARG_INT64(1))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node %d is not online in a newer generation than " INT64_FORMAT,
						mtm_node_id, PG_GETARG_INT64(1))));
	put_committed(fcinfo, PG_GETARG_ARRAYTYPE_P(2), from);
	return (Datum) 0;
}
