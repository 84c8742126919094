/*
 * Transactions of other nodes that are under way here; see transactions.h.
 *
 * Runs in: receivers, apply workers, lanes, link processes, the monitor.
 * Path: receiver/ -> here -> apply/
 * Locks: mtm_transactions->lock. Condition variables are woken after it is released, and
 *        one signal is sent under it: Undo's, so that it can reach only the worker that
 *        still applies that transaction.
 */
#include "postgres.h"

#include <signal.h>

#include "access/twophase.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/bodies.h"
#include "shmem/transactions.h"
#include "shmem/transactions_shared.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

MtmTransactionsShared *mtm_transactions = NULL;
static HTAB *table = NULL;

static int
table_size(void)
{
	return Max(2 * max_prepared_xacts, 64);
}

static Size
shared_size(void)
{
	return add_size(offsetof(MtmTransactionsShared, slots),
					mul_size(sizeof(MtmWorkerSlot), mtm_max_workers));
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

void
MtmTransactionsInit(void *at, bool found)
{
	HASHCTL		info;

	mtm_transactions = at;
	if (!found)
	{
		MtmSpilledRemoveAll();
		memset(mtm_transactions, 0, shared_size());
		mtm_transactions->tranche = LWLockNewTrancheId();
		LWLockInitialize(&mtm_transactions->lock, mtm_transactions->tranche);
		dlist_init(&mtm_transactions->queue);
		dlist_init(&mtm_transactions->idle);
		ConditionVariableInit(&mtm_transactions->applied);
	}
	LWLockRegisterTranche(mtm_transactions->tranche, "MultimasterTransactions");

	memset(&info, 0, sizeof(info));
	info.keysize = sizeof(MtmTransactionKey);
	info.entrysize = sizeof(MtmTransaction);
	table = ShmemInitHash("multimaster transactions", table_size(), table_size(),
						  &info, HASH_ELEM | HASH_BLOBS);
}

MtmTransaction *
MtmTransactionEntry(const MtmTransactionKey *key)
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

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	entry = hash_search(table, &tx->key, HASH_ENTER_NULL, &found);
	if (entry && !found)
		*entry = *tx;
	LWLockRelease(&mtm_transactions->lock);

	if (!entry)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("too many transactions of other nodes are under way"),
				 errhint("Increase max_prepared_transactions.")));
	return !found;
}

bool
MtmTransactionUndoAsked(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	bool		asked;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
	tx = MtmTransactionEntry(key);
	asked = !tx || tx->undo;
	LWLockRelease(&mtm_transactions->lock);
	return asked;
}

void
MtmTransactionEndApply(const MtmTransactionKey *key, const MtmRefusal *refusal)
{
	MtmTransaction *tx;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	if (tx)
	{
		tx->state = refusal ? MTM_TX_REFUSED : MTM_TX_PREPARED;
		if (refusal)
			tx->refusal = *refusal;
		tx->worker_pid = 0;
		tx->body = InvalidDsaPointer;
		tx->spill_id = 0;
	}
	mtm_transactions->active--;
	LWLockRelease(&mtm_transactions->lock);
	ConditionVariableBroadcast(&mtm_transactions->applied);
}

void
MtmTransactionSetNotifies(const MtmTransactionKey *key, dsa_pointer notifies,
						  uint32 size)
{
	MtmTransaction *tx;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	if (tx)
	{
		tx->notifies = notifies;
		tx->notifies_size = size;
	}
	LWLockRelease(&mtm_transactions->lock);
}

bool
MtmTransactionFind(const MtmTransactionKey *key, MtmTransaction *copy)
{
	MtmTransaction *tx;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
	tx = MtmTransactionEntry(key);
	if (tx && copy)
		*copy = *tx;
	LWLockRelease(&mtm_transactions->lock);
	return tx != NULL;
}

bool
MtmTransactionFindGid(const char *gid, MtmTransaction *copy)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		found = false;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
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
	LWLockRelease(&mtm_transactions->lock);
	return found;
}

bool
MtmTransactionOfWorker(int pid, MtmTransaction *copy)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		found = false;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while (!found && (tx = hash_seq_search(&scan)) != NULL)
	{
		found = tx->worker_pid == pid;
		if (found)
			*copy = *tx;
	}
	if (found)
		hash_seq_term(&scan);
	LWLockRelease(&mtm_transactions->lock);
	return found;
}

void
MtmTransactionSetRefused(const MtmTransactionKey *key, const MtmRefusal *refusal)
{
	MtmTransaction *tx;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	if (tx && !being_applied(tx))
	{
		tx->state = MTM_TX_REFUSED;
		tx->undo = true;
		tx->ending = false;
		tx->refusal = *refusal;
	}
	LWLockRelease(&mtm_transactions->lock);
}

bool
MtmTransactionClaimForLane(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	bool		claimed;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	claimed = tx && (tx->state == MTM_TX_PREPARED || tx->ending);
	if (claimed)
	{
		tx->state = MTM_TX_ENDED;
		tx->ending = true;
	}
	LWLockRelease(&mtm_transactions->lock);
	return claimed;
}

bool
MtmTransactionClaimForBallot(const char *gid, MtmTransaction *claimed)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		free = true;

	memset(claimed, 0, sizeof(*claimed));
	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
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
	LWLockRelease(&mtm_transactions->lock);
	return free;
}

void
MtmTransactionForget(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	dsa_pointer notifies = InvalidDsaPointer;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	if (tx && !being_applied(tx))
	{
		notifies = tx->notifies;
		hash_search(table, key, HASH_REMOVE, NULL);
	}
	LWLockRelease(&mtm_transactions->lock);

	if (DsaPointerIsValid(notifies))
		MtmQueueFree(notifies);
}

void
MtmTransactionUndo(const MtmTransactionKey *key)
{
	MtmTransaction *tx;
	MtmTransaction refused;
	bool		free_body = false;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	tx = MtmTransactionEntry(key);
	if (tx && (tx->state == MTM_TX_HELD || tx->state == MTM_TX_QUEUED))
	{
		if (tx->state == MTM_TX_QUEUED)
		{
			dlist_delete(&tx->queue_node);
			mtm_transactions->queued--;
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
	LWLockRelease(&mtm_transactions->lock);

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
	ConditionVariablePrepareToSleep(&mtm_transactions->applied);
	while (MtmTransactionFind(key, &tx) && being_applied(&tx))
		ConditionVariableSleep(&mtm_transactions->applied, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

bool
MtmTransactionSchemaChangePending(const MtmTransactionKey *except)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		pending = false;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
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
	LWLockRelease(&mtm_transactions->lock);
	return pending;
}

bool
MtmTransactionEndedByBallot(void)
{
	HASH_SEQ_STATUS scan;
	MtmTransaction *tx;
	bool		any = false;

	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while (!any && (tx = hash_seq_search(&scan)) != NULL)
		any = tx->state == MTM_TX_ENDED;
	if (any)
		hash_seq_term(&scan);
	LWLockRelease(&mtm_transactions->lock);
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
	LWLockAcquire(&mtm_transactions->lock, LW_SHARED);
	hash_seq_init(&scan, table);
	while ((tx = hash_seq_search(&scan)) != NULL)
	{
		if (*count < room)
			list[(*count)++] = *tx;
	}
	LWLockRelease(&mtm_transactions->lock);
	return list;
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
