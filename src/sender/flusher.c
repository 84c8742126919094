/*
 * The flusher: flushes COMMIT PREPAREDs of this node's transactions, so that the
 * walsenders can send them.
 *
 * Runs in: a background worker, one per server.
 * Path: backend/drive.c -> shmem/peers.c -> here -> sender/plugin.c
 * Locks: none of its own.
 *
 * A client is answered before its transaction's last record is flushed (docs/
 * exactly_once.md, 12). Under load the next PREPARE flushes it along; this is for when
 * none is on its way. The peers' rows stay locked until it is done.
 */
#include "postgres.h"

#include "backend/written.h"
#include "background.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "sender/flusher.h"
#include "shmem/peers.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"

#define NAME "multimaster flusher"

void
MtmFlusherRegister(void)
{
	MtmBackgroundRegister(NAME, "MtmFlusherMain");
}

static void
gone(int code, Datum arg)
{
	MtmFlusherSet(NULL);
}

static void
start(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	/* No database is read; this makes it visible in pg_stat_activity. */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname(NAME);
	MtmProcessSetExempt();
	before_shmem_exit(gone, 0);
	MtmFlusherSet(MyLatch);
}

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	MtmReloadIfAsked();
}

void
MtmFlusherMain(Datum arg)
{
	start();
	for (;;)
	{
		serve_interrupts();
		ResetLatch(MyLatch);
		/* Also what was left to the one before us. */
		MtmOutcomesFlush();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1,
						 PG_WAIT_EXTENSION);
	}
}
