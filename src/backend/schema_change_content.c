/*
 * What is logged of a schema change.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c -> here -> wire/schema_change.c
 *
 * All settings below are sent, not only changed ones: a peer's configuration may have
 * other defaults.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/schema_change_content.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "storage/proc.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/queryjumble.h"
#include "wire/schema_change.h"

/* Settings that change what a statement creates, or how its text is read. */
static const char *const settings[] = {
	"DateStyle",
	"IntervalStyle",
	"TimeZone",
	"allow_in_place_tablespaces",
	"allow_system_table_mods",
	"array_nulls",
	"backslash_quote",
	"bytea_output",
	"default_table_access_method",
	"default_tablespace",
	"default_text_search_config",
	"default_toast_compression",
	"extra_float_digits",
	"lc_monetary",
	"lc_numeric",
	"lc_time",
	"multimaster.dump_of_cluster",
	"row_security",
	"search_path",
	"standard_conforming_strings",
	"timezone_abbreviations",
	"transform_null_equals",
	"xmlbinary",
	"xmloption"
};

/* Is what a reader of the text would run the same as what runs here? */
static bool
same_statement(Node *parsed, Node *statement)
{
	if (nodeTag(parsed) != nodeTag(statement))
		return false;
	if (IsA(statement, ExplainStmt))
		return same_statement(((ExplainStmt *) parsed)->query,
							  castNode(Query, ((ExplainStmt *) statement)->query)->utilityStmt);
	if (IsA(statement, CreateTableAsStmt))	/* holds an analyzed query */
		return equal(((CreateTableAsStmt *) parsed)->into->rel,
					 ((CreateTableAsStmt *) statement)->into->rel);
	return equal(parsed, statement);
}

/* The client has been told of names that are too long, and the like. */
static List *
parse_silently(const char *text)
{
	int			client = client_min_messages;
	int			server = log_min_messages;
	List	   *parsed;

	PG_TRY();
	{
		client_min_messages = log_min_messages = ERROR;
		parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	}
	PG_FINALLY();
	{
		client_min_messages = client;
		log_min_messages = server;
	}
	PG_END_TRY();
	return parsed;
}

char *
MtmStatementText(const PlannedStmt *pstmt, const char *query_string)
{
	int			location = pstmt->stmt_location;
	int			length = pstmt->stmt_len;
	const char *start = CleanQuerytext(query_string, &location, &length);
	char	   *text = pnstrdup(start, length);
	List	   *parsed = parse_silently(text);

	if (list_length(parsed) != 1 ||
		!same_statement(linitial_node(RawStmt, parsed)->stmt, pstmt->utilityStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("multimaster does not support %s without its text",
						GetCommandTagName(CreateCommandTag(pstmt->utilityStmt))),
				 errdetail("A program built the statement, and other nodes could not be told it.")));
	return text;
}

static List *
add_value(List *list, const char *name, const char *value)
{
	MtmSetting *setting = palloc(sizeof(*setting));

	setting->name = name;
	setting->value = value;
	return lappend(list, setting);
}

static List *
add_setting(List *list, const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	/* the buffer is static for some */
	return value ? add_value(list, name, pstrdup(value)) : list;
}

/* SET ... FROM CURRENT takes the value that a setting has here. */
static List *
add_current(List *list, Node *node)
{
	VariableSetStmt *set = (VariableSetStmt *) node;

	if (set && IsA(set, VariableSetStmt) && set->kind == VAR_SET_CURRENT)
		list = add_setting(list, set->name);
	return list;
}

static List *
add_current_of_options(List *list, List *options)
{
	ListCell   *cell;

	foreach(cell, options)
		list = add_current(list, ((DefElem *) lfirst(cell))->arg);
	return list;
}

static List *
settings_of(Node *statement)
{
	List	   *list = NIL;

	for (int i = 0; i < lengthof(settings); i++)
		list = add_setting(list, settings[i]);
	/* how long a peer may wait; without it, as long as for rows */
	if (LockTimeout > 0)
		list = add_setting(list, "lock_timeout");
	/* checked here; and a body may use temporary tables, which peers do not have */
	list = add_value(list, "check_function_bodies", "off");
	switch (nodeTag(statement))
	{
		case T_AlterRoleSetStmt:
			return add_current(list, (Node *) ((AlterRoleSetStmt *) statement)->setstmt);
		case T_AlterDatabaseSetStmt:
			return add_current(list, (Node *) ((AlterDatabaseSetStmt *) statement)->setstmt);
		case T_CreateFunctionStmt:
			return add_current_of_options(list, ((CreateFunctionStmt *) statement)->options);
		case T_AlterFunctionStmt:
			return add_current_of_options(list, ((AlterFunctionStmt *) statement)->actions);
		case T_SelectStmt:		/* a function is called: the triggers of what it writes */
			return add_setting(list, "session_replication_role");
		default:
			return list;
	}
}

static StringInfo
content_of(Node *statement, const char *text, bool rows_follow, bool outside, List *values)
{
	StringInfo	content = makeStringInfo();
	MtmSchemaChange change;

	change.rows_follow = rows_follow;
	change.statement = text;
	change.role = GetUserNameFromId(GetUserId(), false);
	change.session_role = GetUserNameFromId(GetSessionUserId(), false);
	change.transaction_start = GetCurrentTransactionStartTimestamp();
	change.statement_start = GetCurrentStatementStartTimestamp();
	change.settings = settings_of(statement);
	change.outside = outside;
	change.index_name = IsA(statement, IndexStmt) && ((IndexStmt *) statement)->idxname ?
		((IndexStmt *) statement)->idxname : "";
	change.values = values;
	MtmSchemaChangeWrite(content, &change);
	return content;
}

StringInfo
MtmSchemaChangeContent(Node *statement, const char *text, bool rows_follow, List *values)
{
	return content_of(statement, text, rows_follow, false, values);
}

StringInfo
MtmSchemaChangeOutside(Node *statement, const char *text)
{
	return content_of(statement, text, false, true, NIL);
}
