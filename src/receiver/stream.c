/*
 * The connection to a peer's walsender.
 *
 * Runs in: the receiver of that peer, the recovery process.
 * Path: sender/plugin.c ~~ libpq ~~> here -> receiver/receiver.c, recovery/
 * Locks: none.
 *
 * The streaming replication protocol's COPY-both messages are read here and
 * nothing else is known of their content. The connection string is the peer's
 * own, so TLS, passwords and hosts are libpq's business.
 */
#include "postgres.h"

#include "libpq-fe.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "receiver/stream.h"
#include "settings.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "wire/connection.h"
#include "wire/frame.h"

static PGconn *conn = NULL;
static WaitEventSet *waits = NULL;	/* made once: a wait per message is the rule */
static char *received = NULL;	/* the last CopyData, libpq's memory */

static void
lost(const char *what)
{
	char	   *message = pchomp(PQerrorMessage(conn));

	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("%s: %s", what, message)));
}

static PGresult *
run(const char *command)
{
	PGresult   *result = MtmConnectionExecute(conn, command);

	if (!result)
		lost("could not run a replication command");
	return result;
}

static void
fail(PGresult *result, const char *what)
{
	char	   *message = pchomp(PQresultErrorMessage(result));

	PQclear(result);
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE), errmsg("%s: %s", what, message)));
}

static bool
has_slot(void)
{
	List	   *rows = MtmStreamQuery(psprintf("SELECT mtm.slot_of(%d)", mtm_node_id));

	return rows != NIL && linitial(rows) != NULL;
}

static void
make_slot(int peer)
{
	PGresult   *result;

	if (has_slot())
		return;
	result = run(psprintf("CREATE_REPLICATION_SLOT \"mtm_slot_%d\" LOGICAL multimaster "
						  "(SNAPSHOT 'nothing', TWO_PHASE)", mtm_node_id));
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(result, "could not make a replication slot");
	PQclear(result);
	ereport(LOG, (errmsg("made replication slot \"mtm_slot_%d\" on node %d", mtm_node_id,
						 peer)));
}

static XLogRecPtr
current_position(void)
{
	PGresult   *result = run("IDENTIFY_SYSTEM");
	uint32		high;
	uint32		low;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 ||
		sscanf(PQgetvalue(result, 0, 2), "%X/%X", &high, &low) != 2)
		fail(result, "could not read the position of the node's WAL");
	PQclear(result);
	return ((uint64) high << 32) | low;
}

void
MtmStreamConnect(int peer)
{
	conn = MtmConnect(peer, psprintf("multimaster receiver %d", mtm_node_id), true);
}

List *
MtmStreamQuery(const char *query)
{
	PGresult   *result = run(query);
	List	   *rows = NIL;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(result, "a query on another node failed");
	for (int i = 0; i < PQntuples(result); i++)
		rows = lappend(rows, PQgetisnull(result, i, 0) ? NULL :
					   pstrdup(PQgetvalue(result, i, 0)));
	PQclear(result);
	return rows;
}

static const char *
mark_of(uint64 generation)
{
	List	   *rows;

	if (generation == 0)
		return "0/0";
	rows = MtmStreamQuery(psprintf("SELECT mtm.mark_of(" UINT64_FORMAT ")", generation));
	return rows && linitial(rows) ? linitial(rows) : "0/0";
}

static void
start_streaming(const char *position, const char *options)
{
	char	   *cluster = PQescapeLiteral(conn, mtm_cluster_name, strlen(mtm_cluster_name));
	PGresult   *result;

	if (!cluster)
		lost("could not start streaming");
	result = run(psprintf("START_REPLICATION SLOT \"mtm_slot_%d\" LOGICAL %s "
						  "(\"version\" '%d', \"node_id\" '%d', \"cluster_name\" %s%s)",
						  mtm_node_id, position, MTM_STREAM_VERSION, mtm_node_id, cluster,
						  options));
	PQfreemem(cluster);
	if (PQresultStatus(result) != PGRES_COPY_BOTH)
		fail(result, "could not start streaming");
	PQclear(result);

	waits = CreateWaitEventSet(TopMemoryContext, 3);
	AddWaitEventToSet(waits, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(waits, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(waits, WL_SOCKET_READABLE, PQsocket(conn), NULL, NULL);
}

XLogRecPtr
MtmStreamOpen(int peer, bool read_before, uint64 generation)
{
	XLogRecPtr	position;

	if (!read_before)
		make_slot(peer);
	position = current_position();
	start_streaming(mark_of(generation), "");
	return position;
}

void
MtmStreamOpenToRecover(XLogRecPtr from)
{
	start_streaming(psprintf("%X/%X", LSN_FORMAT_ARGS(from)), ", \"recover\" '1'");
}

static bool
next_message(int *length)
{
	if (received)
		PQfreemem(received);
	received = NULL;
	*length = PQgetCopyData(conn, &received, 1);
	if (*length < 0)
		lost("the stream ended");
	return *length > 0;
}

MtmStreamEvent
MtmStreamNext(StringInfo frame, XLogRecPtr *position, bool *reply, long timeout_ms)
{
	int			length;
	StringInfoData in;

	*reply = false;
	if (!next_message(&length))
	{
		WaitEvent	happened;

		if (WaitEventSetWait(waits, timeout_ms, &happened, 1, PG_WAIT_EXTENSION) == 0)
			happened.events = 0;
		if (happened.events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (!(happened.events & WL_SOCKET_READABLE))
			return MTM_STREAM_NOTHING;
		if (!PQconsumeInput(conn))
			lost("the stream broke");
		if (!next_message(&length))
			return MTM_STREAM_NOTHING;
	}

	in.data = received;
	in.len = in.maxlen = length;
	in.cursor = 0;
	switch (pq_getmsgbyte(&in))
	{
		case 'w':
			*position = pq_getmsgint64(&in);	/* start of the data */
			(void) pq_getmsgint64(&in);
			(void) pq_getmsgint64(&in);
			frame->data = received;
			frame->len = frame->maxlen = length;
			frame->cursor = in.cursor;
			return MTM_STREAM_FRAME;
		case 'k':
			*position = pq_getmsgint64(&in);
			(void) pq_getmsgint64(&in);
			*reply = pq_getmsgbyte(&in) != 0;
			return MTM_STREAM_KEEPALIVE;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("unknown message in the replication stream")));
	}
	return MTM_STREAM_NOTHING;
}

void
MtmStreamConfirm(XLogRecPtr received_up_to, XLogRecPtr confirmed)
{
	StringInfoData out;

	initStringInfo(&out);
	pq_sendbyte(&out, 'r');
	pq_sendint64(&out, received_up_to); /* written */
	pq_sendint64(&out, confirmed);	/* flushed */
	pq_sendint64(&out, confirmed);	/* applied */
	pq_sendint64(&out, GetCurrentTimestamp());
	pq_sendbyte(&out, 0);
	if (PQputCopyData(conn, out.data, out.len) <= 0 || PQflush(conn) < 0)
		lost("could not send feedback");
	pfree(out.data);
}
