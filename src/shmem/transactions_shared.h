/*
 * What transactions.c, worker_pool.c and bodies.c have in common, and nobody else looks at.
 */
#ifndef MTM_TRANSACTIONS_SHARED_H
#define MTM_TRANSACTIONS_SHARED_H

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "shmem/transactions.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

typedef struct MtmWorkerSlot
{
	int			pid;			/* 0: free */
	bool		idle;
	Latch	   *latch;
	dlist_node	idle_node;
} MtmWorkerSlot;

typedef struct MtmTransactionsShared
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
	MtmWorkerSlot slots[FLEXIBLE_ARRAY_MEMBER];
} MtmTransactionsShared;

extern MtmTransactionsShared *mtm_transactions;

/* NULL: there is none. With the lock held. */
extern MtmTransaction *MtmTransactionEntry(const MtmTransactionKey *key);

#endif
