/*
 * Keeping the processes that must be there; see workers.h.
 *
 * Runs in: the monitor.
 * Path: monitor/monitor.c -> here -> receiver/, recovery/, apply/
 * Locks: none of its own.
 *
 * PostgreSQL's own restarting of background workers is not used: it outlives the
 * monitor and even the shared memory, and would leave two of a kind. Here a worker
 * that ended stays away until the monitor sees its place empty (shmem/processes.h).
 * One that ends soon after its start is started again ever later. A receiver is started
 * only while our link to its peer is up: the link sender finds out when a peer is back,
 * without an error in the log for each attempt.
 */
#include "postgres.h"

#include "apply/lane.h"
#include "background.h"
#include "miscadmin.h"
#include "monitor/workers.h"
#include "monotonic_time.h"
#include "receiver/receiver.h"
#include "recovery/recovery.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/processes.h"
#include "shmem/view.h"
#include "shmem/worker_pool.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#define START_AGAIN_MIN_MS 1000
#define START_AGAIN_MAX_MS 5000
/* One that ran for so long did not fail at its start. */
#define RAN_WELL_MS 10000

/* A worker that this monitor started, or may start. */
typedef struct Started
{
	BackgroundWorkerHandle *handle;
	int64		at_ms;			/* 0: never */
	int			again_after_ms;
} Started;

static Started places[MTM_MAX_NODES][MTM_PLACES];
static Started *pool = NULL;	/* [mtm_workers] */

static void
start(Started *started, BackgroundWorker *worker)
{
	int64		now_ms = MtmNowMs();

	if (started->at_ms == 0 || now_ms - started->at_ms >= RAN_WELL_MS)
		started->again_after_ms = START_AGAIN_MIN_MS;
	else if (now_ms - started->at_ms < started->again_after_ms)
		return;
	else
		started->again_after_ms = Min(2 * started->again_after_ms, START_AGAIN_MAX_MS);
	started->at_ms = now_ms;

	if (!MtmBackgroundStart(worker, &started->handle))
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not start \"%s\": all background workers are in use",
						worker->bgw_name),
				 errhint("Increase max_worker_processes.")));
}

static void
keep_place(int peer, int place)
{
	Started    *started = &places[peer - 1][place];
	BackgroundWorker worker;

	if (MtmNodeDropped(peer))
	{
		if (MtmProcessPid(peer, place) != 0)
			kill(MtmProcessPid(peer, place), SIGTERM);
		return;
	}
	if (MtmProcessPid(peer, place) != 0 || MtmBackgroundRuns(&started->handle))
		return;
	if (place == MTM_PLACE_RECEIVER && (MtmViewAway() || !MtmPeerCopy(peer).link_out))
		return;
	worker = MtmBackgroundWorker(place == MTM_PLACE_RECEIVER ? "multimaster receiver" :
								 "multimaster lane", "MtmPlaceMain");
	worker.bgw_main_arg = Int32GetDatum(peer * 256 + place);
	if (place == MTM_PLACE_RECEIVER)
		snprintf(worker.bgw_name, BGW_MAXLEN, "multimaster receiver from node %d", peer);
	else
		snprintf(worker.bgw_name, BGW_MAXLEN, "multimaster lane %d of node %d",
				 place - MTM_PLACE_LANE(0), peer);
	start(started, &worker);
}

/* It takes this node's own place among the receivers. */
static void
keep_recovery(void)
{
	int			donor = MtmViewGet().donor;
	Started    *started = &places[mtm_node_id - 1][MTM_PLACE_RECEIVER];
	BackgroundWorker worker;

	if (donor <= 0 || MtmProcessPid(mtm_node_id, MTM_PLACE_RECEIVER) != 0 ||
		MtmBackgroundRuns(&started->handle))
		return;
	worker = MtmBackgroundWorker("multimaster recovery", "MtmPlaceMain");
	worker.bgw_main_arg = Int32GetDatum(mtm_node_id * 256 + MTM_PLACE_RECEIVER);
	snprintf(worker.bgw_name, BGW_MAXLEN, "multimaster recovery from node %d", donor);
	start(started, &worker);
}

/*
 * The pool counts all its workers, also those that were started because of load or by
 * a monitor before us. We only fill it up to the number that is kept.
 */
static void
keep_pool(void)
{
	int			missing = mtm_workers - MtmPoolStatsGet().workers;

	if (!pool)
		pool = MemoryContextAllocZero(TopMemoryContext, sizeof(Started) * mtm_workers);
	for (int i = 0; i < mtm_workers && missing > 0; i++)
	{
		BackgroundWorker worker;

		if (MtmBackgroundRuns(&pool[i].handle))
			continue;
		worker = MtmApplyWorker();
		start(&pool[i], &worker);
		missing--;
	}
}

void
MtmWorkersKeep(void)
{
	MtmForEachPeer(node_id)
	{
		for (int place = 0; place < MTM_PLACES; place++)
			keep_place(node_id, place);
	}
	keep_recovery();
	keep_pool();
}

void
MtmPlaceMain(Datum arg)
{
	int			peer = DatumGetInt32(arg) / 256;
	int			place = DatumGetInt32(arg) % 256;

	/* Signals are still blocked: whoever comes next lets them in. */
	if (!MtmProcessClaim(peer, place))
		proc_exit(0);
	if (peer == mtm_node_id)
		MtmRecoveryMain();
	else if (place == MTM_PLACE_RECEIVER)
		MtmReceiverMain(Int32GetDatum(peer));
	else
		MtmLaneMain(Int32GetDatum(peer * 256 + (place - MTM_PLACE_LANE(0))));
}
