/*
 * Partitions that are detached on one node after the other (wire/outside.h): meanwhile a change
 * of the partitioned table's schema would reach them on some nodes and not on others.
 */
#ifndef MTM_BACKEND_DETACHING_H
#define MTM_BACKEND_DETACHING_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* What is under way, in memory of the caller; before a schema change, for the call after it. */
extern List *MtmDetachingNow(void);
/*
 * ERROR 55006 if it has changed such a partitioned table, or taken its or the
 * partition's name away. When it has dropped the partition, its row goes.
 */
extern void MtmDetachingRefuse(List *before);

#endif
