/*
 * Sequences made after others; see sequence_like.h.
 *
 * Runs in: backends, apply workers.
 * Path: backend/schema_change.c -> here -> backend/sequences.c
 * Locks: none; the statement has locked the tables.
 */
#include "postgres.h"

#include "backend/sequence_like.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"

typedef struct Like
{
	char	   *table;			/* that is created */
	RangeVar   *model;
} Like;

static List *
likes_of_table(CreateStmt *create)
{
	List	   *likes = NIL;
	ListCell   *cell;

	foreach(cell, create->tableElts)
	{
		TableLikeClause *clause = lfirst(cell);
		Like	   *like;

		if (!IsA(clause, TableLikeClause) || !(clause->options & CREATE_TABLE_LIKE_IDENTITY))
			continue;
		like = palloc(sizeof(Like));
		like->table = pstrdup(create->relation->relname);
		like->model = copyObject(clause->relation);
		likes = lappend(likes, like);
	}
	return likes;
}

List *
MtmIdentityLikes(Node *statement)
{
	List	   *likes = NIL;
	ListCell   *cell;

	if (IsA(statement, CreateStmt))
		return likes_of_table((CreateStmt *) statement);
	if (!IsA(statement, CreateSchemaStmt))
		return NIL;
	foreach(cell, ((CreateSchemaStmt *) statement)->schemaElts)
	{
		if (IsA(lfirst(cell), CreateStmt))
			likes = list_concat(likes, likes_of_table(lfirst(cell)));
	}
	return likes;
}

/* Those of temporary and unlogged tables count by one. */
static bool
has_multiplied(RangeVar *model, const char *column)
{
	Oid			table = RangeVarGetRelid(model, NoLock, true);
	AttrNumber	number = OidIsValid(table) ? get_attnum(table, column) : InvalidAttrNumber;
	Oid			sequence = number == InvalidAttrNumber ? InvalidOid :
		getIdentitySequence(table, number, true);

	return OidIsValid(sequence) && get_rel_persistence(sequence) == RELPERSISTENCE_PERMANENT;
}

/* A column comes from one place, so it is enough that one of them has it. */
bool
MtmSequenceIsLike(Oid sequence, List *likes)
{
	Oid			table;
	int32		number;
	char	   *name;
	char	   *column;
	ListCell   *cell;

	if (likes == NIL || !sequenceIsOwned(sequence, DEPENDENCY_INTERNAL, &table, &number))
		return false;
	name = get_rel_name(table);
	column = get_attname(table, number, true);
	if (!name || !column)
		return false;
	foreach(cell, likes)
	{
		Like	   *like = lfirst(cell);

		if (strcmp(like->table, name) == 0 && has_multiplied(like->model, column))
			return true;
	}
	return false;
}
