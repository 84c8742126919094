/* Applying the records of one transaction of another node. */
#ifndef MTM_ROWS_H
#define MTM_ROWS_H

#include "lib/stringinfo.h"
#include "shmem/transactions.h"

/*
 * Around all records of a transaction, inside a PostgreSQL transaction. `decided`: it is
 * committed elsewhere, so nothing may be found against it any more.
 */
extern void MtmRowsBegin(const MtmTransaction *tx, bool decided);
extern void MtmRowsEnd(void);

/* R, I, U, D, T records: what follows the kind. */
extern void MtmApplyDefinition(StringInfo record);
extern void MtmApplyInsert(StringInfo record);
extern void MtmApplyRefill(StringInfo record);
extern void MtmApplyUpdate(StringInfo record);
extern void MtmApplyDelete(StringInfo record);
extern void MtmApplyTruncate(StringInfo record);
/* Close everything that a schema change must not find open, and go on after it. */
extern void MtmRowsPause(void);
extern void MtmRowsResume(void);

#endif
