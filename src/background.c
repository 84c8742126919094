/*
 * What background workers have in common; see background.h.
 *
 * Runs in: all of them; what registers, in the postmaster.
 */
#include "postgres.h"

#include "background.h"
#include "backend/written.h"
#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "settings.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"

BackgroundWorker
MtmBackgroundWorker(const char *type, const char *function)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "multimaster", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker.bgw_name, type, BGW_MAXLEN);
	strlcpy(worker.bgw_type, type, BGW_MAXLEN);
	return worker;
}

void
MtmBackgroundRegister(const char *name, const char *function)
{
	BackgroundWorker worker = MtmBackgroundWorker(name, function);

	worker.bgw_restart_time = 1;
	RegisterBackgroundWorker(&worker);
}

bool
MtmBackgroundStart(BackgroundWorker *worker, BackgroundWorkerHandle **handle)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	bool		started;

	worker->bgw_notify_pid = MyProcPid;
	started = RegisterDynamicBackgroundWorker(worker, handle);
	if (!started)
		*handle = NULL;
	MemoryContextSwitchTo(old);
	return started;
}

bool
MtmBackgroundRuns(BackgroundWorkerHandle **handle)
{
	pid_t		pid;
	BgwHandleStatus status;

	if (!*handle)
		return false;
	status = GetBackgroundWorkerPid(*handle, &pid);
	if (status == BGWH_NOT_YET_STARTED || status == BGWH_STARTED)
		return true;
	pfree(*handle);
	*handle = NULL;
	return false;
}

void
MtmReloadIfAsked(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

static void
set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

void
MtmBackgroundOwnNames(void)
{
	set("search_path", "pg_catalog");
}

void
MtmBackgroundBegin(const char *name)
{
	MtmProcessSetExempt();
	MtmBackgroundBeginAsClient(name);
}

void
MtmBackgroundBeginAsClient(const char *name)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, StatementCancelHandler);
	BackgroundWorkerUnblockSignals();

	BackgroundWorkerInitializeConnection(MtmDatabaseName(), NULL, 0);
	set_ps_display(name);
	set("application_name", psprintf("multimaster %s", name));
	set("statement_timeout", "0");
	set("idle_in_transaction_session_timeout", "0");
	set("default_transaction_isolation", "read committed");
	set("default_transaction_read_only", "off");
	set("default_transaction_deferrable", "off");
	set("synchronous_commit", "on");
	set("row_security", "off");
	/* What is received is in the database's encoding, whatever clients default to. */
	set("client_encoding", GetDatabaseEncodingName());
	set("xmloption", "content");
	set("datestyle", "ISO");
	set("intervalstyle", "postgres");
}
