/*
 * Nodes that were added to those of multimaster.conn_strings: their connection strings, as
 * mtm.cluster_nodes has them.
 *
 * Runs in: the monitor writes; every process reads.
 * Locks: none. A string is written once, before its number is seen, and never changes.
 */
#ifndef MTM_ADDED_NODES_H
#define MTM_ADDED_NODES_H

#include "shmem/shared.h"

/* With its end. */
#define MTM_ADDED_STRING_SIZE 1024

extern Size MtmAddedNodesSize(void);
extern void MtmAddedNodesInit(void *at, bool found);

/* Numbers come one after the other. False: it does not follow the last one. */
extern bool MtmAddedNodePut(int node_id, const char *conn_string);
/* The greatest number; 0: there is none yet. */
extern int	MtmAddedNodesLast(void);
extern const char *MtmAddedNodeString(int node_id);

#endif
