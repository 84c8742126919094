/*
 * Relations whose rows were sent: what peers are told of them, and how their rows are
 * written; see sent_relation.c.
 *
 * Runs in: a walsender per peer.
 */
#ifndef MTM_SENT_RELATION_H
#define MTM_SENT_RELATION_H

#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"
#include "wire/row.h"

typedef struct MtmSentRelation
{
	Oid			id;				/* hash key */
	bool		valid;
	bool		complete;
	bool		replicated;
	char		persistence;	/* of the heap that its rows are in */
	bool		identified;		/* its rows can be found by peers */
	uint64		defined_in;		/* number of the transaction that has the definition */
	MemoryContext context;		/* of what follows; gone when invalid */
	StringInfoData definition;
	List	   *composites;		/* types of columns (row_types.h) */
	MtmRowWriter *writer;
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;
} MtmSentRelation;

/* When decoding starts and ends; `context` lives as long as the decoding. */
extern void MtmSentRelationsBegin(MemoryContext context);
extern void MtmSentRelationsEnd(void);
/* Valid until the next transaction begins. The rows are in a heap of that persistence. */
extern MtmSentRelation *MtmSentRelationLookup(Relation relation, char persistence);
/* Between transactions: give back the memory of those that changed, if they are many. */
extern void MtmSentRelationsDropChanged(void);

#endif
