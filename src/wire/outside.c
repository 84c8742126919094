/*
 * What statements outside of transactions make so; see outside.h.
 *
 * Runs in: backends, sessions of other nodes, apply workers, the recovery process.
 * Locks: a share of the index that is there, until the commit: whoever drops or renames it
 *        comes after the commit that says it is there, on all nodes. So of a partition that
 *        is detached.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/tablespace.h"
#include "fmgr.h"
#include "parser/parse_utilcmd.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "wire/outside.h"
#include "wire/pinned_settings.h"

#define IN_PLACE "pg_tblspc/"

void
MtmOutsideBegin(void)
{
	MemoryContext context = CurrentMemoryContext;

	while (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
}

char *
MtmQualifiedName(Oid relation)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relation));
	char	   *name = get_rel_name(relation);

	if (!schema || !name)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation with OID %u was dropped meanwhile", relation)));
	return quote_qualified_identifier(schema, name);
}

char *
MtmIndexDefinition(Oid index)
{
	int			level = MtmPinSettings();
	char	   *definition;

	definition = pg_get_indexdef_string(index);
	AtEOXact_GUC(false, level);
	return definition;
}

/* The functions that it calls run with the client's settings, as on the client's node. */
IndexStmt *
MtmIndexAnalyze(Oid table, IndexStmt *statement, const char *text)
{
	int			level = MtmPinSettings();
	IndexStmt  *analyzed = transformIndexStmt(table, statement, text);

	AtEOXact_GUC(false, level);
	return analyzed;
}

Oid
MtmIndexOfStatement(const IndexStmt *statement)
{
	Oid			table = RangeVarGetRelid(statement->relation, NoLock, true);
	Oid			index;

	if (!OidIsValid(table) || !statement->idxname)
		return InvalidOid;
	index = get_relname_relid(statement->idxname, get_rel_namespace(table));
	if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX ||
		IndexGetRelation(index, true) != table)
		return InvalidOid;
	return index;
}

bool
MtmIndexIsIncomplete(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		incomplete = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	incomplete = !((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
	ReleaseSysCache(tuple);
	return incomplete;
}

static bool
index_is_so(const IndexStmt *statement, const char *text)
{
	Oid			index = MtmIndexOfStatement(statement);

	if (!OidIsValid(index))
		return false;
	LockRelationOid(index, AccessShareLock);
	return MtmIndexOfStatement(statement) == index && !MtmIndexIsIncomplete(index) &&
		strcmp(MtmIndexDefinition(index), text) == 0;
}

static bool
index_is_gone(const DropStmt *statement)
{
	RangeVar   *name = makeRangeVarFromNameList(linitial(statement->objects));

	return !OidIsValid(RangeVarGetRelid(name, NoLock, true));
}

MtmPartitionState
MtmPartitionStateOf(Oid parent, Oid partition)
{
	if (!OidIsValid(parent) || !OidIsValid(partition) ||
		!get_rel_relispartition(partition) || get_partition_parent(partition, true) != parent)
		return MTM_PARTITION_OTHER;
	return PartitionHasPendingDetach(partition) ? MTM_PARTITION_DETACHING :
		MTM_PARTITION_ATTACHED;
}

AlterTableCmd *
MtmDetachCommand(const AlterTableStmt *detach)
{
	AlterTableCmd *command = linitial_node(AlterTableCmd, detach->cmds);

	if (command->subtype != AT_DetachPartition &&
		command->subtype != AT_DetachPartitionFinalize)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("another form of ALTER TABLE does not run outside of transactions")));
	return command;
}

MtmPartitionState
MtmPartitionOfStatement(const AlterTableStmt *detach, Oid *parent, Oid *partition)
{
	RangeVar   *name = castNode(PartitionCmd, MtmDetachCommand(detach)->def)->name;

	*parent = RangeVarGetRelid(detach->relation, NoLock, true);
	*partition = RangeVarGetRelid(name, NoLock, true);
	return MtmPartitionStateOf(*parent, *partition);
}

static bool
partition_is_detached(const AlterTableStmt *detach)
{
	Oid			parent;
	Oid			partition;

	if (MtmPartitionOfStatement(detach, &parent, &partition) != MTM_PARTITION_OTHER)
		return false;
	if (!OidIsValid(partition))
		return true;
	LockRelationOid(partition, AccessShareLock);
	return MtmPartitionOfStatement(detach, &parent, &partition) == MTM_PARTITION_OTHER;
}

static bool
tablespace_is_so(const CreateTableSpaceStmt *statement)
{
	Oid			tablespace = get_tablespace_oid(statement->tablespacename, true);
	char	   *wanted = pstrdup(statement->location);
	char	   *location;

	if (!OidIsValid(tablespace))
		return false;
	canonicalize_path(wanted);
	location = text_to_cstring(DatumGetTextPP(
		DirectFunctionCall1(pg_tablespace_location, ObjectIdGetDatum(tablespace))));
	if (wanted[0] == '\0')
		return strncmp(location, IN_PLACE, strlen(IN_PLACE)) == 0;
	return strcmp(location, wanted) == 0;
}

bool
MtmOutsideIsSo(Node *statement, const char *text)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			return index_is_so((IndexStmt *) statement, text);
		case T_DropStmt:
			return index_is_gone((DropStmt *) statement);
		case T_AlterTableStmt:
			return partition_is_detached((AlterTableStmt *) statement);
		case T_CreateTableSpaceStmt:
			return tablespace_is_so((CreateTableSpaceStmt *) statement);
		case T_DropTableSpaceStmt:
			return !OidIsValid(get_tablespace_oid(
				((DropTableSpaceStmt *) statement)->tablespacename, true));
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("another kind of statement does not run outside of transactions")));
	}
}
