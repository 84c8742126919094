/* Hooks through which a schema change tells what it does. */
#ifndef MTM_BACKEND_SCHEMA_CHANGE_WATCH_H
#define MTM_BACKEND_SCHEMA_CHANGE_WATCH_H

#include "postgres.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

/* How many event triggers of ddl_command_start will this statement fire? */
extern int	MtmCountStartTriggers(Node *statement);

/* Put the tables of TRUNCATEs from now on (Oid) into this list; gives the list before. */
extern List **MtmWatchTruncates(List **tables);

#endif
