/*
 * Asking another server one query; see remote_query.h.
 *
 * Runs in: the monitor; backends that call status functions; the deadlock detector; the
 *          referee process.
 * Locks: none.
 *
 * A connection for each query: they are rare, and one that was kept would be lost
 * just when its answer matters. But who asks again and again may keep them. libpq's memory is
 * freed on every way out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/string.h"
#include "libpq-fe.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "monitor/remote_query.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* Of nodes, idle; see MtmRemoteQueryKeep(). */
static PGconn *kept[MTM_MAX_NODES + 1];
static bool keeps = false;

typedef struct RemoteQuery
{
	PGconn	   *conn;
	PGresult   *result;			/* NULL: failed, then: */
	char		sqlstate[6];
	const char *problem;		/* a constant, or NULL: libpq says it */
	int64		deadline_ms;
} RemoteQuery;

/* False when the time is over. */
static bool
wait_socket(RemoteQuery *remote, int events)
{
	int64		left_ms = remote->deadline_ms - MtmNowMs();

	if (left_ms <= 0)
	{
		remote->problem = "timeout expired";
		return false;
	}
	if (WaitLatchOrSocket(MyLatch,
						  WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | events,
						  PQsocket(remote->conn), left_ms, PG_WAIT_EXTENSION) & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return true;
}

static bool
connect_to(RemoteQuery *remote, const char *conn_string, const char *settings,
		   int timeout_ms)
{
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
	char		options[256];
	const char *keywords[] = {"dbname", "application_name", "client_encoding", "options",
	NULL};
	const char *values[] = {conn_string, "multimaster query",
	GetDatabaseEncodingName(), options, NULL};

	/*
	 * What the other server does for us must end as well when we no longer wait; and it calls no
	 * function that a user put in the way of PostgreSQL's.
	 */
	snprintf(options, sizeof(options), "-c search_path=pg_catalog -c statement_timeout=%d %s",
			 timeout_ms, settings);
	strlcpy(remote->sqlstate, "08001", sizeof(remote->sqlstate));
	remote->conn = PQconnectStartParams(keywords, values, 1);
	if (!remote->conn)
		remote->problem = "out of memory";
	while (remote->conn && PQstatus(remote->conn) != CONNECTION_BAD &&
		   polling != PGRES_POLLING_FAILED)
	{
		if (polling == PGRES_POLLING_OK)
			return true;
		if (!wait_socket(remote, polling == PGRES_POLLING_READING ?
						 WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE))
			return false;
		polling = PQconnectPoll(remote->conn);
	}
	return false;
}

/* False: lost, or the time is over. */
static bool
wait_result(RemoteQuery *remote)
{
	while (PQisBusy(remote->conn))
	{
		if (!wait_socket(remote, WL_SOCKET_READABLE))
			return false;
		if (!PQconsumeInput(remote->conn))
			return false;
	}
	return true;
}

static void
execute(RemoteQuery *remote, const char *query)
{
	const char *sqlstate;

	strlcpy(remote->sqlstate, "08006", sizeof(remote->sqlstate));
	/* With parameters (none): the peer refuses more than one command. */
	if (!PQsendQueryParams(remote->conn, query, 0, NULL, NULL, NULL, NULL, 0) ||
		!wait_result(remote))
		return;
	remote->result = PQgetResult(remote->conn);
	if (!remote->result || PQresultStatus(remote->result) == PGRES_TUPLES_OK)
		return;
	sqlstate = PQresultErrorField(remote->result, PG_DIAG_SQLSTATE);
	if (sqlstate)
		strlcpy(remote->sqlstate, sqlstate, sizeof(remote->sqlstate));
	else if (PQresultStatus(remote->result) != PGRES_FATAL_ERROR)
	{
		strlcpy(remote->sqlstate, "42601", sizeof(remote->sqlstate));
		remote->problem = "the query gives no rows";
	}
}

static bool
succeeded(const RemoteQuery *remote)
{
	return PQresultStatus(remote->result) == PGRES_TUPLES_OK;
}

static void
ask(RemoteQuery *remote, const char *conn_string, const char *settings,
	const char *query, int timeout_ms)
{
	remote->deadline_ms = MtmNowMs() + timeout_ms;
	if (connect_to(remote, conn_string, settings, timeout_ms))
		execute(remote, query);
}

static void
release(RemoteQuery *remote)
{
	PQclear(remote->result);
	PQfinish(remote->conn);
	memset(remote, 0, sizeof(*remote));
}

/* False: there is none, or it was lost meanwhile. */
static bool
ask_kept(RemoteQuery *remote, int node_id, const char *query, int timeout_ms)
{
	remote->deadline_ms = MtmNowMs() + timeout_ms;
	remote->conn = kept[node_id];
	kept[node_id] = NULL;
	if (remote->conn)
		execute(remote, query);
	if (remote->conn && PQstatus(remote->conn) == CONNECTION_OK)
		return true;
	release(remote);
	return false;
}

static void
ask_node(RemoteQuery *remote, int node_id, const char *query, int timeout_ms)
{
	if (!ask_kept(remote, node_id, query, timeout_ms))
		ask(remote, MtmConnString(node_id), "", query, timeout_ms);
	/* One command, one result: what follows says that the session is idle. */
	if (keeps && succeeded(remote) && wait_result(remote) && !PQgetResult(remote->conn))
	{
		kept[node_id] = remote->conn;
		remote->conn = NULL;
	}
}

void
MtmRemoteQueryKeep(void)
{
	keeps = true;
}

static void
append_value(StringInfo json, const char *value, Oid type)
{
	switch (type)
	{
		case BOOLOID:
			appendStringInfoString(json, value[0] == 't' ? "true" : "false");
			break;
		case INT2OID:
		case INT4OID:
		case JSONOID:
		case JSONBOID:
			appendStringInfoString(json, value);
			break;
		default:
			escape_json(json, value);
			break;
	}
}

void
MtmRemoteRows(StringInfo json, PGresult *result)
{
	appendStringInfoString(json, "{\"rows\":[");
	for (int row = 0; row < PQntuples(result); row++)
	{
		appendStringInfoString(json, row > 0 ? ",{" : "{");
		for (int column = 0; column < PQnfields(result); column++)
		{
			if (column > 0)
				appendStringInfoChar(json, ',');
			escape_json(json, PQfname(result, column));
			appendStringInfoChar(json, ':');
			if (PQgetisnull(result, row, column))
				appendStringInfoString(json, "null");
			else
				append_value(json, PQgetvalue(result, row, column),
							 PQftype(result, column));
		}
		appendStringInfoChar(json, '}');
	}
	appendStringInfoString(json, "]}");
}

static const char *
message_of(const RemoteQuery *remote)
{
	const char *message = remote->problem;

	if (!message && remote->result)
		message = PQresultErrorField(remote->result, PG_DIAG_MESSAGE_PRIMARY);
	if (!message)
		message = pchomp(PQerrorMessage(remote->conn));
	/* libpq's own words, in the system's language, may be in any encoding. */
	if (!pg_verifymbstr(message, strlen(message), true))
		message = "the connection failed";
	return message;
}

static void
append_error(StringInfo json, const RemoteQuery *remote)
{
	appendStringInfo(json, "{\"error\":{\"sqlstate\":\"%s\",\"message\":",
					 remote->sqlstate);
	escape_json(json, message_of(remote));
	appendStringInfoString(json, "}}");
}

void
MtmRemoteQuery(int node_id, const char *query, int timeout_ms, StringInfo json)
{
	/* volatile: changed within PG_TRY */
	volatile RemoteQuery remote = {0};

	PG_TRY();
	{
		ask_node((RemoteQuery *) &remote, node_id, query, timeout_ms);
		if (succeeded((RemoteQuery *) &remote))
			MtmRemoteRows(json, remote.result);
		else
			append_error(json, (RemoteQuery *) &remote);
	}
	PG_FINALLY();
	{
		release((RemoteQuery *) &remote);
	}
	PG_END_TRY();
}

bool
MtmRemoteQueryFindsRow(int node_id, const char *query, int timeout_ms)
{
	volatile RemoteQuery remote = {0};
	volatile bool found = false;

	PG_TRY();
	{
		ask_node((RemoteQuery *) &remote, node_id, query, timeout_ms);
		found = succeeded((RemoteQuery *) &remote) && PQntuples(remote.result) > 0;
	}
	PG_FINALLY();
	{
		release((RemoteQuery *) &remote);
	}
	PG_END_TRY();
	return found;
}

char **
MtmRemoteRow(const char *conn_string, const char *settings, const char *query,
			 int timeout_ms, int columns, char **problem)
{
	volatile RemoteQuery remote = {0};
	char	  **values = NULL;

	PG_TRY();
	{
		PGresult   *result;

		ask((RemoteQuery *) &remote, conn_string, settings, query, timeout_ms);
		result = remote.result;
		if (!succeeded((RemoteQuery *) &remote))
			*problem = pstrdup(message_of((RemoteQuery *) &remote));
		else if (PQntuples(result) != 1 || PQnfields(result) != columns)
			*problem = pstrdup("the answer has another form");
		else
		{
			values = palloc0(columns * sizeof(char *));
			for (int column = 0; column < columns; column++)
			{
				if (!PQgetisnull(result, 0, column))
					values[column] = pstrdup(PQgetvalue(result, 0, column));
			}
		}
	}
	PG_FINALLY();
	{
		release((RemoteQuery *) &remote);
	}
	PG_END_TRY();
	return values;
}
