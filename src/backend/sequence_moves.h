/*
 * Sequences that go on elsewhere, on all nodes: setval(), mtm.alter_sequences(), and with
 * multimaster.monotonic_sequences each transaction that drew values.
 */
#ifndef MTM_BACKEND_SEQUENCE_MOVES_H
#define MTM_BACKEND_SEQUENCE_MOVES_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "wire/sequence_move.h"

/*
 * Sequences (Oid) whose values are others since a schema change, though they go on: tell
 * the other nodes where this one does.
 */
extern void MtmSequencesTellBehind(List *sequences);
/* The same, where others gave no values yet. */
extern void MtmSequencesTellReach(List *sequences);
/* An apply worker is about to give other values to this sequence, and has locked it. */
extern void MtmSequenceNoteGiven(Oid sequence);
/*
 * The sequences of which the running transaction drew values: tell the other nodes where
 * they stand here. Returns how many there are.
 */
extern int	MtmSequencesTellDrawn(void);

/* In an apply worker; `decided`: the transaction is committed elsewhere already. */
extern void MtmSequenceMoveApply(const MtmSequenceMove *move, bool decided);

#endif
