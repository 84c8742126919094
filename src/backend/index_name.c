/*
 * The name of an index whose statement does not give one; see index_name.h.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c -> here
 * Locks: ShareLock on the table, until the commit, as CREATE INDEX itself.
 *
 * Each node would choose what is free there, and a build that a crash ended may have left an
 * index on one of them. The rules are those of DefineIndex(), whose functions are private.
 */
#include "postgres.h"

#include "backend/index_name.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parse_target.h"
#include "utils/lsyscache.h"

static bool
contains(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* One that no column before it has. */
static char *
column_name(const IndexElem *element, List *before)
{
	char	   *first = element->name;
	char	   *name;

	if (element->expr)
		first = FigureIndexColname(element->expr);
	if (!first)
		first = "expr";
	name = first;
	for (int i = 1; contains(before, name); i++)
	{
		char	   *number = psprintf("%d", i);
		int			length = pg_mbcliplen(first, strlen(first),
										  NAMEDATALEN - 1 - strlen(number));

		name = psprintf("%.*s%s", length, first, number);
	}
	return name;
}

static char *
joined(List *names)
{
	char		text[NAMEDATALEN * 2] = "";
	int			length = 0;
	ListCell   *cell;

	foreach(cell, names)
	{
		if (length > 0)
			text[length++] = '_';
		strlcpy(text + length, lfirst(cell), NAMEDATALEN);
		length += strlen(text + length);
		if (length >= NAMEDATALEN)
			break;
	}
	return pstrdup(text);
}

static char *
choose_name(const IndexStmt *create)
{
	Oid			table = RangeVarGetRelidExtended(create->relation, ShareLock, 0,
												 RangeVarCallbackOwnsRelation, NULL);
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, list_concat_copy(create->indexParams, create->indexIncludingParams))
		names = lappend(names, column_name(lfirst(cell), names));
	return ChooseRelationName(get_rel_name(table), joined(names), "idx",
							  get_rel_namespace(table), false);
}

PlannedStmt *
MtmWithIndexName(PlannedStmt *pstmt)
{
	IndexStmt  *create = (IndexStmt *) pstmt->utilityStmt;

	if (!IsA(create, IndexStmt) || create->idxname)
		return pstmt;
	pstmt = copyObject(pstmt);
	create = (IndexStmt *) pstmt->utilityStmt;
	create->idxname = choose_name(create);
	return pstmt;
}
