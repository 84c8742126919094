/* Statements are answered only by a node that is online (I10). */
#ifndef MTM_STATEMENT_GATE_H
#define MTM_STATEMENT_GATE_H

#include "nodes/nodes.h"
#include "tcop/utility.h"

/* Refuse a utility statement of a client on a node that is not online: 57P03. */
extern void MtmStatementGateUtility(Node *statement, ProcessUtilityContext context);
/* May it be refused in this process? */
extern bool MtmStatementNeedsLease(void);
/* Until the lease holds; or refuses: 57P03. */
extern void MtmWaitForLease(void);
/* The same for queries, by executor hooks. */
extern void MtmStatementGateInstallHooks(void);

#endif
