/*
 * Sequences over nodes: of N nodes each gives every Nth value, so no value is given
 * twice and nobody waits for another node.
 */
#ifndef MTM_BACKEND_SEQUENCES_H
#define MTM_BACKEND_SEQUENCES_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* Sequences that a schema change created. A list of Oids. */
extern void MtmSequencesAfter(List *sequences);
/* All sequences that exist. */
extern void MtmSequencesAll(void);

#endif
