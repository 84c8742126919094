/*
 * Writes are held off while a server becomes a node; see hold.h.
 *
 * Runs in: every session of a server that is no node yet; the postmaster.
 * Locks: none. A transaction looks for the file when it has its number already and is about to
 *        commit, so whoever makes the file and then waits for all that have a number waits
 *        for each one that did not see it.
 *
 * Refused at the commit and not at the statement: reading goes on, and nothing that began
 * earlier slips through. A session with multimaster.bypass writes the copy itself.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "forming/hold.h"
#include "miscadmin.h"
#include "monitor/state_file.h"
#include "postmaster/autovacuum.h"
#include "settings.h"
#include "storage/fd.h"

#define PATH MTM_STATE_FOLDER "/forming"
#define NEW_PATH PATH ".new"

/* The file says the state and the database, like "formed app". */
static bool
is_held(void)
{
	char		state[16];
	char		database[NAMEDATALEN];
	const char *own = get_database_name(MyDatabaseId);
	FILE	   *file = AllocateFile(PATH, "r");
	bool		whole;

	if (!file)
		return errno != ENOENT;
	whole = fscanf(file, "%15s %63[^\n]", state, database) == 2;
	FreeFile(file);
	return !whole || !own || strcmp(own, database) == 0;
}

static void
before_commit(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE)
		return;
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()) || !OidIsValid(MyDatabaseId) ||
		mtm_bypass || IsAutoVacuumWorkerProcess())
		return;
	if (access(PATH, F_OK) != 0 && errno == ENOENT)
		return;
	if (is_held())
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("database \"%s\" takes no writes: mtm.init_cluster() makes this "
						"server a node of a cluster", get_database_name(MyDatabaseId)),
				 errhint("When mtm.init_cluster() has ended, restart the server. If it was "
						 "interrupted, run it again.")));
}

void
MtmFormingInstallHooks(void)
{
	RegisterXactCallback(before_commit, NULL);
}

void
MtmFormingDone(void)
{
	if (access(PATH, F_OK) == 0)
		durable_unlink(PATH, LOG);
}

static void
write_file(const char *state)
{
	FILE	   *file = AllocateFile(NEW_PATH, "w");

	if (!file)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", NEW_PATH)));
	fprintf(file, "%s %s\n", state, get_database_name(MyDatabaseId));
	if (FreeFile(file) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", NEW_PATH)));
}

void
MtmFormingSet(const char *state)
{
	if (!state)
	{
		MtmFormingDone();
		return;
	}
	MtmStateFolderMake();
	write_file(state);
	(void) durable_rename(NEW_PATH, PATH, ERROR);
}
