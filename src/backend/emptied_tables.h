/*
 * Temporary tables with ON COMMIT DELETE ROWS; see emptied_tables.c.
 */
#ifndef MTM_EMPTIED_TABLES_H
#define MTM_EMPTIED_TABLES_H

#include "nodes/nodes.h"

/* The tables that `statement` creates are such ones, or not. Gives what was before. */
extern bool MtmEmptiedTablesCreating(bool creating);
extern bool MtmCreatesEmptiedTable(Node *statement);
/* After ROLLBACK PREPARED, in a transaction that will be committed. */
extern void MtmEmptiedTablesRestore(void);
extern void MtmEmptiedTablesForget(bool committed); /* at every end of a transaction */
extern void MtmEmptiedTablesInstallHooks(void);

#endif
