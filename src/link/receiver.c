/*
 * The link receiver: reads the messages of one other node and gives each to whom
 * it concerns.
 *
 * Runs in: a backend that a peer's link sender connected to, in the SQL function
 *          mtm.link_receiver(), which never returns.
 * Path: the peer's link/sender.c -> here -> shmem/commits.c (votes, wounds),
 *       shmem/lanes.c (undo), shmem/shown.c (what is shown), shmem/events.c (control plane)
 * Locks: MtmPeer.mutex.
 *
 * The function first ends the transaction that called it: a session that lives as
 * long as the server must hold neither a snapshot, which would keep vacuum from
 * removing rows, nor a virtual transaction, which others may wait for. The socket
 * is read without blocking and protocol messages are put together here, so that a
 * peer that stops in the middle of one is noticed as well.
 */
#include "postgres.h"

#include "access/xact.h"
#include "background.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/libpq.h"
#include "libpq/pqformat.h"
#include "link/takeover.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "port/pg_bswap.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/lanes.h"
#include "shmem/peers.h"
#include "shmem/shown.h"
#include "shmem/view.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"
#include "utils/timeout.h"
#include "wire/link_message.h"

#define READ_SIZE (64 * 1024)
/* A peer's batch is at most what its outbox holds while it is taken. */
#define PROTOCOL_MESSAGE_MAX (16 * 1024 * 1024)

PG_FUNCTION_INFO_V1(mtm_link_receiver);

static int	peer_id;
static StringInfoData input;

static void
malformed(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("malformed data on the multimaster link from node %d: %s",
					peer_id, what)));
}

static void
ask_to_undo(const MtmLinkMessage *message)
{
	MtmLaneItem item;

	memset(&item, 0, sizeof(item));
	item.action = MTM_LANE_UNDO;
	item.key.origin = peer_id;
	item.key.xid = message->xid;
	strlcpy(item.gid, message->gid, MTM_GID_SIZE);
	item.generation = message->generation;
	item.end_lsn = message->lsn;
	item.time = GetCurrentTimestamp();
	/* A full lane drops it: its coordinator asks again. */
	(void) MtmLanePut(peer_id, MtmLaneOf(message->xid), &item, false);
}

static void
tell_shown(XLogRecPtr up_to)
{
	MtmShownAsked(peer_id, up_to);
	(void) MtmSendShown(peer_id, MtmShownHere(peer_id));
}

/* Only while online: else it may have acknowledged what it does not know yet. */
static void
tell_newest(uint64 number)
{
	MtmViewData view = MtmViewGet();

	if (view.status == MTM_ONLINE)
		(void) MtmSendNewest(peer_id, number, view.generation, MtmOutcomesNewest());
}

static void
tell_control_plane(const char *text)
{
	int			length = strlen(text);

	if (!pg_verifymbstr(text, length, true))
		malformed("text is not in this database's encoding");
	if (!MtmEventPut(MTM_EVENT_MESSAGE, peer_id, text, length))
		ereport(DEBUG1, (errmsg_internal("event queue is full, message dropped")));
}

static void
dispatch(StringInfo in)
{
	MtmLinkMessage message;

	MtmLinkMessageRead(in, &message);
	switch (message.kind)
	{
		case MTM_LINK_YES:
			(void) MtmCommitVoteYes(message.xid, message.generation, peer_id);
			break;
		case MTM_LINK_NO:
			message.refusal.node_id = peer_id;
			(void) MtmCommitVoteNo(message.xid, message.generation, &message.refusal);
			break;
		case MTM_LINK_UNDO:
			ask_to_undo(&message);
			break;
		case MTM_LINK_UNDONE:
			(void) MtmCommitUndone(message.xid, message.generation, peer_id);
			break;
		case MTM_LINK_ASK_SHOWN:
			tell_shown(message.lsn);
			break;
		case MTM_LINK_SHOWN:
			MtmShownTold(peer_id, message.lsn);
			break;
		case MTM_LINK_ASK_NEWEST:
			tell_newest(message.number);
			break;
		case MTM_LINK_NEWEST:
			MtmNewestTold(peer_id, message.number, message.generation, message.lsn);
			break;
		case MTM_LINK_WOUND:
			message.refusal.node_id = peer_id;
			MtmCommitWound(message.xid, message.generation, &message.refusal);
			break;
		case MTM_LINK_CONTROL:
			tell_control_plane(message.text);
			break;
	}
}

/* A batch of [uint32 length][message]; returns how many. */
static int
dispatch_batch(char *data, int size)
{
	int			count = 0;

	for (int at = 0; at < size; count++)
	{
		uint32		length;
		StringInfoData message;

		if (size - at < sizeof(length))
			malformed("a length is cut off");
		memcpy(&length, data + at, sizeof(length));
		length = pg_ntoh32(length);
		at += sizeof(length);
		if (length > size - at)
			malformed("a message is cut off");
		/* None of length 0: the peer only says that it is alive. */
		if (length > 0)
		{
			message.data = data + at;
			message.len = message.maxlen = length;
			message.cursor = 0;
			dispatch(&message);
		}
		at += length;
	}
	return count;
}

/* One message of the frontend protocol. False: the peer ends the link. */
static bool
take_protocol_message(char type, char *data, int size, int *count)
{
	switch (type)
	{
		case 'd':
			*count += dispatch_batch(data, size);
			return true;
		case 'H':
		case 'S':
			return true;		/* libpq may send these without knowing better */
		case 'c':
		case 'f':
		case 'X':
			return false;
		default:
			malformed("unexpected protocol message");
			return false;
	}
}

/* Take every whole protocol message out of the input. */
static bool
take_input(int *count)
{
	bool		alive = true;
	int			at = 0;

	while (alive && input.len - at >= 5)
	{
		uint32		length;

		memcpy(&length, input.data + at + 1, sizeof(length));
		length = pg_ntoh32(length);
		if (length < 4 || length > PROTOCOL_MESSAGE_MAX)
			malformed("impossible length");
		if (input.len - at < 1 + length)
			break;
		alive = take_protocol_message(input.data[at], input.data + at + 5, length - 4,
									  count);
		at += 1 + length;
	}
	memmove(input.data, input.data + at, input.len - at);
	input.len -= at;
	return alive;
}

/* What can be read now: bytes, 0 for nothing, -1 for the end of the connection. */
static int
read_some(void)
{
	int			got;

	enlargeStringInfo(&input, READ_SIZE);
	errno = 0;
	MyProcPort->noblock = true;
	got = secure_read(MyProcPort, input.data + input.len, READ_SIZE);
	MyProcPort->noblock = false;
	if (got > 0)
	{
		input.len += got;
		return got;
	}
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	return -1;
}

static void
count_heard(int count)
{
	MtmPeer    *peer = MtmPeerSlot(peer_id);

	SpinLockAcquire(&peer->mutex);
	peer->last_heard = GetCurrentTimestamp();
	peer->messages_in += count;
	SpinLockRelease(&peer->mutex);
}

/* Read and dispatch all there is; *heard: was there anything? */
static bool
serve_socket(bool *heard)
{
	bool		alive = true;
	int			count = 0;
	int			got;

	*heard = false;
	do
	{
		got = read_some();
		if (got > 0)
		{
			*heard = true;
			alive = take_input(&count);
		}
		/* Less than asked for: the socket is empty; a TLS layer may hold more. */
	} while (alive && (got == READ_SIZE || (got > 0 && MyProcPort->ssl_in_use)));
	if (*heard)
		count_heard(count);
	return alive && got >= 0;
}

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	MtmReloadIfAsked();
}

static void
wait_for_input(long timeout_ms)
{
	WaitEvent	event;

	ModifyWaitEvent(FeBeWaitSet, FeBeWaitSetSocketPos, WL_SOCKET_READABLE, NULL);
	if (WaitEventSetWait(FeBeWaitSet, timeout_ms, &event, 1, PG_WAIT_EXTENSION) == 0)
		return;
	if (event.events & WL_POSTMASTER_DEATH)
		proc_exit(1);
	if (event.events & WL_LATCH_SET)
		ResetLatch(MyLatch);
}

/* Until the link ends; returns why, in words for the log. */
static const char *
receive(void)
{
	int64		heard_ms = MtmNowMs();

	for (;;)
	{
		bool		heard;

		serve_interrupts();
		if (!MtmLinkIsMine(peer_id))
			return "a newer connection took its place";
		if (MtmNodeDropped(peer_id))
			return "the node was dropped from the cluster";
		/* Read before the time is looked at: we ourselves may have been stopped. */
		if (!serve_socket(&heard))
			return "it was closed by the peer";
		if (heard)
			heard_ms = MtmNowMs();
		else if (MtmNowMs() - heard_ms >= mtm_heartbeat_recv_timeout)
			return "nothing was heard for multimaster.heartbeat_recv_timeout";
		wait_for_input(Max(0, heard_ms + mtm_heartbeat_recv_timeout - MtmNowMs()));
	}
}

static void
check_caller(void)
{
	if (!MtmSharedReady())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("multimaster is not configured on this server"),
				 errhint("It must be in shared_preload_libraries, with "
						 "multimaster.node_id and multimaster.conn_strings set.")));
	if (!superuser() && !has_rolreplication(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser or replication role to open a multimaster "
						"link")));
	if (whereToSendOutput != DestRemote || !MyProcPort)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a multimaster link can only be opened by a client")));
}

/* As the list says; NULL: it does not. */
static char *
why_dropped(int node_id)
{
	char	   *why = NULL;

	SPI_connect();
	if (SPI_execute(psprintf("SELECT reason FROM mtm.cluster_nodes WHERE id = %d", node_id),
					true, 1) == SPI_OK_SELECT && SPI_processed == 1)
		why = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (why)
	{
		char	   *copy = SPI_palloc(strlen(why) + 1);

		strcpy(copy, why);
		why = copy;
	}
	SPI_finish();
	return why;
}

static void
check_peer(int node_id, const char *cluster_name)
{
	if (node_id < 1 || node_id > MtmNodeCount() || node_id == mtm_node_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node %d does not know a node %d beside itself", mtm_node_id, node_id),
				 errhint("multimaster.conn_strings must name the same nodes everywhere; "
						 "others are added by mtm.add_node().")));
	if (MtmNodeDropped(node_id))
		MtmRefuseDropped(node_id, why_dropped(node_id));
	if (strcmp(cluster_name, mtm_cluster_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("node %d belongs to cluster \"%s\", node %d to cluster \"%s\"",
						node_id, cluster_name, mtm_node_id, mtm_cluster_name),
				 errhint("multimaster.cluster_name must be the same on all nodes.")));
}

/* From here on there is no transaction, and an error ends the session. */
static void
leave_transaction(void)
{
	disable_all_timeouts(false);
	AbortOutOfAnyTransaction();
	ExitOnAnyError = true;
	MemoryContextSwitchTo(TopMemoryContext);
}

/*
 * End the query's (empty) result first: a client library takes COPY for the start
 * of another result.
 */
static void
start_copy(void)
{
	StringInfoData out;

	pq_beginmessage(&out, 'C');
	pq_sendstring(&out, "SELECT 0");
	pq_endmessage(&out);
	pq_beginmessage(&out, 'G');
	pq_sendbyte(&out, 1);		/* binary */
	pq_sendint16(&out, 0);		/* no columns */
	pq_endmessage(&out);
	pq_flush();
}

Datum
mtm_link_receiver(PG_FUNCTION_ARGS)
{
	int			node_id;
	int64		incarnation;
	char		title[64];
	const char *end;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of link_receiver() must not be null")));
	node_id = PG_GETARG_INT32(0);
	incarnation = PG_GETARG_INT64(2);
	check_caller();
	check_peer(node_id, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	/* Not before the peer's rights and name were checked: these end the session. */
	peer_id = node_id;
	leave_transaction();
	initStringInfo(&input);
	snprintf(title, sizeof(title), "multimaster link from node %d", node_id);
	set_ps_display(title);
	start_copy();
	MtmLinkTake(peer_id);
	ereport(LOG,
			(errmsg("%s (incarnation " INT64_FORMAT ") is up", title, incarnation),
			 errhidestmt(true)));

	end = receive();
	ereport(LOG,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("%s ended: %s", title, end),
			 errhidestmt(true)));
	proc_exit(0);
}
