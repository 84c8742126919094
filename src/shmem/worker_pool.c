/*
 * The pool of apply workers; see worker_pool.h.
 *
 * Runs in: receivers (queue), apply workers (take), backends (look).
 * Path: receiver/ -> here -> apply/worker.c
 * Locks: mtm_transactions->lock. Latches are set and workers started after it is released.
 */
#include "postgres.h"

#include "background.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/transactions_shared.h"
#include "shmem/worker_pool.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

/* A started worker that has not registered by then is not counted on any more. */
#define WORKER_START_MS 5000
/*
 * A worker above multimaster.workers ends after so long without work. A new one is
 * dear: its caches are empty, and shared buffers cost it a page fault every 64 kB.
 */
#define WORKER_IDLE_MS 60000

static MtmWorkerSlot *my_slot = NULL;

BackgroundWorker
MtmApplyWorker(void)
{
	return MtmBackgroundWorker("multimaster apply worker", "MtmApplyWorkerMain");
}

static void
start_worker(void)
{
	BackgroundWorker worker = MtmApplyWorker();

	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not start another multimaster apply worker"),
				 errhint("Increase max_worker_processes.")));
}

void
MtmTransactionQueue(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	Latch	   *wake = NULL;
	bool		start = false;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	if (tx && tx->state == MTM_TX_HELD)
	{
		tx->state = MTM_TX_QUEUED;
		dlist_push_tail(&mtm_transactions->queue, &tx->queue_node);
		mtm_transactions->queued++;
		if (!dlist_is_empty(&mtm_transactions->idle))
		{
			MtmWorkerSlot *slot = dlist_container(MtmWorkerSlot, idle_node,
											   dlist_pop_head_node(&mtm_transactions->idle));

			slot->idle = false;
			wake = slot->latch;
		}
		else if (mtm_transactions->workers < mtm_max_workers)
		{
			TimestampTz now = GetCurrentTimestamp();

			start = mtm_transactions->starting_since == 0 ||
				TimestampDifferenceExceeds(mtm_transactions->starting_since, now,
										   WORKER_START_MS);
			if (start)
				mtm_transactions->starting_since = now;
		}
	}
	LWLockRelease(&mtm_transactions->lock);

	if (wake)
		SetLatch(wake);
	if (start)
		start_worker();
}

static void
leave_idle(MtmWorkerSlot *slot)
{
	if (slot->idle)
		dlist_delete(&slot->idle_node);
	slot->idle = false;
}

static void
unregister_at_exit(int code, Datum arg)
{
	MtmWorkerUnregister();
}

void
MtmWorkerRegister(void)
{
	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	mtm_transactions->starting_since = 0;
	for (int i = 0; i < mtm_max_workers && !my_slot; i++)
	{
		if (mtm_transactions->slots[i].pid == 0)
			my_slot = &mtm_transactions->slots[i];
	}
	if (my_slot)
	{
		my_slot->pid = MyProcPid;
		my_slot->idle = false;
		my_slot->latch = MyLatch;
		mtm_transactions->workers++;
	}
	LWLockRelease(&mtm_transactions->lock);

	if (!my_slot)
		proc_exit(0);
	before_shmem_exit(unregister_at_exit, 0);
}

void
MtmWorkerUnregister(void)
{
	if (!my_slot)
		return;
	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	leave_idle(my_slot);
	my_slot->pid = 0;
	mtm_transactions->workers--;
	LWLockRelease(&mtm_transactions->lock);
	my_slot = NULL;
}

bool
MtmTransactionTake(MtmTransaction *tx)
{
	for (;;)
	{
		bool		taken = false;
		bool		another = false;
		int			events;

		CHECK_FOR_INTERRUPTS();
		ResetLatch(MyLatch);

		LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
		if (!dlist_is_empty(&mtm_transactions->queue))
		{
			MtmTransaction *entry;

			entry = dlist_container(MtmTransaction, queue_node,
									dlist_pop_head_node(&mtm_transactions->queue));
			mtm_transactions->queued--;
			mtm_transactions->active++;
			entry->state = MTM_TX_APPLYING;
			entry->worker_pid = MyProcPid;
			*tx = *entry;
			leave_idle(my_slot);
			taken = true;
			/* One worker starts at a time: the new one sees to the next. */
			another = mtm_transactions->queued > 0 && dlist_is_empty(&mtm_transactions->idle) &&
				mtm_transactions->starting_since == 0 && mtm_transactions->workers < mtm_max_workers;
			if (another)
				mtm_transactions->starting_since = GetCurrentTimestamp();
		}
		else if (!my_slot->idle)
		{
			my_slot->idle = true;
			dlist_push_head(&mtm_transactions->idle, &my_slot->idle_node);
		}
		LWLockRelease(&mtm_transactions->lock);

		if (another)
			start_worker();
		if (taken)
			return true;

		events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						   WORKER_IDLE_MS, PG_WAIT_EXTENSION);
		if (events & WL_TIMEOUT)
		{
			bool		surplus;

			LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
			surplus = my_slot->idle && dlist_is_empty(&mtm_transactions->queue) &&
				mtm_transactions->workers > mtm_workers;
			if (surplus)
				leave_idle(my_slot);
			LWLockRelease(&mtm_transactions->lock);
			if (surplus)
				return false;
		}
	}
}

MtmPoolStats
MtmPoolStatsGet(void)
{
	MtmPoolStats stats;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
	stats.workers = mtm_transactions->workers;
	stats.active = mtm_transactions->active;
	stats.pending = mtm_transactions->queued;
	stats.max_workers = mtm_max_workers;
	stats.spilled = mtm_transactions->spilled;
	LWLockRelease(&mtm_transactions->lock);
	return stats;
}
