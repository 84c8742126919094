/*
 * One outgoing link; see connection.h.
 *
 * Runs in: the link sender.
 * Path: shmem/outbox.c -> here -> the peer's link/receiver.c
 * Locks: MtmPeer.mutex, for its own fields.
 *
 * At most one batch is in libpq's buffer: as long as the socket does not take it,
 * further messages stay in the outbox, which is bounded. A peer that takes nothing
 * for heartbeat_recv_timeout is given up.
 */
#include "postgres.h"

#include "common/string.h"
#include "link/connection.h"
#include "link/votes.h"
#include "port/pg_bswap.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/outbox.h"
#include "shmem/peers.h"
#include "shmem/transactions.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "wire/link_message.h"

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 2000
/* The same failure is logged once in this time. */
#define TELL_AGAIN_MS 60000

void
MtmLinkInit(MtmLink *link, int node_id)
{
	memset(link, 0, sizeof(MtmLink));
	link->node_id = node_id;
	link->state = MTM_LINK_IDLE;
	link->retry_after_ms = RETRY_MIN_MS;
	initStringInfo(&link->batch);
}

static void
set_link_out(MtmLink *link, bool up)
{
	MtmPeer    *peer = MtmPeerSlot(link->node_id);

	SpinLockAcquire(&peer->mutex);
	peer->link_out = up;
	if (up)
	{
		peer->link_out_epoch++;
		peer->gone = false;
	}
	SpinLockRelease(&peer->mutex);
	MtmMonitorWake();
}

void
MtmLinkClose(MtmLink *link)
{
	bool		was_streaming = link->state == MTM_LINK_STREAMING;

	MtmOutboxClose(link->node_id);
	if (link->conn)
		PQfinish(link->conn);
	link->conn = NULL;
	link->socket_serial++;
	link->state = MTM_LINK_IDLE;
	link->flushing = false;
	if (was_streaming)
		set_link_out(link, false);
}

static void
tell_failure(MtmLink *link, const char *what, int64 now_ms)
{
	if (link->told && strcmp(link->told, what) == 0 &&
		now_ms - link->told_at_ms < TELL_AGAIN_MS)
		return;
	if (link->told)
		pfree(link->told);
	link->told = MemoryContextStrdup(TopMemoryContext, what);
	link->told_at_ms = now_ms;
	ereport(LOG,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 link->state == MTM_LINK_STREAMING ?
			 errmsg("multimaster link to node %d is lost: %s", link->node_id, what) :
			 errmsg("multimaster link to node %d is not up: %s", link->node_id, what)));
}

static void
fail(MtmLink *link, const char *what, int64 now_ms)
{
	bool		was_up = link->state == MTM_LINK_STREAMING &&
		now_ms - link->streaming_since_ms > RETRY_MAX_MS;

	if (was_up)
		link->retry_after_ms = RETRY_MIN_MS;
	tell_failure(link, what, now_ms);
	MtmLinkClose(link);
	/* At once, to see whether its server still runs. */
	link->retry_at_ms = was_up ? now_ms : now_ms + link->retry_after_ms;
	link->retry_after_ms = Min(2 * link->retry_after_ms, RETRY_MAX_MS);
}

static void
fail_by_libpq(MtmLink *link, int64 now_ms)
{
	char	   *what = pchomp(PQerrorMessage(link->conn));

	fail(link, what[0] ? what : "the connection was closed", now_ms);
	pfree(what);
}

/* A link that came from there meanwhile, or came and went, is a server that runs. */
static void
set_gone(MtmLink *link)
{
	MtmPeer    *peer = MtmPeerSlot(link->node_id);
	bool		changed;

	SpinLockAcquire(&peer->mutex);
	changed = !peer->gone && !peer->link_in && peer->link_in_epoch == link->link_in_epoch;
	if (changed)
		peer->gone = true;
	SpinLockRelease(&peer->mutex);
	if (changed)
		MtmMonitorWake();
}

/*
 * Did every address refuse? libpq has no code for that, but its own text, which it takes
 * from the same place; lines with more about the same address are indented.
 */
static bool
nobody_listens(const char *what)
{
	const char *refused = strerror(ECONNREFUSED);
	bool		all = what[0] != '\0';

	while (all && *what)
	{
		size_t		length = strcspn(what, "\n");
		const char *found = strstr(what, refused);

		if (*what != '\t')
			all = found && found < what + length;
		what += length;
		what += *what ? 1 : 0;
	}
	return all;
}

/* Before it was reached: if its server does not run, nobody need wait for it. */
static void
fail_to_connect(MtmLink *link, int64 now_ms)
{
	if (nobody_listens(PQerrorMessage(link->conn)))
		set_gone(link);
	fail_by_libpq(link, now_ms);
}

static void
swallow_notice(void *arg, const char *message)
{
	ereport(DEBUG1, (errmsg_internal("node %d: %s", (int) (intptr_t) arg, message)));
}

static void
start_connecting(MtmLink *link, int64 now_ms)
{
	char		name[NAMEDATALEN];
	char		silence_ms[16];
	char		silence_s[16];
	/* What stands before dbname can be overridden in the conn string. */
	const char *keywords[] = {"keepalives", "keepalives_idle", "keepalives_interval",
	"keepalives_count", "tcp_user_timeout", "dbname", "application_name", NULL};
	const char *values[] = {"1", silence_s, "1", "3", silence_ms,
	MtmConnString(link->node_id), name, NULL};

	snprintf(name, sizeof(name), "multimaster link %d", mtm_node_id);
	snprintf(silence_ms, sizeof(silence_ms), "%d", mtm_heartbeat_recv_timeout);
	snprintf(silence_s, sizeof(silence_s), "%d", Max(1, mtm_heartbeat_recv_timeout / 1000));

	link->link_in_epoch = MtmPeerCopy(link->node_id).link_in_epoch;
	link->deadline_ms = now_ms + mtm_connect_timeout;
	link->conn = PQconnectStartParams(keywords, values, 1);
	link->socket_serial++;
	if (!link->conn)
		return fail(link, "out of memory", now_ms);
	link->state = MTM_LINK_CONNECTING;
	link->polling = PGRES_POLLING_WRITING;
	if (PQstatus(link->conn) == CONNECTION_BAD)
		return fail_to_connect(link, now_ms);
	PQsetNoticeProcessor(link->conn, swallow_notice, (void *) (intptr_t) link->node_id);
}

/* Flush what libpq holds; false after a failure. */
static bool
flush(MtmLink *link, int64 now_ms)
{
	int			left = PQflush(link->conn);

	if (left < 0)
	{
		fail_by_libpq(link, now_ms);
		return false;
	}
	if (left > 0 && !link->flushing)
		link->deadline_ms = now_ms + mtm_heartbeat_recv_timeout;
	link->flushing = left > 0;
	return true;
}

static void
ask_for_stream(MtmLink *link, int64 now_ms)
{
	char	   *cluster_name;
	char	   *query;

	link->state = MTM_LINK_STARTING;
	if (PQsetnonblocking(link->conn, 1) != 0)
		return fail_by_libpq(link, now_ms);
	cluster_name = PQescapeLiteral(link->conn, mtm_cluster_name,
								   strlen(mtm_cluster_name));
	if (!cluster_name)
		return fail_by_libpq(link, now_ms);
	query = psprintf("SELECT mtm.link_receiver(%d, %s, " UINT64_FORMAT ")",
					 mtm_node_id, cluster_name, MtmViewGet().incarnation);
	PQfreemem(cluster_name);
	if (!PQsendQuery(link->conn, query))
		fail_by_libpq(link, now_ms);
	else
		(void) flush(link, now_ms);
	pfree(query);
}

static void
go_on_connecting(MtmLink *link, int64 now_ms)
{
	link->polling = PQconnectPoll(link->conn);
	/* It may have closed a socket and opened another of the same number. */
	link->socket_serial++;
	if (link->polling == PGRES_POLLING_FAILED)
		fail_to_connect(link, now_ms);
	else if (link->polling == PGRES_POLLING_OK)
		ask_for_stream(link, now_ms);
}

static void
count_sent(MtmLink *link)
{
	MtmPeer    *peer = MtmPeerSlot(link->node_id);
	uint64		messages = 0;

	for (int at = 0; at < link->batch.len;)
	{
		uint32		length;

		memcpy(&length, link->batch.data + at, sizeof(length));
		at += sizeof(length) + pg_ntoh32(length);
		messages++;
	}
	SpinLockAcquire(&peer->mutex);
	peer->messages_out += messages;
	SpinLockRelease(&peer->mutex);
}

/* Write the batch in one go; false after a failure. */
static bool
write_batch(MtmLink *link, int64 now_ms)
{
	count_sent(link);
	if (PQputCopyData(link->conn, link->batch.data, link->batch.len) != 1)
	{
		fail_by_libpq(link, now_ms);
		return false;
	}
	link->last_sent_ms = now_ms;
	return flush(link, now_ms);
}

/* Answer all that the peer asked of us again: a vote may have been lost with the link. */
static void
repeat_votes(MtmLink *link)
{
	int			count;
	MtmTransaction *list = MtmTransactionList(&count);

	for (int i = 0; i < count; i++)
	{
		MtmTransaction *tx = &list[i];

		if (tx->key.origin != link->node_id)
			continue;
		for (int attempt = 0; attempt < 2; attempt++)
		{
			if (MtmVoteAgain(tx))
				break;
			/* The outbox is full, and we are the one who empties it. */
			(void) MtmOutboxTake(link->node_id, &link->batch);
		}
	}
	pfree(list);
}

static void
start_streaming(MtmLink *link, int64 now_ms)
{
	link->state = MTM_LINK_STREAMING;
	link->streaming_since_ms = now_ms;
	link->last_sent_ms = now_ms;
	if (link->told)
		pfree(link->told);
	link->told = NULL;
	ereport(LOG, (errmsg("multimaster link to node %d is up", link->node_id)));

	/*
	 * In this order: a vote that finds the outbox closed is in the list; one that
	 * comes after the list is in the outbox.
	 */
	resetStringInfo(&link->batch);
	MtmOutboxOpen(link->node_id);
	repeat_votes(link);
	if (link->batch.len > 0 && !write_batch(link, now_ms))
		return;
	set_link_out(link, true);
}

static void
go_on_starting(MtmLink *link, int64 now_ms)
{
	if (link->flushing && !flush(link, now_ms))
		return;
	if (!PQconsumeInput(link->conn))
		return fail_by_libpq(link, now_ms);
	while (!PQisBusy(link->conn))
	{
		PGresult   *result = PQgetResult(link->conn);
		ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
		const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		bool		dropped = sqlstate && strcmp(sqlstate, MTM_SQLSTATE_DROPPED) == 0;

		if (dropped)
			MtmDroppedTold(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
		PQclear(result);
		if (status == PGRES_COPY_IN)
			return start_streaming(link, now_ms);
		if (status == PGRES_TUPLES_OK)
			continue;
		fail_by_libpq(link, now_ms);
		if (dropped)
			link->retry_at_ms = now_ms + TELL_AGAIN_MS;
		return;
	}
}

static bool
take_batch(MtmLink *link, int64 now_ms)
{
	resetStringInfo(&link->batch);
	if (MtmOutboxTake(link->node_id, &link->batch))
		return true;
	if (now_ms - link->last_sent_ms < mtm_heartbeat_send_timeout)
		return false;
	/* A message of no length says that we are alive. */
	appendBinaryStringInfo(&link->batch, "\0\0\0\0", sizeof(uint32));
	return true;
}

static void
go_on_streaming(MtmLink *link, bool ready, int64 now_ms)
{
	/* The receiver says nothing: what can be read is the connection's end. */
	if (ready && !PQconsumeInput(link->conn))
		return fail_by_libpq(link, now_ms);
	if (link->flushing && ready && !flush(link, now_ms))
		return;
	if (link->flushing && now_ms >= link->deadline_ms)
		return fail(link, "it took no data for multimaster.heartbeat_recv_timeout", now_ms);
	if (!link->flushing && take_batch(link, now_ms))
		(void) write_batch(link, now_ms);
}

/* The list may have it again: look now and then. */
static void
leave(MtmLink *link, int64 now_ms)
{
	if (link->state != MTM_LINK_IDLE)
	{
		ereport(LOG, (errmsg("multimaster link to node %d is closed: node %d was dropped from the cluster",
							 link->node_id,
							 MtmNodeDropped(mtm_node_id) ? mtm_node_id : link->node_id)));
		MtmLinkClose(link);
	}
	link->retry_at_ms = now_ms + RETRY_MAX_MS;
}

void
MtmLinkStep(MtmLink *link, bool ready, int64 now_ms)
{
	if (MtmNodeDropped(link->node_id) || MtmNodeDropped(mtm_node_id))
		return leave(link, now_ms);
	if (link->state == MTM_LINK_IDLE && now_ms >= link->retry_at_ms)
		return start_connecting(link, now_ms);
	if (link->state == MTM_LINK_STREAMING)
		return go_on_streaming(link, ready, now_ms);
	if (ready && link->state == MTM_LINK_CONNECTING)
		go_on_connecting(link, now_ms);
	else if (ready && link->state == MTM_LINK_STARTING)
		go_on_starting(link, now_ms);
	if ((link->state == MTM_LINK_CONNECTING || link->state == MTM_LINK_STARTING) &&
		now_ms >= link->deadline_ms)
		fail(link, "no answer within multimaster.connect_timeout", now_ms);
}

uint32
MtmLinkEvents(const MtmLink *link)
{
	if (link->state == MTM_LINK_IDLE)
		return 0;
	if (link->state == MTM_LINK_CONNECTING)
		return link->polling == PGRES_POLLING_READING ? WL_SOCKET_READABLE :
			WL_SOCKET_WRITEABLE;
	return WL_SOCKET_READABLE | (link->flushing ? WL_SOCKET_WRITEABLE : 0);
}

int64
MtmLinkNextTime(const MtmLink *link)
{
	if (link->state == MTM_LINK_IDLE)
		return link->retry_at_ms;
	if (link->state == MTM_LINK_STREAMING && !link->flushing)
		return link->last_sent_ms + mtm_heartbeat_send_timeout;
	return link->deadline_ms;
}
