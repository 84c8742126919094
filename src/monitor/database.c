/*
 * The monitor's way into the cluster's database; see database.h.
 *
 * Runs in: the monitor, at its start.
 *
 * A process can connect to a database only once, and ends when there is none. So
 * that the log is not filled with that, an attempt that failed is noted in shared
 * memory, and the next process looks for the database without connecting to one.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "background.h"
#include "catalog/pg_database.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "monitor/database.h"
#include "monitor/remote_query.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "settings.h"
#include "shmem/processes.h"
#include "shmem/view.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define LOOK_AGAIN_MS 1000
/* After CREATE EXTENSION failed here. */
#define CREATE_AGAIN_MS 10000
#define ASK_PEER_MS 1000

static void
sleep_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	MtmReloadIfAsked();
}

/* By a plain scan: without a database there are no indexes and no system caches. */
static bool
database_exists(void)
{
	Relation	databases;
	TableScanDesc scan;
	HeapTuple	tuple;
	bool		exists = false;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	databases = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(databases, 0, NULL);
	while (!exists && (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		exists = strcmp(NameStr(database->datname), MtmDatabaseName()) == 0;
	}
	table_endscan(scan);
	table_close(databases, AccessShareLock);
	CommitTransactionCommand();
	return exists;
}

/* Returns when it exists; this process can no longer connect to it. */
static void
wait_for_database(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	if (!database_exists())
		ereport(LOG,
				(errmsg("multimaster waits for database \"%s\" to be created",
						MtmDatabaseName())));
	while (!database_exists())
		sleep_ms(LOOK_AGAIN_MS);
}

void
MtmDatabaseConnect(void)
{
	if (MtmDatabaseMissing())
	{
		wait_for_database();
		MtmDatabaseSetMissing(false);
		proc_exit(1);			/* started again in a second, to connect */
	}
	MtmDatabaseSetMissing(true);
	MtmBackgroundBegin("monitor");
	MtmBackgroundOwnNames();
	MtmDatabaseSetMissing(false);
}

static bool
extension_exists(void)
{
	bool		exists;

	StartTransactionCommand();
	exists = OidIsValid(get_extension_oid("multimaster", true));
	CommitTransactionCommand();
	return exists;
}

static bool
some_peer_has_extension(void)
{
	MtmForEachPeer(node_id)
	{
		if (MtmRemoteQueryFindsRow(node_id, "SELECT mtm.my_node_id()", ASK_PEER_MS))
			return true;
	}
	return false;
}

static void
create_extension(void)
{
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute("CREATE EXTENSION IF NOT EXISTS multimaster CASCADE", false, 0) !=
		SPI_OK_UTILITY)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not run CREATE EXTENSION")));
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* False, with the reason in the log, when it failed. Somebody may just be doing the same. */
static bool
try_create_extension(void)
{
	MemoryContext context = CurrentMemoryContext;
	bool		created = true;

	PG_TRY();
	{
		create_extension();
		ereport(LOG,
				(errmsg("extension multimaster was created, since another node has it")));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("extension multimaster could not be created, though another node "
						"has it: %s", error->message),
				 error->hint ? errhint("%s", error->hint) : 0));
		FreeErrorData(error);
		created = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return created;
}

void
MtmDatabaseWaitForExtension(void)
{
	bool		told = false;

	while (!extension_exists())
	{
		if (!told)
			ereport(LOG,
					(errmsg("multimaster waits for CREATE EXTENSION multimaster in "
							"database \"%s\" of any node", MtmDatabaseName())));
		told = true;
		if (some_peer_has_extension() && !extension_exists() && !try_create_extension())
			sleep_ms(CREATE_AGAIN_MS);
		else
			sleep_ms(LOOK_AGAIN_MS);
	}
}
