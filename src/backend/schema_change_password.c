/*
 * Passwords of roles.
 *
 * Runs in: backends.
 * Path: backend/schema_change.c -> here
 *
 * A password in clear is hashed before the statement is logged, and all nodes, this one
 * too, store that one hash: nothing secret is in the WAL or on the wire, and
 * the nodes do not each choose a salt.
 */
#include "postgres.h"

#include "backend/schema_change_password.h"
#include "commands/defrem.h"
#include "commands/user.h"
#include "fmgr.h"
#include "libpq/crypt.h"
#include "nodes/parsenodes.h"
#include "parser/gramparse.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static DefElem *
find_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, name) == 0)
			return option;
	}
	return NULL;
}

/* The text with the string constant after `location` replaced. */
static char *
replace_string(const char *text, int location, const char *value)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE token_value;
	YYLTYPE		position = 0;
	int			start = -1;
	int			end = -1;
	int			token;
	StringInfoData out;

	while ((token = core_yylex(&token_value, &position, scanner)) != 0)
	{
		if (start < 0)
		{
			if ((token == SCONST || token == USCONST) && position > location)
				start = position;
		}
		else if (token == UESCAPE)
			core_yylex(&token_value, &position, scanner);	/* its string */
		else
		{
			end = position;
			break;
		}
	}
	scanner_finish(scanner);
	if (start < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not find the password in the statement")));
	initStringInfo(&out);
	appendBinaryStringInfo(&out, text, start);
	appendStringInfo(&out, "%s ", quote_literal_cstr(value));
	if (end >= 0)
		appendStringInfoString(&out, text + end);
	return out.data;
}

/* What CREATE ROLE and ALTER ROLE would check of the password itself. */
static void
check_password(const char *role, const char *password, List *options)
{
	DefElem    *until = find_option(options, "validUntil");
	Datum		until_time = (Datum) 0;

	if (!check_password_hook)
		return;
	if (until && until->arg)
		until_time = DirectFunctionCall3(timestamptz_in,
										 CStringGetDatum(strVal(until->arg)),
										 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	check_password_hook(role, password, get_password_type(password), until_time,
						!until || !until->arg);
}

/* Options of CREATE ROLE and ALTER ROLE; NIL of all others. */
static List *
role_options(Node *statement)
{
	if (IsA(statement, CreateRoleStmt))
		return ((CreateRoleStmt *) statement)->options;
	if (IsA(statement, AlterRoleStmt))
		return ((AlterRoleStmt *) statement)->options;
	return NIL;
}

static const char *
role_name(Node *statement)
{
	if (IsA(statement, CreateRoleStmt))
		return ((CreateRoleStmt *) statement)->role;
	return get_rolespec_name(((AlterRoleStmt *) statement)->role);
}

bool
MtmHidePassword(PlannedStmt **pstmt, char **text)
{
	Node	   *statement = (*pstmt)->utilityStmt;
	DefElem    *option = find_option(role_options(statement), "password");
	const char *role;
	char	   *password;
	char	   *hash;
	RawStmt    *parsed;

	if (!option || !option->arg)
		return false;
	password = strVal(option->arg);
	/* an empty one is not stored */
	if (password[0] == '\0' || get_password_type(password) != PASSWORD_TYPE_PLAINTEXT)
		return false;
	role = role_name(statement);
	check_password(role, password, role_options(statement));
	hash = encrypt_password(Password_encryption, role, password);

	*pstmt = copyObject(*pstmt);
	find_option(role_options((*pstmt)->utilityStmt), "password")->arg =
		(Node *) makeString(hash);

	/* Its own positions count from the query string's start, not the text's. */
	parsed = linitial_node(RawStmt, raw_parser(*text, RAW_PARSE_DEFAULT));
	option = find_option(role_options(parsed->stmt), "password");
	*text = replace_string(*text, option->location, hash);
	return true;
}
