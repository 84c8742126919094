/* The transactions that are prepared on this node, and their end; see prepared_here.c. */
#ifndef MTM_PREPARED_HERE_H
#define MTM_PREPARED_HERE_H

#include "nodes/pg_list.h"

/* gids, palloc'd. In a transaction of its own. */
extern List *MtmPreparedHere(void);
extern bool MtmIsPreparedHere(const char *gid);
/*
 * COMMIT or ROLLBACK PREPARED, in a transaction of its own; tells the backend that waits
 * for it. False: it is not prepared here.
 */
extern bool MtmFinishHere(const char *gid, bool commit);

#endif
