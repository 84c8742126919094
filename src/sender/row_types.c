/*
 * Composite types of columns, made known before a row is written; see row_types.h.
 *
 * Runs in: a walsender per peer.
 * Path: sender/plugin.c -> here -> PostgreSQL's type cache
 * Locks: none, which is what it is for.
 *
 * An output function asks the type cache for the columns of a composite value, and that
 * locks the type's relation when it does not know them yet. The transaction that is decoded
 * may have created or altered the type, and holds its lock until peers have voted. So the
 * cache is given the columns before, from the relation cache, which needs no lock.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "sender/row_types.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* What is in it: the element of an array, what a domain or a range is over. */
static Oid
inner_type(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			inner = get_element_type(base);

	if (OidIsValid(inner))
		return inner;
	switch (get_typtype(base))
	{
		case TYPTYPE_RANGE:
			return get_range_subtype(base);
		case TYPTYPE_MULTIRANGE:
			return get_multirange_range(base);
		default:
			return InvalidOid;
	}
}

static Oid
innermost_type(Oid type)
{
	for (Oid inner = inner_type(type); OidIsValid(inner); inner = inner_type(type))
		type = inner;
	return getBaseType(type);
}

List *
MtmCompositeTypes(TupleDesc desc)
{
	List	   *types = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Oid			type;

		if (column->attisdropped)
			continue;
		type = innermost_type(column->atttypid);
		if (get_typtype(type) == TYPTYPE_COMPOSITE)
			types = list_append_unique_oid(types, type);
	}
	return types;
}

static void
load(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, 0);
	Relation	relation;

	if (entry->tupDesc || !OidIsValid(entry->typrelid))
		return;
	relation = RelationIdGetRelation(entry->typrelid);
	if (!RelationIsValid(relation))
		return;
	/* as the cache itself does: the reference is not a resource owner's */
	entry->tupDesc = RelationGetDescr(relation);
	entry->tupDesc->tdrefcount++;
	entry->tupDesc_identifier = assign_record_type_identifier(RECORDOID, -1);
	RelationClose(relation);
}

void
MtmCompositeTypesLoad(List *types)
{
	ListCell   *cell;

	foreach(cell, types)
	{
		List	   *inner;

		check_stack_depth();
		load(lfirst_oid(cell));
		if (!lookup_type_cache(lfirst_oid(cell), 0)->tupDesc)
			continue;
		inner = MtmCompositeTypes(lookup_type_cache(lfirst_oid(cell), 0)->tupDesc);
		MtmCompositeTypesLoad(inner);
		list_free(inner);
	}
}
