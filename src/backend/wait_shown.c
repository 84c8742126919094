/*
 * Waiting until commits are shown, on other nodes or on this one; see wait_shown.h.
 *
 * Runs in: the committing backend, after COMMIT PREPARED; a backend before it reads.
 * Path: backend/commit.c, backend/causal_reads.c -> here -> link -> shmem/shown.c -> here
 * Locks: none over a wait.
 *
 * Why other generations need no question (docs/majority.md): a node that is online in a
 * generation shows everything that was committed in older ones (I7). So
 *  1. a commit is shown by all online nodes as soon as this node is online in a newer
 *     generation than the commit's;
 *  2. what was acknowledged before a read is older than this node's generation, or was
 *     coordinated by one of its members, which answers only in that generation. The lease
 *     held when the read began: no newer one had gone on without this node by then.
 */
#include "postgres.h"

#include "backend/wait_shown.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/shown.h"
#include "shmem/view.h"
#include "storage/procsignal.h"
#include "wire/link_message.h"

/* How often what nobody wakes us for is looked at: a new generation, a cancel. */
#define LOOK_MS 100
/* How often an unanswered question is repeated. */
#define ASK_AGAIN_MS 500

static MtmNodeSet
peers_without(MtmNodeSet members, XLogRecPtr up_to)
{
	MtmNodeSet	missing = 0;

	MtmForEachPeer(node_id)
	{
		if (MTM_IN_SET(members, node_id) && MtmShownThere(node_id) < up_to)
			missing |= MTM_NODE_BIT(node_id);
	}
	return missing;
}

static void
ask_shown(MtmNodeSet peers, XLogRecPtr up_to)
{
	MtmForEachPeer(node_id)
	{
		if (MTM_IN_SET(peers, node_id))
			(void) MtmSendAskShown(node_id, up_to);
	}
}

static void
stop_waiting(void)
{
	QueryCancelPending = false;
	ereport(WARNING,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("stopped waiting until all nodes show the transaction"),
			 errdetail("It is committed on all nodes; some may not show it yet.")));
}

void
MtmWaitShownEverywhere(uint64 generation)
{
	XLogRecPtr	up_to = MtmOutcomesNewest();
	int64		ask_ms = 0;

	for (;;)
	{
		MtmViewData view = MtmViewGet();
		MtmNodeSet	missing;

		if (view.status == MTM_ONLINE && view.generation > generation)
			break;
		missing = peers_without(view.members, up_to);
		if (missing == 0)
			break;
		if (QueryCancelPending || ProcDiePending || MtmNodeDropped(mtm_node_id))
		{
			stop_waiting();
			break;
		}
		if (MtmNowMs() >= ask_ms)
		{
			ask_shown(missing, up_to);
			ask_ms = MtmNowMs() + ASK_AGAIN_MS;
		}
		MtmShownSleep(LOOK_MS);
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
	}
	MtmShownSleepEnd();
}

typedef struct Question
{
	uint64		number;
	XLogRecPtr	newest;
	bool		answered;
} Question;

static void
ask_newest(MtmNodeSet members, const Question *questions)
{
	MtmForEachPeer(node_id)
	{
		const Question *question = &questions[node_id - 1];

		if (MTM_IN_SET(members, node_id) && !question->answered)
			(void) MtmSendAskNewest(node_id, question->number);
	}
}

/* Is everything here that was the members' newest when they were asked? */
static bool
all_shown(const MtmViewData *view, Question *questions)
{
	bool		all = true;

	MtmForEachPeer(node_id)
	{
		Question   *question = &questions[node_id - 1];

		if (!MTM_IN_SET(view->members, node_id))
			continue;
		if (!question->answered)
			question->answered = MtmNewestKnown(node_id, question->number, view->generation,
												&question->newest);
		if (!question->answered || MtmShownHere(node_id) < question->newest)
			all = false;
	}
	return all;
}

/* False: this node moved to another generation meanwhile. */
static bool
wait_in_generation(const MtmViewData *view)
{
	Question	questions[MTM_MAX_NODES];
	int64		ask_ms = 0;

	MtmForEachPeer(node_id)
	{
		questions[node_id - 1].answered = false;
		questions[node_id - 1].number = MtmNewestAsk(node_id);
	}
	while (!all_shown(view, questions))
	{
		MtmViewData now = MtmViewGet();

		if (now.generation != view->generation || now.status != MTM_ONLINE)
			return false;
		if (MtmNowMs() >= ask_ms)
		{
			ask_newest(view->members, questions);
			ask_ms = MtmNowMs() + ASK_AGAIN_MS;
		}
		MtmShownSleep(LOOK_MS);
	}
	return true;
}

bool
MtmWaitCausal(void)
{
	MtmViewData view;
	bool		done = false;

	while (!done)
	{
		view = MtmViewGet();
		if (view.status != MTM_ONLINE)
			break;
		done = wait_in_generation(&view);
	}
	MtmShownSleepEnd();
	return done;
}
