/* Conflicts of the transaction that is being applied with others; see conflict.c. */
#ifndef MTM_APPLY_CONFLICT_H
#define MTM_APPLY_CONFLICT_H

#include "shmem/transactions.h"

/* Once in an apply worker. */
extern void MtmConflictInitialize(void);
/* Then, and after a reload: settings with which nothing could interrupt it. */
extern void MtmConflictCheckSettings(void);
/* Around what may wait for locks; End also after an error. */
extern void MtmConflictBegin(const MtmTransaction *tx);
extern void MtmConflictEnd(void);

#endif
