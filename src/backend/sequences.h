/*
 * Sequences over nodes: each node gives every Nth value, so no value is given twice and
 * nobody waits for another node.
 */
#ifndef MTM_BACKEND_SEQUENCES_H
#define MTM_BACKEND_SEQUENCES_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* N: so many nodes can give values of their own. */
extern int	MtmSequenceNodes(void);
/* Sequences that a schema change created. A list of Oids. */
extern void MtmSequencesAfter(List *sequences);
/* All sequences that exist. */
extern void MtmSequencesAll(void);

/* All of them, on a new node that was not online yet: they are copies of another node's. */
extern void MtmSequencesOfCopy(void);

#endif
