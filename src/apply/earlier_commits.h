/*
 * What was committed before a schema change of another node, and must be so here, too.
 */
#ifndef MTM_APPLY_EARLIER_COMMITS_H
#define MTM_APPLY_EARLIER_COMMITS_H

#include "shmem/transactions.h"

/*
 * Waits until all that was committed on the node of `tx` before it was prepared there is
 * committed here. False: its generation is over.
 */
extern bool MtmWaitEarlierCommits(const MtmTransaction *tx);

#endif
