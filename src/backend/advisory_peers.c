/*
 * Advisory locks of this session on other nodes; see advisory_peers.h.
 *
 * Runs in: the client's backend.
 * Path: backend/advisory_locks.c -> here -> mtm.take_advisory_lock(),
 *       mtm.release_advisory_locks() (apply/advisory_locks.c)
 * Locks: those of the sessions on other nodes.
 *
 * Once the client has its lock, a lost connection does no harm (docs/advisory_locks.md): it is
 * forgotten, and made anew with the next lock. So whatever goes wrong ends the connection, and
 * with it the session there, its wait and its locks. PQcancel would keep them, but may hang.
 */
#include "postgres.h"

#include <poll.h>

#include "backend/advisory_peers.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pqexpbuffer.h"
#include "settings.h"
#include "shmem/view.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "wire/connection.h"

/* Lost sessions must not go on for long: so a wait ends that its client does not want any more. */
#define OPTIONS \
	"-c search_path=pg_catalog -c client_connection_check_interval=100 " \
	"-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"

#define LOOK_MS 200
#define POLL_MS 100

static PGconn *peers[MTM_MAX_NODES + 1];

/* What is waited for. */
static const MtmAdvisoryWish *waiting = NULL;

static void
drop_connection(int node_id)
{
	PQfinish(peers[node_id]);
	peers[node_id] = NULL;
}

void
MtmAdvisoryDisconnect(void)
{
	for (int node_id = 1; node_id <= MTM_MAX_NODES; node_id++)
		drop_connection(node_id);
}

static void
disconnect_at_exit(int code, Datum arg)
{
	MtmAdvisoryDisconnect();
}

/* libpq would write them to the server's log. */
static void
ignore_notice(void *arg, const PGresult *notice)
{
}

/*---------------------------------------------------------------------------
 * Waiting where nothing may be raised.
 */
static bool
may_answer(int node_id)
{
	MtmViewData view = MtmViewGet();

	return MTM_IN_SET(view.members, node_id) && !MtmViewIsOut(&view) &&
		!ProcDiePending && !QueryCancelPending && !proc_exit_inprogress &&
		PostmasterIsAlive();
}

static bool
wait_quietly(PGconn *conn, int node_id)
{
	while (PQisBusy(conn))
	{
		struct pollfd socket = {.fd = PQsocket(conn),.events = POLLIN};
		int			unsent = PQflush(conn);

		if (unsent < 0 || PQstatus(conn) != CONNECTION_OK || !may_answer(node_id))
			return false;
		if (unsent > 0)
			socket.events |= POLLOUT;
		if (poll(&socket, 1, POLL_MS) > 0 && (socket.revents & ~POLLOUT) &&
			!PQconsumeInput(conn))
			return false;
	}
	return true;
}

/* To the end of the answer. False: the connection is of no use any more. */
static bool
end_quietly(int node_id)
{
	PGconn	   *conn = peers[node_id];
	bool		succeeded = true;

	while (wait_quietly(conn, node_id))
	{
		PGresult   *result = PQgetResult(conn);

		if (!result)
			return PQtransactionStatus(conn) == PQTRANS_IDLE && succeeded;
		succeeded = PQresultStatus(result) == PGRES_TUPLES_OK;
		PQclear(result);
	}
	return false;
}

/*---------------------------------------------------------------------------
 * Taking one.
 */
static bool
is_in_generation(const MtmAdvisoryWish *wish)
{
	MtmViewData view = MtmViewGet();

	return view.status == MTM_ONLINE && view.generation == wish->generation;
}

static bool
go_on_waiting(int node_id)
{
	if (waiting->end_ms != 0 && MtmNowMs() >= waiting->end_ms)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("canceling statement due to lock timeout"),
				 errdetail("It waited for an advisory lock on node %d.", node_id)));
	return is_in_generation(waiting);
}

static long
look_after_ms(const MtmAdvisoryWish *wish)
{
	int64		left_ms = wish->end_ms - MtmNowMs();

	return wish->end_ms == 0 ? LOOK_MS : Max(1, Min(LOOK_MS, left_ms));
}

static void
connect_to(int node_id)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(disconnect_at_exit, 0);
	registered = true;
	peers[node_id] = MtmConnectWatched(node_id, MtmSessionName("advisory"), OPTIONS,
									   look_after_ms(waiting), go_on_waiting);
	PQsetNoticeReceiver(peers[node_id], ignore_notice, NULL);
	PQsetnonblocking(peers[node_id], 1);
}

/* The others need a moment to see that it is lost. */
static bool
may_soon_be_out(MtmAdvisoryWish *wish)
{
	int64		now_ms = MtmNowMs();

	if (wish->unreachable_since_ms == 0)
		wish->unreachable_since_ms = now_ms;
	return now_ms - wish->unreachable_since_ms < 2 * mtm_heartbeat_recv_timeout;
}

/* False: it cannot be reached now. */
static bool
reach(int node_id, MtmAdvisoryWish *wish)
{
	MemoryContext context = CurrentMemoryContext;

	if (peers[node_id] && PQtransactionStatus(peers[node_id]) != PQTRANS_IDLE)
		drop_connection(node_id);
	if (peers[node_id])
		return true;
	PG_TRY();
	{
		connect_to(node_id);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION ||
			(is_in_generation(wish) && !may_soon_be_out(wish)))
			PG_RE_THROW();
		/* It is raised with nothing held that an abort would have to let go of. */
		FlushErrorState();
		FreeErrorData(error);
	}
	PG_END_TRY();
	return peers[node_id] != NULL;
}

static bool
send_wish(PGconn *conn, const MtmAdvisoryWish *wish)
{
	static const char *const query =
	"SELECT mtm.take_advisory_lock($1, $2, $3, $4, $5, $6, $7)";
	const LOCKTAG *tag = &wish->key.tag;
	char		node[12];
	char		generation[24];
	char		keys[3][12];
	const char *values[] = {node, generation, keys[0], keys[1], keys[2],
		wish->key.mode == ShareLock ? "t" : "f", wish->wait ? "t" : "f"
	};

	snprintf(node, sizeof(node), "%d", mtm_node_id);
	snprintf(generation, sizeof(generation), UINT64_FORMAT, wish->generation);
	snprintf(keys[0], sizeof(keys[0]), "%d", (int) tag->locktag_field2);
	snprintf(keys[1], sizeof(keys[1]), "%d", (int) tag->locktag_field3);
	snprintf(keys[2], sizeof(keys[2]), "%d", (int) tag->locktag_field4);
	return PQsendQueryParams(conn, query, lengthof(values), NULL, values, NULL, NULL, 0) &&
		PQflush(conn) == 0;
}

/* Its server is being stopped or started, or its session was ended. */
static bool
is_loss(int node_id, const char *sqlstate)
{
	return PQstatus(peers[node_id]) != CONNECTION_OK || !sqlstate ||
		strncmp(sqlstate, "57P", 3) == 0;
}

static void
raise_error_of(int node_id, const PGresult *result, const char *sqlstate)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
								   sqlstate[4])),
			 errmsg_internal("%s", message ? message : "unknown error"),
			 errdetail("While it took an advisory lock on node %d. %s", node_id,
					   detail ? detail : "")));
}

static MtmAdvisoryAnswer
answer_in(int node_id, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		if (!is_loss(node_id, sqlstate))
			raise_error_of(node_id, result, sqlstate);
		drop_connection(node_id);
		return MTM_ADVISORY_CHANGED;
	}
	if (strcmp(PQgetvalue(result, 0, 0), "got") == 0)
		return MTM_ADVISORY_GOT;
	return strcmp(PQgetvalue(result, 0, 0), "busy") == 0 ? MTM_ADVISORY_BUSY :
		MTM_ADVISORY_CHANGED;
}

static MtmAdvisoryAnswer
receive_answer(int node_id)
{
	PGresult   *result = PQgetResult(peers[node_id]);
	volatile MtmAdvisoryAnswer answer = MTM_ADVISORY_CHANGED;

	PG_TRY();
	{
		answer = answer_in(node_id, result);
	}
	PG_FINALLY();
	{
		PQclear(result);
		if (peers[node_id] && !end_quietly(node_id) &&
			PQtransactionStatus(peers[node_id]) != PQTRANS_IDLE)
			drop_connection(node_id);
	}
	PG_END_TRY();
	return answer;
}

MtmAdvisoryAnswer
MtmAdvisoryTakeOn(int node_id, MtmAdvisoryWish *wish)
{
	volatile bool answered = false;

	waiting = wish;
	if (!reach(node_id, wish))
		return MTM_ADVISORY_CHANGED;
	wish->unreachable_since_ms = 0;
	if (!send_wish(peers[node_id], wish))
	{
		drop_connection(node_id);
		return MTM_ADVISORY_CHANGED;
	}
	PG_TRY();
	{
		answered = MtmConnectionWait(peers[node_id], look_after_ms(wish), go_on_waiting,
									 node_id);
	}
	PG_CATCH();
	{
		drop_connection(node_id);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (answered)
		return receive_answer(node_id);
	drop_connection(node_id);
	return MTM_ADVISORY_CHANGED;
}

/*---------------------------------------------------------------------------
 * Giving some back.
 */
void
MtmAdvisoryListKey(MtmAdvisoryList *list, const MtmAdvisoryKey *key)
{
	appendPQExpBuffer(list, "%c%d,%d,%d,%d", list->len == 0 ? '{' : ',',
					  (int) key->tag.locktag_field2, (int) key->tag.locktag_field3,
					  (int) key->tag.locktag_field4, (int) (key->mode == ShareLock));
}

static void
send_list(int node_id, const MtmAdvisoryList *list)
{
	const char *values[] = {list->data};

	if (PQExpBufferDataBroken(*list) || proc_exit_inprogress ||
		PQtransactionStatus(peers[node_id]) != PQTRANS_IDLE ||
		!PQsendQueryParams(peers[node_id], "SELECT mtm.release_advisory_locks($1)",
						   1, NULL, values, NULL, NULL, 0))
		drop_connection(node_id);
}

void
MtmAdvisoryReleaseOnPeers(MtmAdvisoryList *list)
{
	appendPQExpBufferChar(list, '}');
	for (int node_id = 1; node_id <= MTM_MAX_NODES; node_id++)
	{
		if (peers[node_id])
			send_list(node_id, list);
	}
	for (int node_id = 1; node_id <= MTM_MAX_NODES; node_id++)
	{
		if (peers[node_id] && !end_quietly(node_id))
			drop_connection(node_id);
	}
}
