/*
 * Sessions on the nodes on which a statement runs outside of transactions; see
 * outside_session.h.
 *
 * Runs in: the client's backend; sessions of its own on the nodes, its own node too.
 * Path: backend/outside.c -> here -> mtm.run_unfinished() (apply/outside.c)
 * Locks: an advisory lock of a session on the first node. It is asked for again and again,
 *        since a statement that waits for it has a snapshot, for which a concurrent build waits.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/outside_session.h"
#include "common/hashfn.h"
#include "common/string.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "wire/connection.h"
#include "wire/outside.h"

/* Lost sessions must not go on for long. */
#define OPTIONS \
	"-c search_path=pg_catalog -c client_connection_check_interval=100 " \
	"-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"

/* The first key of the advisory locks. */
#define LOCK_CLASS 0x6d746d

#define LOOK_MS 500
#define LOCK_AGAIN_MS 100
/* So long a node may take to clean up what was cancelled. */
#define CLEAN_UP_MS 10000

static PGconn *lock_holder = NULL;

/* libpq would write them to the server's log. */
static void
ignore_notice(void *arg, const PGresult *notice)
{
}

static PGconn *
open_session(int node_id)
{
	PGconn	   *conn = MtmConnectForSession(node_id, "statement", OPTIONS);

	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	return conn;
}

static void
lost(PGconn *conn, int node_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("node %d was lost meanwhile: %s", node_id, MtmConnectionLoss(conn))));
}

static bool
check_member(int node_id)
{
	MtmViewData view = MtmViewGet();

	if (!MTM_IN_SET(view.members, node_id))
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("node %d left the cluster meanwhile", node_id)));
	return true;
}

static void
wait_latch(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* The first result of what was sent. */
static PGresult *
result_of(PGconn *conn, int node_id)
{
	PGresult   *result;

	if (!MtmConnectionWait(conn, LOOK_MS, check_member, node_id))
		lost(conn, node_id);
	result = PQgetResult(conn);
	if (!result)
		lost(conn, node_id);
	return result;
}

/*---------------------------------------------------------------------------
 * One at a time.
 */
static int
first_member(void)
{
	MtmNodeSet	members = MtmViewGet().members;

	for (int node_id = 1; node_id <= MTM_MAX_NODES; node_id++)
	{
		if (MTM_IN_SET(members, node_id))
			return node_id;
	}
	return mtm_node_id;
}

/* Not by PostgreSQL's function, which multimaster.cluster_advisory_locks may send to all nodes. */
static bool
try_lock(PGconn *conn, int node_id, int key)
{
	char	   *query = psprintf("SELECT mtm.take_advisory_lock(%d, " UINT64_FORMAT
								 ", %d, %d, 2, false, false)",
								 mtm_node_id, MtmViewGeneration(), LOCK_CLASS, key);
	PGresult   *result;
	bool		got;

	/* With parameters (none): the peer refuses more than one command. */
	if (!PQsendQueryParams(conn, query, 0, NULL, NULL, NULL, NULL, 0))
		lost(conn, node_id);
	pfree(query);
	result = result_of(conn, node_id);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		PQclear(result);
		lost(conn, node_id);
	}
	got = strcmp(PQgetvalue(result, 0, 0), "got") == 0;
	PQclear(result);
	while ((result = PQgetResult(conn)) != NULL)
		PQclear(result);
	return got;
}

void
MtmOutsideLock(const char *target)
{
	int			node_id = first_member();
	int			key = (int) DatumGetInt32(hash_any((const unsigned char *) target,
												   strlen(target)));
	int64		end_ms = LockTimeout > 0 ? MtmNowMs() + LockTimeout : PG_INT64_MAX;

	MtmOutsideUnlock();
	MtmOutsideBegin();
	lock_holder = open_session(node_id);
	while (!try_lock(lock_holder, node_id, key))
	{
		check_member(node_id);
		if (MtmNowMs() >= end_ms)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("canceling statement due to lock timeout"),
					 errdetail("Another session has the advisory lock (%d, %d) of node %d, for a statement about %s.",
							   LOCK_CLASS, key, node_id, target)));
		wait_latch(LOCK_AGAIN_MS);
	}
}

void
MtmOutsideUnlock(void)
{
	PQfinish(lock_holder);
	lock_holder = NULL;
}

/*---------------------------------------------------------------------------
 * Running it.
 */
static void
raise_error_of(PGconn *conn, PGresult *result, int node_id, const char *command)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

	if (!sqlstate || !message)
		lost(conn, node_id);
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
								   sqlstate[4])),
			 errmsg("%s failed on node %d: %s", command, node_id, message),
			 detail ? errdetail_internal("%s", detail) : 0));
}

static void
run(PGconn *conn, int node_id, const char *command, const char *target, const char *id)
{
	const char *values[2] = {target, id};
	PGresult   *result;

	if (!PQsendQueryParams(conn, "CALL mtm.run_unfinished($1, $2)", 2, NULL, values, NULL,
						   NULL, 0))
		lost(conn, node_id);
	result = result_of(conn, node_id);
	PG_TRY();
	{
		if (PQresultStatus(result) != PGRES_COMMAND_OK &&
			PQresultStatus(result) != PGRES_TUPLES_OK)
			raise_error_of(conn, result, node_id, command);
	}
	PG_FINALLY();
	{
		PQclear(result);
	}
	PG_END_TRY();
}

/*
 * After a cancel it shall end there as well, and clean up. PQcancel connects without a bound
 * of time, so only to a node that was heard of lately. What is not cancelled so ends when it
 * finds the connection gone.
 */
static void
cancel(PGconn *conn, int node_id)
{
	PGcancel   *request;
	char		problem[256];

	if (PQstatus(conn) != CONNECTION_OK || !PQisBusy(conn) ||
		!MTM_IN_SET(MtmViewGet().members, node_id))
		return;
	request = PQgetCancel(conn);
	if (!request)
		return;
	if (PQcancel(request, problem, sizeof(problem)))
	{
		int64		end_ms = MtmNowMs() + CLEAN_UP_MS;

		while (PQisBusy(conn) && MtmNowMs() < end_ms)
		{
			int			happened;

			happened = WaitLatchOrSocket(MyLatch,
										 WL_TIMEOUT | WL_EXIT_ON_PM_DEATH |
										 WL_SOCKET_READABLE,
										 PQsocket(conn), LOOK_MS, PG_WAIT_EXTENSION);
			if ((happened & WL_SOCKET_READABLE) && !PQconsumeInput(conn))
				break;
		}
	}
	PQfreeCancel(request);
}

void
MtmOutsideRunOn(int node_id, const char *command, const char *target, const char *id)
{
	PGconn	   *conn;

	MtmOutsideBegin();
	conn = open_session(node_id);
	PG_TRY();
	{
		run(conn, node_id, command, target, id);
	}
	PG_CATCH();
	{
		cancel(conn, node_id);
		PQfinish(conn);
		PG_RE_THROW();
	}
	PG_END_TRY();
	PQfinish(conn);
}
