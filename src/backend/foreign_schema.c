/*
 * IMPORT FOREIGN SCHEMA; see foreign_schema.h.
 *
 * Runs in: the client's backend.
 * Path: backend/schema_change.c -> here -> ProcessUtility -> backend/schema_change.c, for
 *       each foreign table
 *
 * The foreign server could answer other nodes differently, or not at all. So all nodes get
 * what came of it: CREATE FOREIGN TABLE.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/foreign_schema.h"
#include "catalog/namespace.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "parser/gramparse.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* As PostgreSQL's own ImportForeignSchema() begins. */
static List *
ask_server(ImportForeignSchemaStmt *import)
{
	ForeignServer *server = GetForeignServerByName(import->server_name, false);
	AclResult	rights = pg_foreign_server_aclcheck(server->serverid, GetUserId(), ACL_USAGE);
	ForeignDataWrapper *wrapper;
	FdwRoutine *routine;

	if (rights != ACLCHECK_OK)
		aclcheck_error(rights, OBJECT_FOREIGN_SERVER, server->servername);
	(void) LookupCreationNamespace(import->local_schema);
	wrapper = GetForeignDataWrapper(server->fdwid);
	if (!OidIsValid(wrapper->fdwhandler))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("foreign-data wrapper \"%s\" has no handler", wrapper->fdwname)));
	routine = GetFdwRoutine(wrapper->fdwhandler);
	if (!routine->ImportForeignSchema)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_NO_SCHEMAS),
				 errmsg("foreign-data wrapper \"%s\" does not support IMPORT FOREIGN SCHEMA",
						wrapper->fdwname)));
	return routine->ImportForeignSchema(import, server->serverid);
}

/* The name that begins at `start` of the text: where does it end? */
static int
end_of_name(const char *text, int start)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		position = 0;
	int			end = strlen(text);
	bool		inside = false;
	int			token;

	while ((token = core_yylex(&value, &position, scanner)) != 0)
	{
		if (position < start)
			continue;
		if (!inside)
			inside = true;
		else if (token == '.' || token == UESCAPE)
			(void) core_yylex(&value, &position, scanner);
		else
		{
			end = position;
			break;
		}
	}
	scanner_finish(scanner);
	return end;
}

/* With the schema of the statement, whatever the wrapper says. */
static char *
text_with_schema(const char *command, const RawStmt *parsed, const char *schema)
{
	const RangeVar *name = castNode(CreateForeignTableStmt, parsed->stmt)->base.relation;
	int			start = parsed->stmt_location;
	int			length = parsed->stmt_len > 0 ? parsed->stmt_len : strlen(command) - start;
	char	   *text = pnstrdup(command + start, length);
	int			name_start = name->location - start;

	return psprintf("%.*s%s %s", name_start, text,
					quote_qualified_identifier(schema, name->relname),
					text + end_of_name(text, name_start));
}

static void
tell_table(void *name)
{
	errcontext("importing foreign table \"%s\"", (const char *) name);
}

static void
create_table(const char *text, char *name)
{
	ErrorContextCallback context = {error_context_stack, tell_table, name};
	PlannedStmt *pstmt = makeNode(PlannedStmt);

	error_context_stack = &context;
	pstmt->commandType = CMD_UTILITY;
	pstmt->utilityStmt = linitial_node(RawStmt, pg_parse_query(text))->stmt;
	ProcessUtility(pstmt, text, false, PROCESS_UTILITY_QUERY, NULL, NULL, None_Receiver, NULL);
	CommandCounterIncrement();
	error_context_stack = context.previous;
}

static void
create_tables(const char *command, ImportForeignSchemaStmt *import)
{
	ListCell   *cell;

	foreach(cell, pg_parse_query(command))
	{
		RawStmt    *parsed = lfirst_node(RawStmt, cell);
		char	   *name;

		if (!IsA(parsed->stmt, CreateForeignTableStmt))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("the foreign-data wrapper of server \"%s\" returned another statement than CREATE FOREIGN TABLE",
							import->server_name)));
		name = castNode(CreateForeignTableStmt, parsed->stmt)->base.relation->relname;
		if (IsImportableForeignTable(name, import))
			create_table(text_with_schema(command, parsed, import->local_schema), name);
	}
}

void
MtmImportForeignSchema(ImportForeignSchemaStmt *import)
{
	List	   *commands = ask_server(import);
	ListCell   *cell;

	foreach(cell, commands)
		create_tables(lfirst(cell), import);
}
