/*
 * The rights with which rows of another node are written.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_APPLY_OWNER_H
#define MTM_APPLY_OWNER_H

#include "postgres.h"

/* At the start of a transaction, also after a failed one. */
extern void MtmOwnersForget(void);
extern void MtmOwnerEnter(Oid owner);
/* As for MtmOwnerEnter, for what was put off to the end of the transaction. */
extern void MtmOwnerEnterCommon(void);
/* The worker's own rights again; says whose were in force, InvalidOid if its own. */
extern Oid	MtmOwnerLeave(void);
extern Oid	MtmOwnerNow(void);

#endif
