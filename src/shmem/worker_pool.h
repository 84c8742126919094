/*
 * The pool of apply workers: what is queued is taken by one that is idle, and a worker is
 * started when all are busy.
 */
#ifndef MTM_WORKER_POOL_H
#define MTM_WORKER_POOL_H

#include "postmaster/bgworker.h"
#include "shmem/transactions.h"

typedef struct MtmPoolStats
{
	int			workers;
	int			active;
	int			pending;
	int			max_workers;
	uint64		spilled;
} MtmPoolStats;

/* To be started: by the pool itself, or by the monitor, which keeps the least number of them. */
extern BackgroundWorker MtmApplyWorker(void);
/* Receiver: makes a HELD one available; starts a worker if all are busy. */
extern void MtmTransactionQueue(const MtmTransactionKey *key);
/* Worker: waits for work; false when the worker should end (idle, surplus). */
extern bool MtmTransactionTake(MtmTransaction *tx);
/* The worker's own row in the table of workers. */
extern void MtmWorkerRegister(void);
extern void MtmWorkerUnregister(void);

extern MtmPoolStats MtmPoolStatsGet(void);

#endif
