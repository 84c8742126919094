/*
 * Foreign keys of the rows that a transaction of another node changes.
 *
 * Runs in: apply workers.
 */
#ifndef MTM_APPLY_FOREIGN_KEYS_H
#define MTM_APPLY_FOREIGN_KEYS_H

#include "nodes/execnodes.h"

/* At the start of a transaction, also after a failed one. Off: note and check nothing. */
extern void MtmForeignKeysBegin(bool on);
/* A row as it was (NULL: inserted) and as it is (NULL: deleted). */
extern void MtmForeignKeysNote(ResultRelInfo *result, TupleTableSlot *before,
							   TupleTableSlot *after);
/* All rows of these tables go: nothing is left to check. */
extern void MtmForeignKeysForget(List *tables);
/*
 * Check what was noted; no query is open. At the end of the transaction all must hold;
 * before that, what may be deferred is put off if it does not.
 */
extern void MtmForeignKeysCheck(bool at_end);

#endif
