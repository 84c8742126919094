/*
 * Connections to other nodes; see connection.h.
 *
 * Runs in: receivers, the monitor, backends that ask other nodes.
 * Locks: none.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "wire/connection.h"

/*
 * What a role's or database's own settings could do to us: end the session, or
 * print values another way than they are read.
 */
#define SESSION_OPTIONS \
	"-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 " \
	"-c idle_session_timeout=0 -c datestyle=ISO -c intervalstyle=postgres " \
	"-c extra_float_digits=3 -c default_transaction_read_only=off"

/* Did one of the events happen? */
static bool
wait_socket(PGconn *conn, int events, long timeout_ms)
{
	int			happened;

	happened = WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | events,
								 PQsocket(conn), timeout_ms, PG_WAIT_EXTENSION);
	if (happened & WL_LATCH_SET)
		ResetLatch(MyLatch);
	return (happened & events) != 0;
}

static PGconn *
begin(const char *conn_string, const char *application_name, bool replication,
	  const char *more_options)
{
	const char *keywords[8];
	const char *values[8];
	int			n = 0;

	keywords[n] = "dbname";		/* expanded: first, so that ours win */
	values[n++] = conn_string;
	keywords[n] = "application_name";
	values[n++] = application_name;
	keywords[n] = "client_encoding";
	values[n++] = GetDatabaseEncodingName();
	keywords[n] = "options";
	values[n++] = psprintf("%s %s", SESSION_OPTIONS, more_options);
	if (replication)
	{
		keywords[n] = "replication";
		values[n++] = "database";
	}
	keywords[n] = NULL;
	values[n] = NULL;
	return PQconnectStartParams(keywords, values, 1);
}

typedef struct Watch
{
	long		look_ms;
	bool		(*look) (int node_id);
	int			node_id;
} Watch;

/* NULL when it is connected, else why not. */
static char *
wait_connected(PGconn *conn, const Watch *watch)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   mtm_connect_timeout);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (PQstatus(conn) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
		   status != PGRES_POLLING_FAILED)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		bool		ready;

		if (left <= 0)
			return "timeout expired";
		if (watch && !watch->look(watch->node_id))
			return "the cluster changed meanwhile";
		ready = wait_socket(conn, status == PGRES_POLLING_READING ?
							WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE,
							watch ? Min(left, watch->look_ms) : left);
		CHECK_FOR_INTERRUPTS();
		if (ready)
			status = PQconnectPoll(conn);
	}
	return status == PGRES_POLLING_OK && PQstatus(conn) == CONNECTION_OK ? NULL :
		pchomp(PQerrorMessage(conn));
}

static PGconn *
connect_watched(const char *conn_string, const char *who, const char *application_name,
				bool replication, const char *more_options, const Watch *watch)
{
	PGconn	   *conn = begin(conn_string, application_name, replication, more_options);
	char	   *volatile problem = NULL;

	if (!conn)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	PG_TRY();
	{
		problem = wait_connected(conn, watch);
	}
	PG_CATCH();
	{
		PQfinish(conn);
		PG_RE_THROW();
	}
	PG_END_TRY();

	if (!problem)
		return conn;
	PQfinish(conn);
	ereport(ERROR,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not connect to %s: %s", who, problem)));
}

PGconn *
MtmConnect(int node_id, const char *application_name, bool replication)
{
	return MtmConnectWith(node_id, application_name, replication, "");
}

PGconn *
MtmConnectWith(int node_id, const char *application_name, bool replication,
			   const char *more_options)
{
	return MtmConnectTo(MtmConnString(node_id), psprintf("node %d", node_id),
						application_name, replication, more_options);
}

char *
MtmSessionName(const char *what)
{
	return psprintf("multimaster %s %d:%d", what, mtm_node_id, MyProcPid);
}

PGconn *
MtmConnectForSession(int node_id, const char *what, const char *more_options)
{
	return MtmConnectWith(node_id, MtmSessionName(what), false, more_options);
}

PGconn *
MtmConnectWatched(int node_id, const char *application_name, const char *more_options,
				  long look_ms, bool (*look) (int node_id))
{
	Watch		watch = {look_ms, look, node_id};

	return connect_watched(MtmConnString(node_id), psprintf("node %d", node_id),
						   application_name, false, more_options, &watch);
}

PGconn *
MtmConnectTo(const char *conn_string, const char *who, const char *application_name,
			 bool replication, const char *more_options)
{
	return connect_watched(conn_string, who, application_name, replication, more_options,
						   NULL);
}

PGresult *
MtmConnectionExecute(PGconn *conn, const char *command)
{
	PGresult   *last = NULL;

	if (!PQsendQuery(conn, command))
		return NULL;
	for (;;)
	{
		PGresult   *result;

		while (PQisBusy(conn))
		{
			(void) wait_socket(conn, WL_SOCKET_READABLE, -1L);
			CHECK_FOR_INTERRUPTS();
			if (!PQconsumeInput(conn))
				return last;
		}
		result = PQgetResult(conn);
		if (!result)
			return last;
		if (last)
			PQclear(last);
		last = result;
		/* COPY states have no end to wait for. */
		if (PQresultStatus(last) == PGRES_COPY_BOTH ||
			PQresultStatus(last) == PGRES_COPY_IN ||
			PQresultStatus(last) == PGRES_COPY_OUT ||
			PQstatus(conn) == CONNECTION_BAD)
			return last;
	}
}

bool
MtmConnectionWait(PGconn *conn, long look_ms, bool (*look) (int node_id), int node_id)
{
	while (PQisBusy(conn))
	{
		int			happened;

		happened = WaitLatchOrSocket(MyLatch,
									 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH |
									 WL_SOCKET_READABLE,
									 PQsocket(conn), look_ms, PG_WAIT_EXTENSION);
		if (happened & WL_LATCH_SET)
			ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if ((happened & WL_TIMEOUT) && !look(node_id))
			return false;
		if ((happened & WL_SOCKET_READABLE) && !PQconsumeInput(conn))
			return false;
	}
	return true;
}

char *
MtmConnectionLoss(PGconn *conn)
{
	char	   *message = pchomp(PQerrorMessage(conn));

	if (!pg_verifymbstr(message, strlen(message), true) || message[0] == '\0')
		message = "the connection failed";
	return message;
}
