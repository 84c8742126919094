/* What peers are told of a statement: mostly its own text. */
#ifndef MTM_BACKEND_TEXT_FOR_PEERS_H
#define MTM_BACKEND_TEXT_FOR_PEERS_H

#include "postgres.h"
#include "nodes/plannodes.h"

/* ERROR 0A000 if it has no text of its own. */
extern char *MtmTextForPeers(const PlannedStmt *pstmt, const char *query_string);

/* CLUSTER of a partitioned table: statements that mark the indexes of its partitions. */
extern List *MtmTextsOfPartitionMarks(const ClusterStmt *cluster);

#endif
