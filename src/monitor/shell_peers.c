/*
 * mtm.shell_peers(): what this node's processes know of each peer.
 *
 * Runs in: any session.
 * Locks: MtmPeer.mutex; the slot's own.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "monitor/rows.h"
#include "monitor/shell_access.h"
#include "replication/slot.h"
#include "settings.h"
#include "shmem/peers.h"
#include "utils/pg_lsn.h"

PG_FUNCTION_INFO_V1(mtm_shell_peers);

/* The slot that a peer reads us from. */
static void
add_slot(MtmRow *row, int node_id)
{
	char		name[NAMEDATALEN];
	ReplicationSlot *slot;
	XLogRecPtr	confirmed;
	bool		active;

	snprintf(name, sizeof(name), "mtm_slot_%d", node_id);
	slot = SearchNamedReplicationSlot(name, true);
	if (!slot)
	{
		MtmRowAddBool(row, false);
		MtmRowAddNull(row);
		return;
	}
	SpinLockAcquire(&slot->mutex);
	active = slot->active_pid != 0;
	confirmed = slot->data.confirmed_flush;
	SpinLockRelease(&slot->mutex);
	MtmRowAddBool(row, active);
	if (XLogRecPtrIsInvalid(confirmed))
		MtmRowAddNull(row);
	else
		MtmRowAddInt64(row, (int64) (GetFlushRecPtr(NULL) - confirmed));
}

static void
add_peer(FunctionCallInfo fcinfo, int node_id)
{
	MtmPeer		peer = MtmPeerCopy(node_id);
	MtmRow		row;

	MtmRowBegin(&row);
	MtmRowAddInt32(&row, node_id);
	MtmRowAddBool(&row, peer.link_out);
	MtmRowAddBool(&row, peer.link_in);
	MtmRowAddPid(&row, MtmLinkSenderPid());
	MtmRowAddPid(&row, peer.link_receiver_pid);
	MtmRowAddBool(&row, peer.stream);
	MtmRowAddPid(&row, peer.receiver_pid);
	MtmRowAddTime(&row, peer.receiver_started);
	MtmRowAddPid(&row, peer.sender_pid);
	MtmRowAddTime(&row, peer.sender_started);
	MtmRowAddLsn(&row, peer.received_lsn);
	MtmRowAddLsn(&row, peer.confirmed_lsn);
	add_slot(&row, node_id);
	MtmRowAddInt64(&row, peer.messages_in);
	MtmRowAddInt64(&row, peer.messages_out);
	MtmRowPut(fcinfo, &row);
}

Datum
mtm_shell_peers(PG_FUNCTION_ARGS)
{
	MtmShellRequireConfigured();
	InitMaterializedSRF(fcinfo, 0);
	MtmForEachPeer(node_id)
		add_peer(fcinfo, node_id);
	return (Datum) 0;
}
