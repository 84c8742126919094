/*
 * Sessions on other nodes; see peer_sessions.h.
 *
 * Runs in: backends that compare or copy tables.
 * Locks: none.
 *
 * A session that only reads is lost with its connection: the other node looks for that
 * once in a while (client_connection_check_interval), so a query that runs there ends
 * soon after ours was cancelled. Asking for its cancellation would take a connection of
 * its own, which may hang just when things go wrong.
 *
 * The text of values must be the same on all nodes, so what it depends on is set here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/string.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "monitor/peer_sessions.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "wire/connection.h"

/* lock_timeout: writers wait meanwhile for what is locked on other nodes already. */
#define OPTIONS \
	"-c timezone=UTC -c bytea_output=hex -c search_path=pg_catalog -c xmloption=content " \
	"-c lc_monetary=C -c row_security=off -c quote_all_identifiers=off -c jit=off " \
	"-c default_transaction_isolation=read\\ committed -c lock_timeout=10s " \
	"-c client_connection_check_interval=100 " \
	"-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"

/* How often a wait looks whether the nodes are still members. */
#define LOOK_MS 500

static PGconn *sessions[MTM_MAX_NODES + 1];

void
MtmSessionsClose(void)
{
	for (int node_id = 1; node_id <= MTM_MAX_NODES; node_id++)
	{
		PQfinish(sessions[node_id]);
		sessions[node_id] = NULL;
	}
}

static void
on_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		MtmSessionsClose();
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
				  void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		MtmSessionsClose();
}

/* libpq would write them to the server's log. */
static void
ignore_notice(void *arg, const PGresult *notice)
{
}

void
MtmSessionsOpen(MtmNodeSet nodes)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_transaction, NULL);
		RegisterSubXactCallback(on_subtransaction, NULL);
		registered = true;
	}
	MtmSessionsClose();
	for (int node_id = 1; node_id <= MtmNodeCount(); node_id++)
	{
		if (!MTM_IN_SET(nodes, node_id))
			continue;
		sessions[node_id] = MtmConnectForSession(node_id, "check", OPTIONS);
		PQsetNoticeReceiver(sessions[node_id], ignore_notice, NULL);
	}
}

/* On its way into a new generation this node says who is in it, and is online soon. */
static void
check_member(int node_id)
{
	MtmViewData view = MtmViewGet();

	if (!MTM_IN_SET(view.members, node_id))
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("node %d left the cluster meanwhile", node_id)));
	if (view.status != MTM_ONLINE && view.status != MTM_RECOVERY)
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("multimaster node is not online: current status %s",
						MtmStatusName(view.status))));
}

/* Not only of the node that is waited for: it may be the others' turn for long. */
static bool
check_members(int waited_for)
{
	for (int node_id = 1; node_id <= MtmNodeCount(); node_id++)
	{
		if (sessions[node_id])
			check_member(node_id);
	}
	return true;
}

static PGconn *
session_of(int node_id)
{
	if (node_id < 1 || node_id > MTM_MAX_NODES || !sessions[node_id])
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
				 errmsg("there is no session on node %d", node_id)));
	return sessions[node_id];
}

static void
lost(int node_id)
{
	check_member(node_id);
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("node %d was lost meanwhile: %s", node_id,
					MtmConnectionLoss(sessions[node_id]))));
}

void
MtmSessionSend(int node_id, const char *query)
{
	/* With parameters (none): the peer refuses more than one command. */
	if (!PQsendQueryParams(session_of(node_id), query, 0, NULL, NULL, NULL, NULL, 0))
		lost(node_id);
}

static void
wait_for_input(int node_id)
{
	if (!MtmConnectionWait(sessions[node_id], LOOK_MS, check_members, node_id))
		lost(node_id);
}

static void
raise_error_of(int node_id, PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	if (!sqlstate || !message)
		lost(node_id);
	message = pstrdup(message);
	detail = detail ? pstrdup(detail) : NULL;
	hint = hint ? pstrdup(hint) : NULL;
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
								   sqlstate[4])),
			 errmsg("node %d: %s", node_id, message),
			 detail ? errdetail("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

PGresult *
MtmSessionFetch(int node_id)
{
	PGconn	   *conn = session_of(node_id);
	PGresult   *volatile result;

	wait_for_input(node_id);
	result = PQgetResult(conn);
	PG_TRY();
	{
		ExecStatusType status = PQresultStatus(result);

		if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
			raise_error_of(node_id, result);
		/* One command, one result: what follows says that the session is idle. */
		wait_for_input(node_id);
		PQclear(PQgetResult(conn));
	}
	PG_CATCH();
	{
		PQclear(result);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
}
