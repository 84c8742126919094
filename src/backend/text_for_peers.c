/*
 * What peers are told of a statement: mostly its own text.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c -> here -> backend/schema_change_content.c
 * Locks: that of CLUSTER itself, taken with its check of rights.
 */
#include "postgres.h"

#include "backend/schema_change_content.h"
#include "backend/schema_change_temporary.h"
#include "backend/text_for_peers.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/tablecmds.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "wire/outside.h"

static char *
text_of_mark(Oid table, const char *index)
{
	return psprintf("ALTER TABLE %s CLUSTER ON %s",
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)),
											   get_rel_name(table)),
					quote_identifier(index));
}

/* It puts this server's rows in order; the mark on the index is for all nodes. */
static char *
text_of_cluster(const ClusterStmt *cluster)
{
	Oid			table = RangeVarGetRelidExtended(cluster->relation, AccessExclusiveLock, 0,
												 RangeVarCallbackOwnsTable, NULL);

	return text_of_mark(table, cluster->indexname);
}

List *
MtmTextsOfPartitionMarks(const ClusterStmt *cluster)
{
	Oid			table = RangeVarGetRelidExtended(cluster->relation, AccessShareLock, 0,
												 RangeVarCallbackOwnsTable, NULL);
	Oid			index = get_relname_relid(cluster->indexname, get_rel_namespace(table));
	bool		all = pg_database_ownercheck(MyDatabaseId, GetUserId());
	List	   *texts = NIL;
	ListCell   *cell;

	if (!OidIsValid(index) || IndexGetRelation(index, true) != table)
		return NIL;				/* an error */
	foreach(cell, find_all_inheritors(index, NoLock, NULL))
	{
		Oid			leaf = lfirst_oid(cell);
		Oid			partition = IndexGetRelation(leaf, true);

		/* PostgreSQL passes over those that are not the user's. */
		if (get_rel_relkind(leaf) == RELKIND_INDEX && OidIsValid(partition) &&
			!get_index_isclustered(leaf) &&
			(all || pg_class_ownercheck(partition, GetUserId())))
			texts = lappend(texts, text_of_mark(partition, get_rel_name(leaf)));
	}
	return texts;
}

static const char *
kind_name(ObjectType type)
{
	switch (type)
	{
		case OBJECT_INDEX:
			return "INDEX";
		case OBJECT_SEQUENCE:
			return "SEQUENCE";
		case OBJECT_VIEW:
			return "VIEW";
		default:
			return "TABLE";
	}
}

static char *
text_of_drop(const DropStmt *drop)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfo(&text, "DROP %s ", kind_name(drop->removeType));
	if (drop->missing_ok)
		appendStringInfoString(&text, "IF EXISTS ");
	foreach(cell, drop->objects)
	{
		if (cell != list_head(drop->objects))
			appendStringInfoString(&text, ", ");
		appendStringInfoString(&text, NameListToQuotedString(lfirst(cell)));
	}
	if (drop->behavior == DROP_CASCADE)
		appendStringInfoString(&text, " CASCADE");
	return text.data;
}

/*
 * One that a concurrent build of this node left, REINDEX CONCURRENTLY above all: other
 * nodes need not have it.
 */
static bool
drops_incomplete_index(const Node *statement)
{
	const DropStmt *drop = (const DropStmt *) statement;
	Oid			index;

	if (!IsA(statement, DropStmt) || drop->removeType != OBJECT_INDEX ||
		list_length(drop->objects) != 1)
		return false;
	index = RangeVarGetRelid(makeRangeVarFromNameList(linitial(drop->objects)), NoLock, true);
	return OidIsValid(index) && get_rel_relkind(index) == RELKIND_INDEX &&
		MtmIndexIsIncomplete(index);
}

static char *
text_of_drop_incomplete(const DropStmt *drop)
{
	Oid			index = RangeVarGetRelid(makeRangeVarFromNameList(linitial(drop->objects)), NoLock,
										 false);

	return psprintf("DROP INDEX IF EXISTS %s%s", MtmQualifiedName(index),
					drop->behavior == DROP_CASCADE ? " CASCADE" : "");
}

char *
MtmTextForPeers(const PlannedStmt *pstmt, const char *query_string)
{
	Node	   *statement = pstmt->utilityStmt;
	DropStmt   *others;

	if (IsA(statement, ClusterStmt))
		return text_of_cluster((ClusterStmt *) statement);
	others = MtmDropOfPermanent(statement);
	if (others && list_length(others->objects) != list_length(((DropStmt *) statement)->objects))
		return text_of_drop(others);
	if (drops_incomplete_index(statement))
		return text_of_drop_incomplete((DropStmt *) statement);
	return MtmStatementText(pstmt, query_string);
}
