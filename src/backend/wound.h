/* The end of a transaction that stands in the way of another node's; see wound.c. */
#ifndef MTM_WOUND_H
#define MTM_WOUND_H

#include "nodes/parsenodes.h"

extern void MtmWoundInstallHooks(void);

/* Before a statement, and at the commit of what is no block: ERROR 40001 if it could not
 * be raised when it was asked for. */
extern void MtmWoundCheck(void);

/* Before a transaction statement: ERROR 40001 where the client does not know yet that its
 * transaction was ended. */
extern void MtmWoundTransactionStatement(const TransactionStmt *stmt);

#endif
