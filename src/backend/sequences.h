/*
 * Sequences over nodes: each node gives the values of its share, so no value is given twice
 * and nobody waits for another node.
 */
#ifndef MTM_BACKEND_SEQUENCES_H
#define MTM_BACKEND_SEQUENCES_H

#include "postgres.h"
#include "backend/sequence_share.h"
#include "catalog/pg_sequence.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* Sequences (Oid) that a schema change created; some after others (sequence_like.h). */
extern void MtmSequencesAfter(List *sequences, List *likes);
/* Relations (Oid) that a schema change altered, sequences among them; `stepped`: those that
 * it gave another increment. */
extern void MtmSequencesAltered(List *relations, List *stepped);
/* What counts alone on each node, unlogged, becomes a sequence of all nodes, or the other way round. */
extern void MtmSequencesLogged(List *sequences);
extern void MtmSequencesUnlogged(List *sequences);
/* Tables (Oid) were truncated with RESTART IDENTITY. */
extern void MtmSequencesRestarted(List *tables);
/* All that exist before the extension; this node gets its first share. */
extern void MtmSequencesAll(void);
/* This node gives a half of its share away: all that exist leave out `given`. */
extern void MtmSequencesSplit(const MtmSequenceShare *given);
/* All of them, on a new node that was not online yet: they are copies of another node's. */
extern void MtmSequencesOfCopy(void);

/* All that there are (Oid). */
extern List *MtmSequencesInCatalog(void);
/* Null, without a lock, when it is none that multimaster has to do with: a temporary one, say. */
extern Relation MtmSequenceOpen(Oid id, LOCKMODE lock);
/* Its definition with its own increment, and this node's share. False: there is no share. */
extern bool MtmSequenceDefinition(Relation sequence, FormData_pg_sequence *form,
								  MtmSequenceShare *share);
/*
 * Whatever it was before, it gives only values of the share from now on, none of those that
 * it gave. Locked by RowExclusiveLock. False: that was so.
 */
extern bool MtmSequenceAlign(Relation sequence);

#endif
