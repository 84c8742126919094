/*
 * What is done with a utility statement.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c -> here -> schema_change_temporary.c, schema_change_rows.c
 * Locks: those that the statement itself takes first (schema_change_rows.c).
 *
 * First the table by kind of statement, which knows every kind of PostgreSQL 15; what
 * it does not know is refused. Then temporary objects, which are local. Last the
 * forms of a replicated statement that could not do the same on every node.
 */
#include "postgres.h"

#include "backend/schema_change_class.h"
#include "backend/schema_change_rows.h"
#include "backend/schema_change_temporary.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "settings.h"
#include "utils/lsyscache.h"

#define EXTENSION_NAME "multimaster"

typedef enum Kind
{
	KIND_LOCAL,
	KIND_ONLY_HERE,
	KIND_ROWS,
	KIND_REPLICATED,
	KIND_OUTSIDE_TRANSACTIONS,
	KIND_SUBSCRIPTION,			/* refused */
	KIND_FOREIGN_ANSWER,
	KIND_UNKNOWN				/* refused */
} Kind;

static Kind
kind_of(Node *statement)
{
	switch (nodeTag(statement))
	{
			/* state of this session, or of this server's files */
		case T_AlterCollationStmt:	/* REFRESH VERSION: this server's library */
		case T_AlterDatabaseRefreshCollStmt:
		case T_AlterSystemStmt:
		case T_CallStmt:
		case T_CheckPointStmt:
		case T_ClosePortalStmt:
		case T_ClusterStmt:
		case T_ConstraintsSetStmt:
		case T_DeallocateStmt:
		case T_DeclareCursorStmt:
		case T_DiscardStmt:
		case T_DoStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
		case T_FetchStmt:
		case T_ListenStmt:
		case T_LoadStmt:
		case T_LockStmt:
		case T_NotifyStmt:
		case T_PrepareStmt:
		case T_ReindexStmt:
		case T_TransactionStmt:
		case T_UnlistenStmt:
		case T_VacuumStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
			return KIND_LOCAL;

		case T_CreatedbStmt:
		case T_DropdbStmt:
			return KIND_ONLY_HERE;

		case T_CopyStmt:
		case T_TruncateStmt:
			return KIND_ROWS;

		case T_AlterDatabaseSetStmt:
		case T_AlterDatabaseStmt:
		case T_AlterDefaultPrivilegesStmt:
		case T_AlterDomainStmt:
		case T_AlterEnumStmt:
		case T_AlterEventTrigStmt:
		case T_AlterExtensionContentsStmt:
		case T_AlterExtensionStmt:
		case T_AlterFdwStmt:
		case T_AlterForeignServerStmt:
		case T_AlterFunctionStmt:
		case T_AlterObjectDependsStmt:
		case T_AlterObjectSchemaStmt:
		case T_AlterOpFamilyStmt:
		case T_AlterOperatorStmt:
		case T_AlterOwnerStmt:
		case T_AlterPolicyStmt:
		case T_AlterPublicationStmt:
		case T_AlterRoleSetStmt:
		case T_AlterRoleStmt:
		case T_AlterSeqStmt:
		case T_AlterStatsStmt:
		case T_AlterTSConfigurationStmt:
		case T_AlterTSDictionaryStmt:
		case T_AlterTableMoveAllStmt:
		case T_AlterTableSpaceOptionsStmt:
		case T_AlterTableStmt:
		case T_AlterTypeStmt:
		case T_AlterUserMappingStmt:
		case T_CommentStmt:
		case T_CompositeTypeStmt:
		case T_CreateAmStmt:
		case T_CreateCastStmt:
		case T_CreateConversionStmt:
		case T_CreateDomainStmt:
		case T_CreateEnumStmt:
		case T_CreateEventTrigStmt:
		case T_CreateExtensionStmt:
		case T_CreateFdwStmt:
		case T_CreateForeignServerStmt:
		case T_CreateForeignTableStmt:
		case T_CreateFunctionStmt:
		case T_CreateOpClassStmt:
		case T_CreateOpFamilyStmt:
		case T_CreatePLangStmt:
		case T_CreatePolicyStmt:
		case T_CreatePublicationStmt:
		case T_CreateRangeStmt:
		case T_CreateRoleStmt:
		case T_CreateSchemaStmt:
		case T_CreateSeqStmt:
		case T_CreateStatsStmt:
		case T_CreateStmt:
		case T_CreateTableAsStmt:
		case T_CreateTransformStmt:
		case T_CreateTrigStmt:
		case T_CreateUserMappingStmt:
		case T_DefineStmt:
		case T_DropOwnedStmt:
		case T_DropRoleStmt:
		case T_DropStmt:
		case T_DropUserMappingStmt:
		case T_GrantRoleStmt:
		case T_GrantStmt:
		case T_IndexStmt:
		case T_ReassignOwnedStmt:
		case T_RefreshMatViewStmt:
		case T_RenameStmt:
		case T_RuleStmt:
		case T_SecLabelStmt:
		case T_ViewStmt:
			return KIND_REPLICATED;

		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
			return KIND_OUTSIDE_TRANSACTIONS;

		case T_AlterSubscriptionStmt:
		case T_CreateSubscriptionStmt:
		case T_DropSubscriptionStmt:
			return KIND_SUBSCRIPTION;

		case T_ImportForeignSchemaStmt:
			return KIND_FOREIGN_ANSWER;

		default:
			return KIND_UNKNOWN;
	}
}

static MtmStatementClass
refuse(MtmStatementRefusal *refusal, const char *detail, const char *hint)
{
	refusal->detail = detail;
	refusal->hint = hint;
	return MTM_STATEMENT_REFUSED;
}

static bool
has_true_option(List *options, const char *name)
{
	ListCell   *cell;
	bool		value = false;

	/* Of several, PostgreSQL takes the last. */
	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, name) == 0)
			value = defGetBoolean(option);
	}
	return value;
}

static bool
is_this_database(const char *name)
{
	return strcmp(name, get_database_name(MyDatabaseId)) == 0;
}

static MtmStatementClass
class_of_database(const char *name)
{
	return is_this_database(name) ? MTM_STATEMENT_REPLICATED : MTM_STATEMENT_ONLY_HERE;
}

/* A statement about any kind of object: some kinds are not the same on all nodes. */
static MtmStatementClass
class_of_object(ObjectType type, Node *object, MtmStatementRefusal *refusal)
{
	switch (type)
	{
		case OBJECT_LARGEOBJECT:
			return MTM_STATEMENT_LOCAL; /* as large objects themselves are */
		case OBJECT_DATABASE:
			return object ? class_of_database(strVal(object)) : MTM_STATEMENT_REPLICATED;
		case OBJECT_SUBSCRIPTION:
			if (mtm_volkswagen_mode)
				return MTM_STATEMENT_ONLY_HERE;
			return refuse(refusal, "Subscriptions belong to one node.", NULL);
		default:
			return MTM_STATEMENT_REPLICATED;
	}
}

static MtmStatementClass
class_of_grant(GrantStmt *grant, MtmStatementRefusal *refusal)
{
	MtmStatementClass class = MTM_STATEMENT_REPLICATED;
	ListCell   *cell;
	bool		first = true;

	if (grant->objtype != OBJECT_DATABASE && grant->objtype != OBJECT_LARGEOBJECT)
		return class;
	foreach(cell, grant->objects)
	{
		MtmStatementClass one = class_of_object(grant->objtype, lfirst(cell), refusal);

		if (!first && one != class)
			return refuse(refusal, "It names databases that are replicated and others.",
						  "Write one statement for each database.");
		class = one;
		first = false;
	}
	return class;
}

static MtmStatementClass
class_of_extension(const char *name)
{
	return strcmp(name, EXTENSION_NAME) == 0 ? MTM_STATEMENT_OURS :
		MTM_STATEMENT_REPLICATED;
}

static MtmStatementClass
class_of_drop(DropStmt *drop, MtmStatementRefusal *refusal)
{
	ListCell   *cell;
	int			ours = 0;

	if (drop->concurrent)
		return MTM_STATEMENT_OUTSIDE;
	if (drop->removeType != OBJECT_EXTENSION)
		return MTM_STATEMENT_REPLICATED;
	foreach(cell, drop->objects)
	{
		if (strcmp(strVal(lfirst(cell)), EXTENSION_NAME) == 0)
			ours++;
	}
	if (ours == 0)
		return MTM_STATEMENT_REPLICATED;
	if (ours == list_length(drop->objects))
		return MTM_STATEMENT_OURS;
	return refuse(refusal, "It names the extension multimaster and others.",
				  "Drop the extensions one by one.");
}

static MtmStatementClass
class_of_sequence(List *options, MtmStatementRefusal *refusal)
{
	if (MtmSequenceOptionsCycle(options))
		return refuse(refusal, MtmCycleDetail, NULL);
	return MTM_STATEMENT_REPLICATED;
}

/* Peers are told the columns of a table, and the query of a materialized view. */
static MtmStatementClass
class_of_query(CreateTableAsStmt *create)
{
	return create->objtype == OBJECT_MATVIEW && create->into->skipData ?
		MTM_STATEMENT_REPLICATED : MTM_STATEMENT_COMPUTES;
}

/* EXPLAIN ANALYZE runs what it explains. */
static MtmStatementClass
class_of_explain(ExplainStmt *explain, const char *query_string)
{
	Query	   *query = castNode(Query, explain->query);

	if (!has_true_option(explain->options, "analyze") ||
		query->commandType != CMD_UTILITY || !IsA(query->utilityStmt, CreateTableAsStmt) ||
		MtmStatementTemporary(query->utilityStmt, query_string) == MTM_TEMPORARY_ALL)
		return MTM_STATEMENT_LOCAL;
	return MTM_STATEMENT_COMPUTES;
}

/* Puts the rows of this server in order; but it also remembers the index for later. */
static MtmStatementClass
class_of_cluster(ClusterStmt *cluster, MtmStatementRefusal *refusal)
{
	Oid			table;
	Oid			index;

	if (!cluster->relation || !cluster->indexname)
		return MTM_STATEMENT_LOCAL;
	table = RangeVarGetRelid(cluster->relation, NoLock, true);
	if (!OidIsValid(table) || get_rel_persistence(table) == RELPERSISTENCE_TEMP)
		return MTM_STATEMENT_LOCAL;
	index = get_relname_relid(cluster->indexname, get_rel_namespace(table));
	if (!OidIsValid(index) || get_index_isclustered(index))
		return MTM_STATEMENT_LOCAL;
	if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE)
		return MTM_STATEMENT_CLUSTER_PARTITIONS;
	/* Prepared, it would keep a lock that decoding waits for. */
	if (IsCatalogRelationOid(table))
		return refuse(refusal, "It would change a system catalog.", NULL);
	return MTM_STATEMENT_REPLICATED;	/* as ALTER TABLE ... CLUSTER ON */
}

static MtmStatementClass
class_of_local(Node *statement, const char *query_string, MtmStatementRefusal *refusal)
{
	if (IsA(statement, ExplainStmt))
		return class_of_explain((ExplainStmt *) statement, query_string);
	if (IsA(statement, ClusterStmt))
		return class_of_cluster((ClusterStmt *) statement, refusal);
	return MTM_STATEMENT_LOCAL;
}

/* The forms of a statement on permanent objects. */
static MtmStatementClass
class_of_replicated(Node *statement, const char *query_string,
					MtmStatementRefusal *refusal)
{
	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
			return class_of_query((CreateTableAsStmt *) statement);
		case T_RefreshMatViewStmt:
			return ((RefreshMatViewStmt *) statement)->skipData ?
				MTM_STATEMENT_REPLICATED : MTM_STATEMENT_COMPUTES;
		case T_IndexStmt:
			return ((IndexStmt *) statement)->concurrent ? MTM_STATEMENT_OUTSIDE :
				MTM_STATEMENT_REPLICATED;
		case T_DropStmt:
			return class_of_drop((DropStmt *) statement, refusal);
		case T_CreateExtensionStmt:
			return class_of_extension(((CreateExtensionStmt *) statement)->extname);
		case T_AlterExtensionStmt:
			return class_of_extension(((AlterExtensionStmt *) statement)->extname);
		case T_AlterExtensionContentsStmt:
			return class_of_extension(((AlterExtensionContentsStmt *) statement)->extname);
		case T_AlterSeqStmt:
			return class_of_sequence(((AlterSeqStmt *) statement)->options, refusal);
		case T_AlterDatabaseStmt:
			{
				AlterDatabaseStmt *alter = (AlterDatabaseStmt *) statement;
				ListCell   *cell;

				if (!is_this_database(alter->dbname))
					return MTM_STATEMENT_ONLY_HERE;
				foreach(cell, alter->options)
				{
					if (strcmp(((DefElem *) lfirst(cell))->defname, "tablespace") == 0)
						return refuse(refusal, "No session may use the database meanwhile, and "
									  "those of multimaster do.", NULL);
				}
				return MTM_STATEMENT_REPLICATED;
			}
		case T_AlterDatabaseSetStmt:
			return class_of_database(((AlterDatabaseSetStmt *) statement)->dbname);
		case T_AlterRoleSetStmt:
			if (((AlterRoleSetStmt *) statement)->database)
				return class_of_database(((AlterRoleSetStmt *) statement)->database);
			return MTM_STATEMENT_REPLICATED;
		case T_GrantStmt:
			return class_of_grant((GrantStmt *) statement, refusal);
		case T_CommentStmt:
			return class_of_object(((CommentStmt *) statement)->objtype,
								   ((CommentStmt *) statement)->object, refusal);
		case T_SecLabelStmt:
			return class_of_object(((SecLabelStmt *) statement)->objtype,
								   ((SecLabelStmt *) statement)->object, refusal);
		case T_AlterOwnerStmt:
			return class_of_object(((AlterOwnerStmt *) statement)->objectType,
								   ((AlterOwnerStmt *) statement)->object, refusal);
		case T_RenameStmt:
			{
				RenameStmt *rename = (RenameStmt *) statement;

				if (rename->renameType == OBJECT_DATABASE)
					return MTM_STATEMENT_ONLY_HERE; /* this one cannot be renamed */
				return class_of_object(rename->renameType, rename->object, refusal);
			}
		case T_AlterTableStmt:
			return MtmClassOfAlterTable((AlterTableStmt *) statement, query_string, refusal);
		default:
			return MTM_STATEMENT_REPLICATED;
	}
}

bool
MtmStatementMayChangeSchema(Node *statement)
{
	Kind		kind = kind_of(statement);

	return kind != KIND_LOCAL && kind != KIND_ONLY_HERE && kind != KIND_ROWS;
}

MtmStatementClass
MtmStatementClassify(Node *statement, const char *query_string,
					 MtmStatementRefusal *refusal)
{
	Kind		kind = kind_of(statement);

	refusal->detail = NULL;
	refusal->hint = NULL;
	if (kind == KIND_LOCAL)
		return class_of_local(statement, query_string, refusal);
	if (kind == KIND_ONLY_HERE)
		return MTM_STATEMENT_ONLY_HERE;
	if (kind == KIND_ROWS)
		return MTM_STATEMENT_ROWS;

	switch (MtmStatementTemporary(statement, query_string))
	{
		case MTM_TEMPORARY_NONE:
			break;
		case MTM_TEMPORARY_ALL:
			return MTM_STATEMENT_LOCAL;
		case MTM_TEMPORARY_SOME:
			if (MtmDropOfPermanent(statement) && !((DropStmt *) statement)->concurrent)
				return MTM_STATEMENT_REPLICATED;	/* of the permanent ones */
			return refuse(refusal, "It names temporary objects, which exist on this node only, "
						  "beside permanent ones.",
						  "Write one statement for each.");
	}

	switch (kind)
	{
		case KIND_REPLICATED:
			return class_of_replicated(statement, query_string, refusal);
		case KIND_OUTSIDE_TRANSACTIONS:
			return MTM_STATEMENT_OUTSIDE;
		case KIND_SUBSCRIPTION:
			if (mtm_volkswagen_mode)
				return MTM_STATEMENT_ONLY_HERE;
			return refuse(refusal, "Subscriptions belong to one node.", NULL);
		case KIND_FOREIGN_ANSWER:
			return MTM_STATEMENT_IMPORT;
		default:
			return refuse(refusal, "This kind of statement is not known.", NULL);
	}
}
