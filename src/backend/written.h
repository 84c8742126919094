/*
 * What the running transaction wrote that other nodes must get.
 *
 * Runs in: backends (and background workers of other extensions).
 */
#ifndef MTM_WRITTEN_H
#define MTM_WRITTEN_H

#include "postgres.h"
#include "utils/rel.h"

/*
 * The running transaction wrote replicated rows / changes the schema: it must be committed on all nodes. Raises
 * 57P03 at once when this node may not commit now.
 */
extern void MtmWrittenRows(void);
extern void MtmWrittenSchema(void);

extern bool MtmWritten(void);
extern bool MtmWrittenHasSchema(void);
extern void MtmWrittenReset(void);

/* Is this relation's content replicated? (permanent, logged, not made local, not ours) */
extern bool MtmRelationReplicated(Relation relation);

/*
 * True in a process whose own writes are not replicated as a client's would be: apply workers,
 * lanes, the monitor, and bypass sessions.
 */
extern bool MtmProcessExempt(void);
/* False on a server that is no node, too. */
extern bool MtmInReplicatedDatabase(void);
extern void MtmProcessSetExempt(void);

/* Executor hooks that call MtmWrittenRows. */
extern void MtmWrittenInstallHooks(void);

#endif
