/*
 * Sessions on servers that are to become nodes; see servers.h.
 *
 * Runs in: the session of mtm.init_cluster(); sessions of its own on the other servers.
 * Locks: none.
 *
 * They end with the transaction, also with one that fails: but not with a subtransaction, as
 * what was done must still be undone then.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/string.h"
#include "forming/servers.h"
#include "libpq-fe.h"
#include "mb/pg_wchar.h"
#include "monitor/remote_query.h"
#include "shmem/shared.h"
#include "utils/json.h"
#include "wire/connection.h"

#define APPLICATION_NAME "multimaster init_cluster"

#define OPTIONS "-c search_path=pg_catalog -c row_security=off"

static PGconn *sessions[MTM_MAX_NODES + 1];

static void
close_session(int server)
{
	PQfinish(sessions[server]);
	sessions[server] = NULL;
}

static void
on_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	for (int server = 0; server <= MTM_MAX_NODES; server++)
		close_session(server);
}

/* libpq would write them to the server's log. */
static void
ignore_notice(void *arg, const PGresult *notice)
{
}

static void
check_number(int server)
{
	if (server < 1 || server > MTM_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no server %d", server)));
}

void
MtmFormingOpen(int server, const char *conn_string)
{
	static bool registered = false;

	check_number(server);
	if (!registered)
		RegisterXactCallback(on_transaction, NULL);
	registered = true;
	close_session(server);
	sessions[server] = MtmConnectTo(conn_string, psprintf("server %d", server),
									APPLICATION_NAME, false, OPTIONS);
	PQsetNoticeReceiver(sessions[server], ignore_notice, NULL);
}

static void
append_field(StringInfo json, const char *name, const char *value)
{
	if (!value)
		return;
	/* The system's words, in its language, may be in any encoding. */
	if (!pg_verifymbstr(value, strlen(value), true))
		value = "(in another encoding)";
	appendStringInfo(json, ",\"%s\":", name);
	escape_json(json, value);
}

static void
append_error(StringInfo json, PGconn *conn, PGresult *result)
{
	const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	appendStringInfo(json, "{\"error\":{\"sqlstate\":\"%s\"", sqlstate ? sqlstate : "08006");
	append_field(json, "message", sqlstate ?
				 PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) :
				 pchomp(PQerrorMessage(conn)));
	append_field(json, "detail", sqlstate ?
				 PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL);
	appendStringInfoString(json, "}}");
}

static void
run(PGconn *conn, const char *sql, StringInfo json)
{
	PGresult   *result = MtmConnectionExecute(conn, sql);

	/* What follows allocates little; a result is lost only where memory is. */
	switch (PQresultStatus(result))
	{
		case PGRES_TUPLES_OK:
			MtmRemoteRows(json, result);
			break;
		case PGRES_COMMAND_OK:
			appendStringInfoString(json, "{\"rows\":[]}");
			break;
		default:
			append_error(json, conn, result);
			break;
	}
	PQclear(result);
}

void
MtmFormingRun(int server, const char *sql, StringInfo json)
{
	check_number(server);
	if (!sessions[server])
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
				 errmsg("there is no session on server %d", server)));
	run(sessions[server], sql, json);
}

void
MtmFormingReach(const char *conn_string, const char *sql, StringInfo json)
{
	PGconn	   *conn = MtmConnectTo(conn_string, "it", APPLICATION_NAME, false, "");

	PG_TRY();
	{
		run(conn, sql, json);
	}
	PG_FINALLY();
	{
		PQfinish(conn);
	}
	PG_END_TRY();
	PQfinish(MtmConnectTo(conn_string, "it for replication", APPLICATION_NAME, true, ""));
}
