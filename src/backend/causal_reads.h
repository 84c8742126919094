/* multimaster.causal_reads: a read sees what was acknowledged on any node before it began. */
#ifndef MTM_CAUSAL_READS_H
#define MTM_CAUSAL_READS_H

#include "executor/execdesc.h"
#include "nodes/plannodes.h"

/* A query is about to start, with the snapshot that it was given; it gets a newer one. */
extern void MtmCausalQuery(QueryDesc *query);
/* A utility statement begins; one has ended, and may have begun a block. */
extern void MtmCausalUtility(const PlannedStmt *plan);
extern void MtmCausalUtilityEnded(const PlannedStmt *plan);

#endif
