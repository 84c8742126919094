/*
 * Connections to other nodes by libpq: their conn strings, our waits.
 *
 * Runs in: background workers and backends.
 */
#ifndef MTM_CONNECTION_H
#define MTM_CONNECTION_H

#include "libpq-fe.h"

/*
 * Connect to a node within multimaster.connect_timeout; interruptible. Session
 * settings that could end or garble it are overridden. Raises 08001 on failure. The connection is closed at
 * the end of the process or, when the caller wants to go on, by PQfinish.
 */
extern PGconn *MtmConnect(int node_id, const char *application_name, bool replication);
/* With settings of the session ("-c name=value ...") beside those. */
extern PGconn *MtmConnectWith(int node_id, const char *application_name, bool replication,
							  const char *more_options);

/*
 * By this application_name others find out for which session a connection works
 * (docs/conflicts.md, 21); `what` in lower case.
 */
extern char *MtmSessionName(const char *what);
extern PGconn *MtmConnectForSession(int node_id, const char *what, const char *more_options);

/*
 * As MtmConnectWith(), but given up when `look`, called every so many milliseconds, says no; it may
 * raise an error as well.
 */
extern PGconn *MtmConnectWatched(int node_id, const char *application_name,
								 const char *more_options, long look_ms,
								 bool (*look) (int node_id));

/* Any server; errors call it `who`. */
extern PGconn *MtmConnectTo(const char *conn_string, const char *who,
							const char *application_name, bool replication,
							const char *more_options);

/*
 * Wait for the first result of what was sent, interruptibly. `look` is called every so many
 * milliseconds, and may raise an error. False: connection lost, or `look` said so.
 */
extern bool MtmConnectionWait(PGconn *conn, long look_ms, bool (*look) (int node_id), int node_id);
/* libpq's own words for the loss, which may be in any encoding. */
extern char *MtmConnectionLoss(PGconn *conn);

/* Run a command and wait for its result, interruptibly. NULL: connection lost. */
extern PGresult *MtmConnectionExecute(PGconn *conn, const char *command);

#endif
