/*
 * The link sender: takes the messages for all other nodes out of the outboxes and
 * writes them to one connection a peer.
 *
 * Runs in: a background worker, one per server.
 * Path: shmem/outbox.c -> here, link/connection.c -> the peer's link/receiver.c
 * Locks: none of its own.
 *
 * One process for all peers, so that a transaction's votes cost one wake-up; hence
 * nothing here waits for a single peer. (libpq looks names up synchronously: who
 * fears for the name server gives hostaddr.) The set of sockets to wait for is
 * built again only when a socket changed.
 */
#include "postgres.h"

#include "backend/written.h"
#include "background.h"
#include "link/connection.h"
#include "link/sender.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "settings.h"
#include "shmem/outbox.h"
#include "shmem/peers.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#define NAME "multimaster link sender"

/* A link and what the wait set has of it. */
typedef struct Watched
{
	MtmLink		link;
	bool		ready;
	int			position;		/* -1: not in the set */
	uint32		events;
	uint64		socket_serial;
} Watched;

static Watched watched[MTM_MAX_NODES];
static int	watched_count = 0;
static int	watched_last = 0;	/* number of the last node seen */
static WaitEventSet *wait_set = NULL;

void
MtmLinkSenderRegister(void)
{
	MtmBackgroundRegister(NAME, "MtmLinkSenderMain");
}

static void
close_at_exit(int code, Datum arg)
{
	for (int i = 0; i < watched_count; i++)
		MtmLinkClose(&watched[i].link);
	MtmOutboxSetSender(NULL);
	MtmLinkSenderSetPid(0);
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
	MemoryContextSwitchTo(TopMemoryContext);

	before_shmem_exit(close_at_exit, 0);
	MtmOutboxSetSender(MyLatch);
	MtmLinkSenderSetPid(MyProcPid);
}

/* Nodes are added in the order of their numbers. */
static void
watch_added_nodes(void)
{
	MemoryContext old;

	while (watched_last < MtmNodeCount())
	{
		Watched    *item = &watched[watched_count];

		if (++watched_last == mtm_node_id)
			continue;
		old = MemoryContextSwitchTo(TopMemoryContext);
		MtmLinkInit(&item->link, watched_last);
		MemoryContextSwitchTo(old);
		item->ready = false;
		item->position = -1;
		watched_count++;
	}
}

static bool
sockets_changed(void)
{
	for (int i = 0; i < watched_count; i++)
	{
		Watched    *item = &watched[i];
		bool		wanted = MtmLinkEvents(&item->link) != 0;

		if (item->socket_serial != item->link.socket_serial ||
			wanted != (item->position >= 0))
			return true;
	}
	return wait_set == NULL;
}

static void
build_wait_set(void)
{
	if (wait_set)
		FreeWaitEventSet(wait_set);
	wait_set = CreateWaitEventSet(TopMemoryContext, watched_count + 2);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < watched_count; i++)
	{
		Watched    *item = &watched[i];

		item->socket_serial = item->link.socket_serial;
		item->events = MtmLinkEvents(&item->link);
		item->position = -1;
		if (item->events != 0)
			item->position = AddWaitEventToSet(wait_set, item->events,
											   PQsocket(item->link.conn), NULL, item);
	}
}

static void
update_wait_set(void)
{
	if (sockets_changed())
	{
		build_wait_set();
		return;
	}
	for (int i = 0; i < watched_count; i++)
	{
		Watched    *item = &watched[i];
		uint32		events = MtmLinkEvents(&item->link);

		if (item->position >= 0 && events != item->events)
		{
			ModifyWaitEvent(wait_set, item->position, events, NULL);
			item->events = events;
		}
	}
}

static long
wait_ms(int64 now_ms)
{
	int64		ms = 60 * 1000;

	for (int i = 0; i < watched_count; i++)
		ms = Min(ms, MtmLinkNextTime(&watched[i].link) - now_ms);
	return Max(ms, 0);
}

static void
wait_for_work(int64 now_ms)
{
	WaitEvent	events[MTM_MAX_NODES + 1];
	int			count;

	update_wait_set();
	count = WaitEventSetWait(wait_set, wait_ms(now_ms), events, lengthof(events),
							 PG_WAIT_EXTENSION);
	for (int i = 0; i < count; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else
			((Watched *) events[i].user_data)->ready = true;
	}
}

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	MtmReloadIfAsked();
}

/* The monitor says so once the extension exists here. */
static void
wait_until_wanted(void)
{
	while (!MtmLinksWanted())
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		serve_interrupts();
	}
}

void
MtmLinkSenderMain(Datum arg)
{
	start();
	wait_until_wanted();
	MemoryContextSwitchTo(AllocSetContextCreate(TopMemoryContext, "link sender step",
												ALLOCSET_DEFAULT_SIZES));
	for (;;)
	{
		int64		now_ms;

		serve_interrupts();
		now_ms = MtmNowMs();
		MemoryContextReset(CurrentMemoryContext);
		watch_added_nodes();
		for (int i = 0; i < watched_count; i++)
		{
			bool		ready = watched[i].ready;

			watched[i].ready = false;
			MtmLinkStep(&watched[i].link, ready, now_ms);
		}
		wait_for_work(now_ms);
	}
}
