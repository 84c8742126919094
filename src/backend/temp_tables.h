/*
 * Temporary tables in a transaction that is prepared; see temp_tables.c.
 */
#ifndef MTM_TEMP_TABLES_H
#define MTM_TEMP_TABLES_H

#include "postgres.h"

/* Before PREPARE: do what ON COMMIT asks, and make PREPARE accept the
 * transaction. True if it used temporary tables. */
extern bool MtmTempTablesBeforePrepare(void);
/* After COMMIT PREPARED or ROLLBACK PREPARED, in a transaction: remove what the
 * outcome left behind. After a rollback it ends that transaction and starts another. */
extern void MtmTempTablesAfterOutcome(bool committed);
/* At every end of a transaction. */
extern void MtmTempTablesForget(bool committed);
extern void MtmTempTablesInstallHooks(void);

#endif
