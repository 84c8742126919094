/*
 * Sequences over nodes: each node gives the values of its share, so no value is given twice
 * and nobody waits for another node.
 */
#ifndef MTM_BACKEND_SEQUENCES_H
#define MTM_BACKEND_SEQUENCES_H

#include "postgres.h"
#include "backend/sequence_share.h"
#include "nodes/pg_list.h"

/* Sequences (Oid) that a schema change created; some after others (sequence_like.h). */
extern void MtmSequencesAfter(List *sequences, List *likes);
/* Relations (Oid) that a schema change altered, sequences among them. */
extern void MtmSequencesAltered(List *relations);
/* All that exist before the extension; this node gets its first share. */
extern void MtmSequencesAll(void);
/* This node gives a half of its share away: all that exist leave out `given`. */
extern void MtmSequencesSplit(const MtmSequenceShare *given);
/* All of them, on a new node that was not online yet: they are copies of another node's. */
extern void MtmSequencesOfCopy(void);

#endif
