/*
 * Waiting for what was committed before a schema change; see earlier_commits.h, and
 * docs/schema_changes.md, "What it finds on a peer".
 *
 * Runs in: apply workers, before the transaction has any lock or snapshot.
 * Path: apply/worker.c -> here: the body's E record -> shmem/shown.c
 * Locks: none over a wait.
 */
#include "postgres.h"

#include "apply/body.h"
#include "apply/earlier_commits.h"
#include "libpq/pqformat.h"
#include "monotonic_time.h"
#include "settings.h"
#include "shmem/shown.h"
#include "shmem/view.h"
#include "shmem/worker_pool.h"
#include "storage/proc.h"
#include "wire/executed.h"
#include "wire/frame.h"

/* How often what nobody wakes us for is looked at. */
#define LOOK_MS 100

static void
read_executed(const MtmTransaction *tx, MtmExecuted executed)
{
	StringInfoData record;

	MtmBodyOpen(tx);
	if (MtmBodyFind(MTM_RECORD_EXECUTED, &record))
	{
		(void) pq_getmsgbyte(&record);
		MtmExecutedRead(&record, executed);
	}
	MtmBodyClose();
	/* Its own node's commits are those before its PREPARE. */
	executed[tx->key.origin - 1] = tx->prepare_end_lsn;
}

static bool
all_here(const MtmExecuted executed)
{
	MtmForEachPeer(node_id)
	{
		if (MtmShownHere(node_id) < executed[node_id - 1])
			return false;
	}
	return true;
}

/*
 * A receiver may wait for a user's PREPARE that is queued for the pool: nobody is left to
 * apply it when all workers wait here.
 */
static void
check_pool(void)
{
	MtmPoolStats pool = MtmPoolStatsGet();

	if (pool.pending > 0 && pool.active >= pool.max_workers)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
				 errmsg("deadlock detected"),
				 errdetail("It waited longer than deadlock_timeout for earlier commits, and no apply worker was left."),
				 errhint("Retry the transaction.")));
}

bool
MtmWaitEarlierCommits(const MtmTransaction *tx)
{
	MtmExecuted executed = {0};
	int64		end_ms = MtmNowMs() + DeadlockTimeout;
	bool		here;

	read_executed(tx, executed);
	while (!(here = all_here(executed)) && MtmViewGeneration() <= tx->generation)
	{
		MtmShownSleep(LOOK_MS);
		if (MtmNowMs() >= end_ms)
			check_pool();
	}
	MtmShownSleepEnd();
	return here;
}
