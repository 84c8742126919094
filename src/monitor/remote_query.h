/*
 * Asking another server one query, within a time.
 *
 * Runs in: the monitor; backends that call status functions; the deadlock detector; the
 *          referee process.
 */
#ifndef MTM_REMOTE_QUERY_H
#define MTM_REMOTE_QUERY_H

#include "lib/stringinfo.h"
#include "libpq-fe.h"

/*
 * Append {"rows":[{column: value, ...}, ...]} or {"error":{"sqlstate","message"}}.
 * int8, numeric and all that JSON has no type for are strings.
 */
extern void MtmRemoteQuery(int node_id, const char *query, int timeout_ms,
						   StringInfo json);
/* From now on this process keeps its connections to nodes, for the next query. */
extern void MtmRemoteQueryKeep(void);
/* {"rows": ...} of a result, as above. */
extern void MtmRemoteRows(StringInfo json, PGresult *result);
/* False also when the node cannot be asked. */
extern bool MtmRemoteQueryFindsRow(int node_id, const char *query, int timeout_ms);
/*
 * Any server, which must answer with one row: its values as text, NULL for null. NULL: it
 * did not, for this reason. `settings` are the session's ("-c name=value ...").
 */
extern char **MtmRemoteRow(const char *conn_string, const char *settings,
						   const char *query, int timeout_ms, int columns,
						   char **problem);

#endif
