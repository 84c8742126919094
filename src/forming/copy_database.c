/*
 * Copying a database by pg_dump and psql; see copy_database.h.
 *
 * Runs in: the session of mtm.init_cluster().
 * Path: forming/shell_forming.c -> here -> a shell, pg_dump, psql
 *
 * The programs are those beside the server's own. Connection strings and SQL reach the shell
 * in its environment and by its standard input, which only the server's user can read; the
 * passwords reach the programs in theirs. pg_dump's end is seen before `after` is sent, so a
 * dump that broke off ends in a connection that closes, and a transaction that is undone.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "forming/copy_database.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port.h"
#include "storage/ipc.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/wait_event.h"

#define SAID_MAX 2000

/*
 * What belongs to the server alone stays: tablespaces, subscriptions, rows of unlogged tables.
 * pg_dump sets its own search_path; who else locks a table for long is named by its error.
 */
#define PG_DUMP \
	"PGPASSWORD=\"$MTM_FROM_PASSWORD\" \"$MTM_BIN/pg_dump\" -w --lock-wait-timeout=60s " \
	"--no-tablespaces --no-subscriptions --no-unlogged-table-data -d \"$MTM_FROM\""

#define COPY \
	"{ cat; " PG_DUMP " && printf '%s\\n' \"$MTM_AFTER\"; } | " \
	"PGPASSWORD=\"$MTM_TO_PASSWORD\" \"$MTM_BIN/psql\" -XqAtw -v ON_ERROR_STOP=1 -d \"$MTM_TO\" " \
	"-o /dev/null -f -"

typedef struct Program
{
	pid_t		pid;			/* and its process group */
	int			input;			/* -1: closed */
	int			output;
	int			errors;
} Program;

static char *
folder_of_programs(void)
{
	char		path[MAXPGPATH];
	static const char *const names[] = {"pg_dump", "psql"};

	strlcpy(path, my_exec_path, MAXPGPATH);
	get_parent_directory(path);
	for (int i = 0; i < lengthof(names); i++)
	{
		char	   *program = psprintf("%s/%s", path, names[i]);

		if (access(program, X_OK) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not find program \"%s\": %m", program),
					 errhint("Install PostgreSQL's client programs beside the server.")));
	}
	return pstrdup(path);
}

static void
make_pipe(int ends[2])
{
	if (pipe(ends) < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not create pipe: %m")));
	for (int i = 0; i < 2; i++)
		(void) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
}

/* Between fork() and exec(): nothing of the backend's may run. */
static void
become_shell(const char *script, char **environment, const int ends[3])
{
	char	   *arguments[] = {"sh", "-c", (char *) script, NULL};

	setpgid(0, 0);
	for (int fd = 0; fd < 3; fd++)
	{
		if (dup2(ends[fd], fd) < 0)
			_exit(126);
	}
	signal(SIGPIPE, SIG_DFL);
	execve("/bin/sh", arguments, environment);
	_exit(127);
}

static Program
start(const char *script, char **environment)
{
	Program		program;
	int			in[2];
	int			out[2];
	int			err[2];

	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	program.pid = fork();
	if (program.pid == 0)
		become_shell(script, environment, (int[]) {in[0], out[1], err[1]});
	close(in[0]);
	close(out[1]);
	close(err[1]);
	program.input = in[1];
	program.output = out[0];
	program.errors = err[0];
	(void) fcntl(program.input, F_SETFL, O_NONBLOCK);
	if (program.pid < 0)
		ereport(ERROR, (errmsg("could not start a program: %m")));
	setpgid(program.pid, program.pid);
	return program;
}

static void
close_ends(Program *program)
{
	int		   *ends[] = {&program->input, &program->output, &program->errors};

	for (int i = 0; i < lengthof(ends); i++)
	{
		if (*ends[i] >= 0)
			close(*ends[i]);
		*ends[i] = -1;
	}
}

/* Its exit status; -1: there is none. */
static int
reap(Program *program)
{
	int			status;
	pid_t		found;

	do
		found = waitpid(program->pid, &status, 0);
	while (found < 0 && errno == EINTR);
	program->pid = 0;
	return found > 0 ? status : -1;
}

/* Also at the end of this process: what goes on without it could still end well. */
static void
end(int code, Datum arg)
{
	Program    *program = (Program *) DatumGetPointer(arg);

	close_ends(program);
	if (program->pid <= 0)
		return;
	kill(-program->pid, SIGTERM);
	(void) reap(program);
}

static void
wait_for(int fd, int events)
{
	int			happened;

	do
	{
		happened = WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | events,
									 fd, -1L, PG_WAIT_EXTENSION);
		if (happened & WL_LATCH_SET)
			ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	} while (!(happened & events));
}

/* Bytes read; 0: the end. */
static int
read_some(int fd, char *into, int size)
{
	for (;;)
	{
		int			got;

		wait_for(fd, WL_SOCKET_READABLE);
		got = read(fd, into, size);
		if (got >= 0)
			return got;
		if (errno != EINTR && errno != EAGAIN)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not read from pipe: %m")));
	}
}

static void
give_input(Program *program, const char *text)
{
	size_t		left = text ? strlen(text) : 0;

	while (left > 0)
	{
		ssize_t		written = write(program->input, text, left);

		if (written < 0 && (errno == EINTR || errno == EAGAIN))
		{
			wait_for(program->input, WL_SOCKET_WRITEABLE);
			continue;
		}
		if (written < 0)
			break;				/* it ended: its status says why */
		text += written;
		left -= written;
	}
	close(program->input);
	program->input = -1;
}

static void
refuse(const char *said)
{
	/* In the system's language, it may be in any encoding. */
	if (!pg_verifymbstr(said, strlen(said), true))
		said = "its message is in another encoding";
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("the database could not be copied"),
			 errdetail_internal("%s", said[0] ? said : "The programs gave no reason.")));
}

/* The beginning of what it says tells the reason; the rest is read away. */
static void
wait_for_end(Program *program)
{
	StringInfoData said;
	char		buffer[1024];
	int			got;
	int			status;

	initStringInfo(&said);
	while ((got = read_some(program->errors, buffer, sizeof(buffer))) > 0)
	{
		if (said.len < SAID_MAX)
			appendBinaryStringInfo(&said, buffer, got);
	}
	status = reap(program);
	while (said.len > 0 && said.data[said.len - 1] == '\n')
		said.data[--said.len] = '\0';
	if (status != 0)
		refuse(said.data);
}

static char *
variable(const char *name, const char *value)
{
	return psprintf("%s=%s", name, value ? value : "");
}

static char **
environment_of(const char *from, const char *from_password, const char *to,
			   const char *to_password, const char *after)
{
	char	   *more[] = {
		variable("MTM_BIN", folder_of_programs()),
		variable("MTM_FROM", from),
		variable("MTM_FROM_PASSWORD", from_password),
		variable("MTM_TO", to),
		variable("MTM_TO_PASSWORD", to_password),
		variable("MTM_AFTER", after),
		NULL
	};
	int			own = 0;
	char	  **all;

	while (environ[own])
		own++;
	all = palloc((own + lengthof(more)) * sizeof(char *));
	memcpy(all, environ, own * sizeof(char *));
	memcpy(all + own, more, sizeof(more));
	return all;
}

void
MtmCopyDatabase(const char *from, const char *from_password, const char *to,
				const char *to_password, const char *before, const char *after)
{
	char	  **environment = environment_of(from, from_password, to, to_password, after);
	Program		program = start(COPY, environment);

	PG_ENSURE_ERROR_CLEANUP(end, PointerGetDatum(&program));
	{
		give_input(&program, before);
		wait_for_end(&program);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end, PointerGetDatum(&program));
	end(0, PointerGetDatum(&program));
}

/*
 * Lines that differ between equal databases: those by which psql is kept from commands in the
 * data hold a random word, and a sequence stands elsewhere in each copy of a server.
 */
static bool
is_own(const char *line)
{
	static const char *const beginnings[] = {
		"\\restrict ", "\\unrestrict ", "SELECT pg_catalog.setval("
	};

	for (int i = 0; i < lengthof(beginnings); i++)
	{
		if (strncmp(line, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	return false;
}

static bool
begins_data(const StringInfo line)
{
	static const char end[] = " FROM stdin;\n";
	int			at = line->len - (int) strlen(end);

	return strncmp(line->data, "COPY ", 5) == 0 && at > 0 &&
		strcmp(line->data + at, end) == 0;
}

static void
digest_output(int fd, pg_cryptohash_ctx *hash)
{
	StringInfoData line;
	char		buffer[8192];
	int			got;
	bool		in_data = false;

	initStringInfo(&line);
	while ((got = read_some(fd, buffer, sizeof(buffer))) > 0)
	{
		for (int i = 0; i < got; i++)
		{
			appendStringInfoChar(&line, buffer[i]);
			if (buffer[i] != '\n')
				continue;
			if (in_data)
				in_data = strcmp(line.data, "\\.\n") != 0;
			else
				in_data = begins_data(&line);
			if ((in_data || !is_own(line.data)) &&
				pg_cryptohash_update(hash, (uint8 *) line.data, line.len) < 0)
				elog(ERROR, "could not compute a digest: %s", pg_cryptohash_error(hash));
			resetStringInfo(&line);
		}
	}
}

static char *
hexadecimal(const uint8 *bytes, int count)
{
	char	   *text = palloc(count * 2 + 1);

	text[hex_encode((const char *) bytes, count, text)] = '\0';
	return text;
}

char *
MtmDatabaseDigest(const char *conninfo, const char *password)
{
	char	  **environment = environment_of(conninfo, password, NULL, NULL, NULL);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	Program		program;

	if (!hash || pg_cryptohash_init(hash) < 0)
		elog(ERROR, "could not begin a digest");
	program = start(PG_DUMP, environment);
	PG_ENSURE_ERROR_CLEANUP(end, PointerGetDatum(&program));
	{
		give_input(&program, NULL);
		digest_output(program.output, hash);
		wait_for_end(&program);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end, PointerGetDatum(&program));
	end(0, PointerGetDatum(&program));
	/* After an error the resource owner frees it. */
	if (pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute a digest: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	return hexadecimal(digest, sizeof(digest));
}
