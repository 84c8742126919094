/*
 * The definition of a relation on the wire; see relation_definition.h.
 *
 * Runs in: walsenders (write), apply workers (read).
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "libpq/pqformat.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "wire/relation_definition.h"
#include "wire/row.h"

static void
send_text(StringInfo out, const char *text)
{
	/* Without conversion: all nodes have the same server encoding. */
	appendBinaryStringInfo(out, text, strlen(text) + 1);
}

void
MtmRelationDefinitionWrite(StringInfo out, Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	Bitmapset  *key;
	char	   *schema = get_namespace_name(RelationGetNamespace(relation));
	int			columns = 0;

	if (!schema)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema of relation \"%s\" was not found",
						RelationGetRelationName(relation))));

	/* Takes no lock: the transaction being decoded may hold the index exclusively,
	 * and it waits for us. */
	key = RelationGetIdentityKeyBitmap(relation);
	for (int i = 0; i < desc->natts; i++)
	{
		if (MtmColumnIsSent(TupleDescAttr(desc, i), key))
			columns++;
	}

	pq_sendint32(out, RelationGetRelid(relation));
	send_text(out, schema);
	send_text(out, RelationGetRelationName(relation));
	pq_sendbyte(out, relation->rd_rel->relreplident);
	pq_sendint16(out, columns);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!MtmColumnIsSent(att, key))
			continue;
		send_text(out, NameStr(att->attname));
		pq_sendint8(out, bms_is_member(att->attnum - FirstLowInvalidHeapAttributeNumber,
									   key));
	}
	bms_free(key);
	pfree(schema);
}

void
MtmRelationDefinitionRead(StringInfo in, MtmRelationDefinition *definition)
{
	definition->id = pq_getmsgint(in, 4);
	definition->schema = pq_getmsgrawstring(in);
	definition->name = pq_getmsgrawstring(in);
	definition->replica_identity = pq_getmsgbyte(in);
	definition->columns = pq_getmsgint(in, 2);
	definition->column_name = palloc(sizeof(char *) * Max(definition->columns, 1));
	definition->column_is_key = palloc(sizeof(bool) * Max(definition->columns, 1));
	for (int i = 0; i < definition->columns; i++)
	{
		definition->column_name[i] = pq_getmsgrawstring(in);
		definition->column_is_key[i] = pq_getmsgbyte(in) != 0;
	}
}
