/*
 * The node list; see node_list.h.
 *
 * Runs in: read once in the postmaster; every process inherits it.
 *
 * What is wrong with a string is said in words of ours where it may hold a
 * password, because libpq quotes from the string in its messages.
 */
#include "postgres.h"

#include "common/string.h"
#include "lib/stringinfo.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "node_list.h"
#include "nodes/pg_list.h"
#include "settings.h"
#include "shmem/added_nodes.h"
#include "storage/fd.h"
#include "utils/memutils.h"

static List *strings = NIL;		/* char *, in TopMemoryContext */
static char *database_name = NULL;

int
MtmFounderCount(void)
{
	return list_length(strings);
}

int
MtmNodeCount(void)
{
	return Max(list_length(strings), MtmAddedNodesLast());
}

const char *
MtmConnString(int node_id)
{
	Assert(node_id >= 1 && node_id <= MtmNodeCount());
	if (node_id > list_length(strings))
		return MtmAddedNodeString(node_id);
	return list_nth(strings, node_id - 1);
}

char *
MtmDatabaseName(void)
{
	return database_name;
}

static void
add_string(const char *from, const char *end)
{
	while (from < end && isspace((unsigned char) *from))
		from++;
	while (end > from && isspace((unsigned char) end[-1]))
		end--;
	strings = lappend(strings, pnstrdup(from, end - from));
}

/* Commas separate, but for those in '...' (where \ escapes, as libpq reads it). */
static void
split_list(const char *list)
{
	const char *from = list;
	const char *at;
	bool		quoted = false;

	for (at = list; *at; at++)
	{
		if (quoted && *at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '\'')
			quoted = !quoted;
		else if (*at == ',' && !quoted)
		{
			add_string(from, at);
			from = at + 1;
		}
	}
	add_string(from, at);
}

static void
read_file(const char *path)
{
	FILE	   *file = AllocateFile(path, "r");
	StringInfoData line;

	if (!file)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" named in multimaster.conn_strings: %m",
						path)));
	initStringInfo(&line);
	while (pg_get_line_buf(file, &line))
	{
		const char *from = line.data;

		while (isspace((unsigned char) *from))
			from++;
		if (*from != '\0' && *from != '#')
			add_string(from, line.data + line.len);
	}
	if (ferror(file))
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\" named in multimaster.conn_strings: %m",
						path)));
	FreeFile(file);
	pfree(line.data);
}

static bool
is_uri(const char *string)
{
	return strncmp(string, "postgres://", 11) == 0 ||
		strncmp(string, "postgresql://", 13) == 0;
}

/* What is wrong, in words that hold no part of a string which may hold a password. */
static const char *
problem_of(const char *string, const char *libpq_message)
{
	if (is_uri(string))
		return "it is not a valid URI";
	if (!strcasestr(string, "pass"))
		return pchomp(libpq_message);
	if (strstr(libpq_message, "missing \"=\""))
		return "a word has no \"=\" after it";
	if (strstr(libpq_message, "invalid connection option"))
		return "it has an option that libpq does not know";
	if (strstr(libpq_message, "unterminated quoted"))
		return "a quoted value does not end";
	return "it is not a valid connection string";
}

static const char *
option_value(PQconninfoOption *options, const char *keyword)
{
	for (PQconninfoOption *option = options; option->keyword; option++)
	{
		if (strcmp(option->keyword, keyword) == 0)
			return option->val;
	}
	return NULL;
}

static void
refuse_string(int node_id, const char *problem)
{
	ereport(FATAL,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("multimaster.conn_strings: connection string %d is wrong: %s",
					node_id, problem),
			 errhint("Each looks like \"host=... port=... dbname=...\"; a comma "
					 "separates two of them.")));
}

const char *
MtmConnStringProblem(const char *string)
{
	char	   *error = NULL;
	PQconninfoOption *options;
	const char *dbname;
	const char *problem = NULL;

	if (string[0] == '\0')
		return "it is empty";
	options = PQconninfoParse(string, &error);
	if (!options)
		return problem_of(string, error ? error : "out of memory");
	dbname = option_value(options, "dbname");
	if (!dbname || dbname[0] == '\0')
		problem = "it has no dbname";
	else if (option_value(options, "replication"))
		problem = "it must not set \"replication\"";
	PQconninfoFree(options);
	return problem;
}

static char *
database_in(const char *string)
{
	PQconninfoOption *options = PQconninfoParse(string, NULL);
	char	   *dbname;

	if (!options)
		ereport(FATAL,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	dbname = pstrdup(option_value(options, "dbname"));
	PQconninfoFree(options);
	return dbname;
}

static void
check_string(int node_id, const char *string)
{
	const char *problem = MtmConnStringProblem(string);

	if (problem)
		refuse_string(node_id, problem);
	/* One that was added is not among them: its database has the name of the others'. */
	if (node_id == mtm_node_id || node_id == 1)
		database_name = database_in(string);
}

void
MtmNodeListRead(const char *setting)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	if (setting[0] == '@')
		read_file(setting + 1);
	else
		split_list(setting);
	for (int i = 0; i < list_length(strings); i++)
		check_string(i + 1, list_nth(strings, i));
	if (strings == NIL)
		ereport(FATAL,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("multimaster.conn_strings: file \"%s\" has no connection string",
						setting + 1)));
	MemoryContextSwitchTo(old);
}

static void
refuse_added(const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the connection string is wrong: %s", problem),
			 errhint("It looks like \"host=... port=... dbname=...\".")));
}

void
MtmConnStringCheck(const char *string)
{
	char	   *error = NULL;
	PQconninfoOption *options = PQconninfoParse(string, &error);
	const char *dbname;
	const char *problem = NULL;

	if (!options)
		refuse_added(problem_of(string, error ? error : "out of memory"));
	dbname = option_value(options, "dbname");
	if (strlen(string) >= MTM_ADDED_STRING_SIZE)
		problem = "it is too long";
	else if (!dbname || strcmp(dbname, MtmDatabaseName()) != 0)
		problem = psprintf("its dbname must be \"%s\"", MtmDatabaseName());
	else if (!option_value(options, "host") && !option_value(options, "hostaddr"))
		problem = "it has no host";
	else if (option_value(options, "replication"))
		problem = "it must not set \"replication\"";
	PQconninfoFree(options);
	if (problem)
		refuse_added(problem);
}

static bool
is_secret(const PQconninfoOption *option)
{
	/* libpq marks what a dialog must hide, or need not show, this way. */
	return strcmp(option->dispchar, "*") == 0 ||
		strcmp(option->keyword, "passfile") == 0;
}

static void
append_option(StringInfo out, const PQconninfoOption *option)
{
	appendStringInfo(out, "%s%s='", out->len > 0 ? " " : "", option->keyword);
	for (const char *at = option->val; *at; at++)
	{
		if (*at == '\'' || *at == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *at);
	}
	appendStringInfoChar(out, '\'');
}

char *
MtmConnStringPublic(int node_id)
{
	PQconninfoOption *options = PQconninfoParse(MtmConnString(node_id), NULL);
	StringInfoData out;

	if (!options)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	initStringInfo(&out);
	for (PQconninfoOption *option = options; option->keyword; option++)
	{
		if (option->val && !is_secret(option))
			append_option(&out, option);
	}
	PQconninfoFree(options);
	return out.data;
}

static PQconninfoOption *
parse_checked(const char *string)
{
	char	   *error = NULL;
	PQconninfoOption *options = PQconninfoParse(string, &error);

	if (!options)
		refuse_added(problem_of(string, error ? error : "out of memory"));
	return options;
}

char *
MtmConnStringMerge(const char *string, const char *more)
{
	PQconninfoOption *options = parse_checked(string);
	PQconninfoOption *others = parse_checked(more);
	bool		other_user = option_value(others, "user") != NULL;
	StringInfoData out;

	initStringInfo(&out);
	/* The same options in the same order. */
	for (int i = 0; options[i].keyword; i++)
	{
		if (others[i].val)
			append_option(&out, &others[i]);
		else if (options[i].val &&
				 !(other_user && strcmp(options[i].keyword, "password") == 0))
			append_option(&out, &options[i]);
	}
	PQconninfoFree(options);
	PQconninfoFree(others);
	return out.data;
}

char *
MtmConnStringSplit(const char *string, char **password)
{
	PQconninfoOption *options = parse_checked(string);
	StringInfoData out;

	*password = NULL;
	initStringInfo(&out);
	for (PQconninfoOption *option = options; option->keyword; option++)
	{
		if (!option->val)
			continue;
		if (strcmp(option->keyword, "password") == 0)
			*password = pstrdup(option->val);
		else if (strcmp(option->keyword, "sslpassword") == 0)
			refuse_added("it has an sslpassword, which cannot be handed to other programs");
		else
			append_option(&out, option);
	}
	PQconninfoFree(options);
	return out.data;
}
