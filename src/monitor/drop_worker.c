/*
 * mtm.shell_start_drop(): take a node that was away too long out of the list of nodes.
 *
 * Runs in: the monitor starts it; a background worker that lives for one transaction.
 * Path: mtm.monitor_step() -> here -> mtm.drop_absent_node() -> backend/commit.c
 * Locks: those of the transaction.
 *
 * The list is replicated data, so it is changed by a transaction that all members commit.
 * The monitor's own are not replicated, and it must not wait for votes: a member may need
 * its next step to give one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "background.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "monitor/drop_worker.h"
#include "monitor/shell_access.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

/* Somebody else may be changing the list; the monitor starts the next one. */
#define LOCK_TIMEOUT "10s"

PG_FUNCTION_INFO_V1(mtm_shell_start_drop);

void
MtmDropWorkerMain(Datum arg)
{
	char	   *name = psprintf("drop of node %d", DatumGetInt32(arg));

	MtmBackgroundBeginAsClient(name);
	MtmBackgroundOwnNames();
	/* What is set for all sessions: this one's commit is the cluster's in any case. */
	SetConfigOption("multimaster.bypass", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	pgstat_report_activity(STATE_RUNNING, name);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	(void) SPI_execute(psprintf("SELECT mtm.drop_absent_node(%d)", DatumGetInt32(arg)),
					   false, 1);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	proc_exit(0);
}

Datum
mtm_shell_start_drop(PG_FUNCTION_ARGS)
{
	int			node_id = PG_GETARG_INT32(0);
	BackgroundWorker worker = MtmBackgroundWorker("multimaster drop of a node",
												  "MtmDropWorkerMain");

	MtmShellRequireMonitor();
	worker.bgw_main_arg = Int32GetDatum(node_id);
	snprintf(worker.bgw_name, BGW_MAXLEN, "multimaster drop of node %d", node_id);
	PG_RETURN_BOOL(RegisterDynamicBackgroundWorker(&worker, NULL));
}
