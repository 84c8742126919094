/*
 * Relations whose rows were sent; see sent_relation.h.
 *
 * Runs in: a walsender per peer.
 * Path: sender/plugin.c -> here -> wire/relation_definition.c
 * Locks: none: a walsender must not wait for what a prepared transaction holds.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "sender/row_types.h"
#include "sender/sent_relation.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "wire/relation_definition.h"
#include "wire/replicated.h"

/* Relations that are remembered before those are forgotten that changed. */
#define MANY_RELATIONS 512

static HTAB *relations = NULL;
static MemoryContext decoding = NULL;

static void
forget_relation(Datum arg, Oid id)
{
	if (!relations)
		return;
	if (OidIsValid(id))
	{
		MtmSentRelation *sent = hash_search(relations, &id, HASH_FIND, NULL);

		if (sent)
			sent->valid = false;
	}
	else
	{
		HASH_SEQ_STATUS scan;
		MtmSentRelation *sent;

		hash_seq_init(&scan, relations);
		while ((sent = hash_seq_search(&scan)) != NULL)
			sent->valid = false;
	}
}

static void
forget_relations(Datum arg, int cache_id, uint32 hash_value)
{
	forget_relation(arg, InvalidOid);
}

void
MtmSentRelationsBegin(MemoryContext context)
{
	HASHCTL		info;
	static bool registered = false;

	decoding = context;
	memset(&info, 0, sizeof(info));
	info.keysize = sizeof(Oid);
	info.entrysize = sizeof(MtmSentRelation);
	info.hcxt = context;
	relations = hash_create("multimaster sent relations", 128, &info,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (registered)
		return;
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	/* a renamed schema renames all its relations */
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_relations, (Datum) 0);
	registered = true;
}

void
MtmSentRelationsEnd(void)
{
	relations = NULL;
}

void
MtmSentRelationsDropChanged(void)
{
	HASH_SEQ_STATUS scan;
	MtmSentRelation *sent;

	if (hash_get_num_entries(relations) < MANY_RELATIONS)
		return;
	hash_seq_init(&scan, relations);
	while ((sent = hash_seq_search(&scan)) != NULL)
	{
		if (sent->valid && sent->complete)
			continue;
		if (sent->context)
			MemoryContextDelete(sent->context);
		hash_search(relations, &sent->id, HASH_REMOVE, NULL);
	}
}

MtmSentRelation *
MtmSentRelationLookup(Relation relation, char persistence)
{
	Oid			id = RelationGetRelid(relation);
	bool		found;
	MtmSentRelation *sent = hash_search(relations, &id, HASH_ENTER, &found);
	MemoryContext old;
	TupleDesc	desc;

	if (!found)
	{
		sent->valid = false;
		sent->complete = false;
		sent->context = NULL;
	}
	if (sent->valid && sent->complete && sent->persistence == persistence)
		return sent;

	if (sent->context)
	{
		MemoryContextDelete(sent->context);
		sent->context = NULL;
	}
	/* Valid from before the look-ups: an invalidation during them counts. */
	sent->valid = true;
	sent->complete = false;	/* an error may come */
	sent->defined_in = 0;
	sent->persistence = persistence;
	sent->replicated = MtmRelationIsReplicatedAs(relation, persistence);
	sent->identified = relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL ||
		OidIsValid(RelationGetReplicaIndex(relation));

	sent->context = AllocSetContextCreate(decoding, "multimaster relation",
										  ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(sent->context);
	desc = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	sent->composites = MtmCompositeTypes(desc);
	initStringInfo(&sent->definition);
	MtmRelationDefinitionWrite(&sent->definition, relation);
	sent->writer = MtmRowWriterCreate(desc, RelationGetIdentityKeyBitmap(relation),
									  sent->context);
	sent->old_slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	sent->new_slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	MemoryContextSwitchTo(old);
	sent->complete = true;
	return sent;
}
