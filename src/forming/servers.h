/*
 * Sessions on servers that are to become nodes, for as long as mtm.init_cluster() runs.
 *
 * Runs in: the session of mtm.init_cluster().
 */
#ifndef MTM_FORMING_SERVERS_H
#define MTM_FORMING_SERVERS_H

#include "lib/stringinfo.h"

/* Connect as the server with this number; one that is open is closed first. Raises 08001. */
extern void MtmFormingOpen(int server, const char *conn_string);
/*
 * Run a statement there and append {"rows": [...]}, or {"error": {"sqlstate", "message",
 * "detail"}}, also of a lost connection (08006).
 */
extern void MtmFormingRun(int server, const char *sql, StringInfo json);
/*
 * Of a server that is asked once, as another node asks it: does it let us in to the database
 * and to replication? Appends as above, with the rows of `sql`.
 */
extern void MtmFormingReach(const char *conn_string, const char *sql, StringInfo json);

#endif
