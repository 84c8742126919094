/*
 * background_commit(library, sql): runs the statements in a background worker of the
 * library (this one), as extensions do that write from one: SPI between
 * StartTransactionCommand and CommitTransactionCommand. Returns when the worker has
 * ended; an error of the worker is in the server's log only.
 *
 * Runs in: the caller's backend, and the worker.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(background_commit);

typedef struct Task
{
	Oid			database;
	Oid			role;
	char		sql[BGW_EXTRALEN - 2 * sizeof(Oid)];
} Task;

PGDLLEXPORT void background_commit_main(Datum arg);

void
background_commit_main(Datum arg)
{
	Task	   *task = (Task *) MyBgworkerEntry->bgw_extra;

	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(task->database, task->role, 0);
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_execute(task->sql, false, 0);
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
}

Datum
background_commit(PG_FUNCTION_ARGS)
{
	char	   *library = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text	   *sql = PG_GETARG_TEXT_PP(1);
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	Task	   *task = (Task *) worker.bgw_extra;

	memset(&worker, 0, sizeof(worker));
	if (VARSIZE_ANY_EXHDR(sql) >= sizeof(task->sql) || strlen(library) >= BGW_MAXLEN)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the statements or the library's path are too long")));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, library, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "background_commit_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "background commit", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "background commit", BGW_MAXLEN);
	task->database = MyDatabaseId;
	task->role = GetUserId();
	text_to_cstring_buffer(sql, task->sql, sizeof(task->sql));

	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker is free")));
	if (WaitForBackgroundWorkerShutdown(handle) != BGWH_STOPPED)
		ereport(ERROR,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("the postmaster is gone")));
	PG_RETURN_VOID();
}
