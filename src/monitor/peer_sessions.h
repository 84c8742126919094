/*
 * Sessions on other nodes, and on this one, for as long as one statement runs.
 *
 * Runs in: backends that compare or copy tables.
 * Locks: none.
 *
 * One session a node. They are asked one query each, all at the same time. They end by
 * MtmSessionsClose, with the transaction, and with any error that is caught on the way:
 * what the other nodes still do for us ends with their connections.
 */
#ifndef MTM_PEER_SESSIONS_H
#define MTM_PEER_SESSIONS_H

#include "libpq-fe.h"
#include "shmem/shared.h"

/* Interruptible, as all that follows. Raises 08001. */
extern void MtmSessionsOpen(MtmNodeSet nodes);
extern void MtmSessionsClose(void);

/*
 * Send a query to a node's session, and fetch its result (to be cleared by the caller).
 * Raises the node's own error, or 08006 when the connection is lost or the node is not
 * among the members any more.
 */
extern void MtmSessionSend(int node_id, const char *query);
extern PGresult *MtmSessionFetch(int node_id);

#endif
