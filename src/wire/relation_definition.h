/*
 * The definition of a relation as rows refer to it: written once per transaction
 * before the relation's first row, because transactions are applied in parallel
 * by workers that share nothing. A worker keeps what it derived from a
 * definition under the definition's very bytes.
 *
 *   uint32 id, schema, name, char replica identity, uint16 columns,
 *   for each column: name, uint8 in the replica identity
 */
#ifndef MTM_RELATION_DEFINITION_H
#define MTM_RELATION_DEFINITION_H

#include "lib/stringinfo.h"
#include "utils/rel.h"

typedef struct MtmRelationDefinition
{
	Oid			id;				/* at the sender */
	const char *schema;			/* these point into the input */
	const char *name;
	char		replica_identity;
	int			columns;
	const char **column_name;	/* palloc'd arrays */
	bool	   *column_is_key;
} MtmRelationDefinition;

extern void MtmRelationDefinitionWrite(StringInfo out, Relation relation);
extern void MtmRelationDefinitionRead(StringInfo in, MtmRelationDefinition *definition);

#endif
