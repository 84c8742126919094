/*
 * Bodies of other nodes' transactions: in the queue memory, or in a file of the server's own
 * that is gone at the next start.
 */
#ifndef MTM_BODIES_H
#define MTM_BODIES_H

#include "shmem/transactions.h"

#define MTM_SPILL_DIR "pg_mtm/spill"

/* Names for bodies that go to disk. */
extern uint32 MtmSpillNext(void);
extern void MtmSpillPath(uint32 spill_id, char path[MAXPGPATH]);
/* Files of a server that ended: their transactions come again. */
extern void MtmSpilledRemoveAll(void);
/* Give back what the body of `tx` occupies, in memory or on disk. */
extern void MtmTransactionFreeBody(MtmTransaction *tx);

#endif
