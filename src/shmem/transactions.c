/*
 * Transactions of other nodes that are under way here; see transactions.h.
 *
 * Runs in: receivers, apply workers, lanes, link processes, the monitor.
 * Path: receiver/ -> here -> apply/
 * Locks: shared->lock. Latches are set and condition variables woken after it
 *        is released, workers are started after it, and one signal is sent under
 *        it: Undo's, so that it can reach only the worker that still applies
 *        that transaction.
 */
#include "postgres.h"

#include <signal.h>

#include "access/twophase.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "settings.h"
#include "shmem/transactions.h"
#include "storage/condition_variable.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

/* A started worker that has not registered by then is not counted on any more. */
#define WORKER_START_MS 5000
/*
 * A worker above multimaster.workers ends after so long without work. A new one is
 * dear: its caches are empty, and shared buffers cost it a page fault every 64 kB.
 */
#define WORKER_IDLE_MS 60000

typedef struct WorkerSlot
{
	int			pid;			/* 0: free */
	bool		idle;
	Latch	   *latch;
	dlist_node	idle_node;
} WorkerSlot;

typedef struct TransactionsShared
{
	LWLock		lock;
	int			tranche;
	dlist_head	queue;
	int			queued;
	dlist_head	idle;			/* last idle first: its caches are warm */
	int			workers;
	int			active;
	TimestampTz starting_since; /* 0: no worker is being started */
	uint32		spill_counter;
	uint64		spilled;
	ConditionVariable applied;	/* some transaction left APPLYING */
	WorkerSlot	slots[FLEXIBLE_ARRAY_MEMBER];
} TransactionsShared;

static TransactionsShared *shared = NULL;
static HTAB *table = NULL;
static WorkerSlot *my_slot = NULL;

static int
table_size(void)
{
	return Max(2 * max_prepared_xacts, 64);
}

static Size
shared_size(void)
{
	return add_size(offsetof(TransactionsShared, slots),
					mul_size(sizeof(WorkerSlot), mtm_max_workers));
}

Size
MtmTransactionsSize(void)
{
	return shared_size();
}

Size
MtmTransactionsTableSize(void)
{
	return hash_estimate_size(table_size(), sizeof(MtmTransaction));
}

/* Files of a server that ended: their transactions come again. */
static void
remove_spilled(void)
{
	DIR		   *dir = AllocateDir(MTM_SPILL_DIR);
	struct dirent *file;

	if (!dir)
		return;
	while ((file = ReadDirExtended(dir, MTM_SPILL_DIR, LOG)) != NULL)
	{
		MtmTransaction left = {.spill_id = strtoul(file->d_name, NULL, 10)};

		if (left.spill_id != 0)
			MtmTransactionFreeBody(&left);
	}
	FreeDir(dir);
}

void
MtmTransactionsInit(void *at, bool found)
{
	HASHCTL		info;

	shared = at;
	if (!found)
	{
		remove_spilled();
		memset(shared, 0, shared_size());
		shared->tranche = LWLockNewTrancheId();
		LWLockInitialize(&shared->lock, shared->tranche);
		dlist_init(&shared->queue);
		dlist_init(&shared->idle);
		ConditionVariableInit(&shared->applied);
	}
	LWLockRegisterTranche(shared->tranche, "MultimasterTransactions");

	memset(&info, 0, sizeof(info));
	info.keysize = sizeof(MtmTransactionKey);
	info.entrysize = sizeof(MtmTransaction);
	table = ShmemInitHash("multimaster transactions", table_size(), table_size(),
						  &info, HASH_ELEM | HASH_BLOBS);
}

static MtmTransaction *
find(const MtmTransactionKey *key)
{
	return hash_search(table, key, HASH_FIND, NULL);
}

static bool
being_applied(const MtmTransaction *tx)
{
	return tx->state == MTM_TX_HELD || tx->state == MTM_TX_QUEUED ||
		tx->state == MTM_TX_APPLYING;
}

bool
MtmTransactionPut(const MtmTransaction *tx)
{
	MtmTransaction *entry;
	bool		found;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	entry = hash_search(table, &tx->key, HASH_ENTER_NULL, &found);
	if (entry && !found)
		*entry = *tx;
	LWLockRelease(&shared->lock);

	if (!entry)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("too many transactions of other nodes are under way"),
				 errhint("Increase max_prepared_transactions.")));
	return !found;
}

static void
start_worker(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "multimaster", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "MtmApplyWorkerMain", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "multimaster apply worker", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "multimaster apply worker", BGW_MAXLEN);
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

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	if (tx && tx->state == MTM_TX_HELD)
	{
		tx->state = MTM_TX_QUEUED;
		dlist_push_tail(&shared->queue, &tx->queue_node);
		shared->queued++;
		if (!dlist_is_empty(&shared->idle))
		{
			WorkerSlot *slot = dlist_container(WorkerSlot, idle_node,
											   dlist_pop_head_node(&shared->idle));

			slot->idle = false;
			wake = slot->latch;
		}
		else if (shared->workers < mtm_max_workers)
		{
			TimestampTz now = GetCurrentTimestamp();

			start = shared->starting_since == 0 ||
				TimestampDifferenceExceeds(shared->starting_since, now,
										   WORKER_START_MS);
			if (start)
				shared->starting_since = now;
		}
	}
	LWLockRelease(&shared->lock);

	if (wake)
		SetLatch(wake);
	if (start)
		start_worker();
}

static void
leave_idle(WorkerSlot *slot)
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
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->starting_since = 0;
	for (int i = 0; i < mtm_max_workers && !my_slot; i++)
	{
		if (shared->slots[i].pid == 0)
			my_slot = &shared->slots[i];
	}
	if (my_slot)
	{
		my_slot->pid = MyProcPid;
		my_slot->idle = false;
		my_slot->latch = MyLatch;
		shared->workers++;
	}
	LWLockRelease(&shared->lock);

	if (!my_slot)
		proc_exit(0);
	before_shmem_exit(unregister_at_exit, 0);
}

void
MtmWorkerUnregister(void)
{
	if (!my_slot)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	leave_idle(my_slot);
	my_slot->pid = 0;
	shared->workers--;
	LWLockRelease(&shared->lock);
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

		LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
		if (!dlist_is_empty(&shared->queue))
		{
			MtmTransaction *entry;

			entry = dlist_container(MtmTransaction, queue_node,
									dlist_pop_head_node(&shared->queue));
			shared->queued--;
			shared->active++;
			entry->state = MTM_TX_APPLYING;
			entry->worker_pid = MyProcPid;
			*tx = *entry;
			leave_idle(my_slot);
			taken = true;
			/* One worker starts at a time: the new one sees to the next. */
			another = shared->queued > 0 && dlist_is_empty(&shared->idle) &&
				shared->starting_since == 0 && shared->workers < mtm_max_workers;
			if (another)
				shared->starting_since = GetCurrentTimestamp();
		}
		else if (!my_slot->idle)
		{
			my_slot->idle = true;
			dlist_push_head(&shared->idle, &my_slot->idle_node);
		}
		LWLockRelease(&shared->lock);

		if (another)
			start_worker();
		if (taken)
			return true;

		events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						   WORKER_IDLE_MS, PG_WAIT_EXTENSION);
		if (events & WL_TIMEOUT)
		{
			bool		surplus;

			LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
			surplus = my_slot->idle && dlist_is_empty(&shared->queue) &&
				shared->workers > mtm_workers;
			if (surplus)
				leave_idle(my_slot);
			LWLockRelease(&shared->lock);
			if (surplus)
				return false;
		}
	}
}

bool
MtmTransactionUndoAsked(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	bool		asked;

	LWLockAcquire(&shared->lock, LW_SHARED);
	tx = find(key);
	asked = !tx || tx->undo;
	LWLockRelease(&shared->lock);
	return asked;
}

void
MtmTransactionEndApply(const MtmTransactionKey *key, const MtmRefusal *refusal)
{
	MtmTransaction *tx;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	if (tx)
	{
		tx->state = refusal ? MTM_TX_REFUSED : MTM_TX_PREPARED;
		if (refusal)
			tx->refusal = *refusal;
		tx->worker_pid = 0;
		tx->body = InvalidDsaPointer;
		tx->spill_id = 0;
	}
	shared->active--;
	LWLockRelease(&shared->lock);
	ConditionVariableBroadcast(&shared->applied);
}

void
MtmTransactionSetNotifies(const MtmTransactionKey *key, dsa_pointer notifies,
						  uint32 size)
{
	MtmTransaction *tx;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	if (tx)
	{
		tx->notifies = notifies;
		tx->notifies_size = size;
	}
	LWLockRelease(&shared->lock);
}

bool
MtmTransactionFind(const MtmTransactionKey *key, MtmTransaction *copy)
{
	MtmTransaction *tx;

	LWLockAcquire(&shared->lock, LW_SHARED);
	tx = find(key);
	if (tx && copy)
		*copy = *tx;
	LWLockRelease(&shared->lock);
	return tx != NULL;
}

bool
MtmTransactionFindGid(const char *gid, MtmTransaction *copy)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while ((tx = hash_seq_search(&scan)) != NULL)
	{
		if (strcmp(tx->gid, gid) != 0)
			continue;
		*copy = *tx;
		found = true;
		if (tx->state == MTM_TX_PREPARED)
		{
			hash_seq_term(&scan);
			break;
		}
	}
	LWLockRelease(&shared->lock);
	return found;
}

bool
MtmTransactionOfWorker(int pid, MtmTransaction *copy)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while (!found && (tx = hash_seq_search(&scan)) != NULL)
	{
		found = tx->worker_pid == pid;
		if (found)
			*copy = *tx;
	}
	if (found)
		hash_seq_term(&scan);
	LWLockRelease(&shared->lock);
	return found;
}

void
MtmTransactionSetRefused(const MtmTransactionKey *key, const MtmRefusal *refusal)
{
	MtmTransaction *tx;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	if (tx && !being_applied(tx))
	{
		tx->state = MTM_TX_REFUSED;
		tx->undo = true;
		tx->ending = false;
		tx->refusal = *refusal;
	}
	LWLockRelease(&shared->lock);
}

bool
MtmTransactionClaimForLane(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	bool		claimed;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	claimed = tx && (tx->state == MTM_TX_PREPARED || tx->ending);
	if (claimed)
	{
		tx->state = MTM_TX_ENDED;
		tx->ending = true;
	}
	LWLockRelease(&shared->lock);
	return claimed;
}

bool
MtmTransactionClaimForBallot(const char *gid, MtmTransaction *claimed)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		free = true;

	memset(claimed, 0, sizeof(*claimed));
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, table);
	while ((tx = hash_seq_search(&scan)) != NULL)
	{
		if (strcmp(tx->gid, gid) != 0)
			continue;
		if (tx->ending)
			free = false;
		else if (tx->state == MTM_TX_PREPARED)
		{
			tx->state = MTM_TX_ENDED;
			*claimed = *tx;
		}
	}
	LWLockRelease(&shared->lock);
	return free;
}

void
MtmTransactionForget(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	dsa_pointer notifies = InvalidDsaPointer;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	if (tx && !being_applied(tx))
	{
		notifies = tx->notifies;
		hash_search(table, key, HASH_REMOVE, NULL);
	}
	LWLockRelease(&shared->lock);

	if (DsaPointerIsValid(notifies))
		MtmQueueFree(notifies);
}

void
MtmTransactionUndo(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	MtmTransaction refused;
	bool		free_body = false;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	tx = find(key);
	if (tx && (tx->state == MTM_TX_HELD || tx->state == MTM_TX_QUEUED))
	{
		if (tx->state == MTM_TX_QUEUED)
		{
			dlist_delete(&tx->queue_node);
			shared->queued--;
		}
		refused = *tx;
		free_body = true;
		tx->body = InvalidDsaPointer;
		tx->spill_id = 0;
		tx->state = MTM_TX_REFUSED;
		tx->undo = true;
		tx->refusal.node_id = mtm_node_id;
		tx->refusal.sqlstate = ERRCODE_QUERY_CANCELED;
		strlcpy(tx->refusal.message, "transaction was rolled back by its coordinator",
				sizeof(tx->refusal.message));
	}
	else if (tx && tx->state == MTM_TX_APPLYING)
	{
		tx->undo = true;
		if (tx->worker_pid != 0)
			kill(tx->worker_pid, SIGINT);
	}
	LWLockRelease(&shared->lock);

	if (free_body)
		MtmTransactionFreeBody(&refused);
	MtmTransactionWaitApplied(key);
}

void
MtmTransactionWaitApplied(const MtmTransactionKey *key)
{
	MtmTransaction tx;

	if (!MtmTransactionFind(key, &tx) || !being_applied(&tx))
		return;
	ConditionVariablePrepareToSleep(&shared->applied);
	while (MtmTransactionFind(key, &tx) && being_applied(&tx))
		ConditionVariableSleep(&shared->applied, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

bool
MtmTransactionSchemaChangePending(const MtmTransactionKey *except)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		pending = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while ((tx = hash_seq_search(&scan)) != NULL)
	{
		if ((tx->flags & MTM_TX_SCHEMA_CHANGE) && tx->state != MTM_TX_REFUSED &&
			tx->state != MTM_TX_ENDED &&
			memcmp(&tx->key, except, sizeof(tx->key)) != 0)
		{
			pending = true;
			hash_seq_term(&scan);
			break;
		}
	}
	LWLockRelease(&shared->lock);
	return pending;
}

bool
MtmTransactionEndedByBallot(void)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		any = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while (!any && (tx = hash_seq_search(&scan)) != NULL)
		any = tx->state == MTM_TX_ENDED;
	if (any)
		hash_seq_term(&scan);
	LWLockRelease(&shared->lock);
	return any;
}

MtmTransaction *
MtmTransactionList(int *count)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	MtmTransaction *list;
	int			room = table_size();

	/* Allocated before the lock: palloc may raise, and may be slow. */
	list = palloc(sizeof(MtmTransaction) * room);
	*count = 0;
	LWLockAcquire(&shared->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while ((tx = hash_seq_search(&scan)) != NULL)
	{
		if (*count < room)
			list[(*count)++] = *tx;
	}
	LWLockRelease(&shared->lock);
	return list;
}

MtmPoolStats
MtmPoolStatsGet(void)
{
	MtmPoolStats stats;

	LWLockAcquire(&shared->lock, LW_SHARED);
	stats.workers = shared->workers;
	stats.active = shared->active;
	stats.pending = shared->queued;
	stats.max_workers = mtm_max_workers;
	stats.spilled = shared->spilled;
	LWLockRelease(&shared->lock);
	return stats;
}

uint32
MtmSpillNext(void)
{
	uint32		id;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	id = ++shared->spill_counter;
	if (id == 0)
		id = ++shared->spill_counter;
	shared->spilled++;
	LWLockRelease(&shared->lock);
	return id;
}

void
MtmSpillPath(uint32 spill_id, char path[MAXPGPATH])
{
	snprintf(path, MAXPGPATH, MTM_SPILL_DIR "/%u", spill_id);
}

void
MtmTransactionFreeBody(MtmTransaction *tx)
{
	if (DsaPointerIsValid(tx->body))
		MtmQueueFree(tx->body);
	tx->body = InvalidDsaPointer;
	if (tx->spill_id != 0)
	{
		char		path[MAXPGPATH];

		MtmSpillPath(tx->spill_id, path);
		if (unlink(path) < 0 && errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m", path)));
		tx->spill_id = 0;
	}
}

void
MtmTransactionsForgetOrigin(uint32 origin)
{
	int			count;
	MtmTransaction *list = MtmTransactionList(&count);

	for (int i = 0; i < count; i++)
	{
		if (list[i].key.origin == origin)
			MtmTransactionForget(&list[i].key);
	}
	pfree(list);
}
