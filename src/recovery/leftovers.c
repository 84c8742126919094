/*
 * What this node has under way as its recovery begins (docs/majority.md, 3.5 and 3.6).
 *
 * Runs in: the recovery process.
 * Path: the view says "away" -> receivers end, lanes drop what they have -> here
 * Locks: none over a wait.
 *
 * What is being applied was not prepared: it comes again from the donor, if it was
 * committed. What is prepared the donor has ended: it is asked how. A new node, which is a
 * copy of its donor, does not ask (docs/membership.md, 4.3).
 */
#include "postgres.h"

#include "joining/copy.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "receiver/stream.h"
#include "recovery/leftovers.h"
#include "recovery/prepared_here.h"
#include "settings.h"
#include "shmem/lanes.h"
#include "shmem/processes.h"
#include "shmem/transactions.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "wire/gid.h"

#define LOOK_MS 20

/* True when something was there that is not prepared. */
static bool
undo_unprepared(void)
{
	int			count;
	MtmTransaction *list = MtmTransactionList(&count);
	bool		any = false;

	for (int i = 0; i < count; i++)
	{
		if (list[i].state == MTM_TX_PREPARED)
			continue;
		any = true;
		MtmTransactionUndo(&list[i].key);
		MtmTransactionForget(&list[i].key);
	}
	pfree(list);
	return any;
}

static bool
streams_are_read(void)
{
	MtmForEachPeer(node_id)
	{
		if (MtmProcessPid(node_id, MTM_PLACE_RECEIVER) != 0)
			return true;
		for (int lane = 0; lane < MTM_LANES; lane++)
		{
			if (!MtmLaneIdle(node_id, lane))
				return true;
		}
	}
	return false;
}

void
MtmLeftoversQuiet(void)
{
	/* In this order: a receiver that is just ending may have put something in. */
	for (;;)
	{
		bool		read = streams_are_read();

		if (!undo_unprepared() && !read)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static List *
committed_at_donor(List *gids, uint64 newest)
{
	StringInfoData query;
	ListCell   *cell;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT gid FROM mtm.committed_here(%d, " UINT64_FORMAT
					 ", ARRAY[", mtm_node_id, newest);
	foreach(cell, gids)
		appendStringInfo(&query, "%s%s", cell == list_head(gids) ? "" : ",",
						 quote_literal_cstr(lfirst(cell)));
	appendStringInfoString(&query, "]::text[])");
	return MtmStreamQuery(query.data);
}

static bool
contains(List *gids, const char *gid)
{
	ListCell   *cell;

	foreach(cell, gids)
	{
		if (strcmp(lfirst(cell), gid) == 0)
			return true;
	}
	return false;
}

void
MtmLeftoversEnd(void)
{
	List	   *ours = NIL;
	List	   *committed;
	uint64		newest = 0;
	ListCell   *cell;

	foreach(cell, MtmPreparedHere())
	{
		MtmGid		gid;

		if (!MtmGidParse(lfirst(cell), &gid))
			continue;
		ours = lappend(ours, lfirst(cell));
		newest = Max(newest, gid.generation);
	}
	/* A copy's source may not have ended it yet: it comes whole, if it is committed. */
	committed = MtmCopyOpen() ? NIL : committed_at_donor(ours, newest);
	foreach(cell, ours)
	{
		if (contains(committed, lfirst(cell)))
			continue;
		if (MtmFinishHere(lfirst(cell), false))
			ereport(LOG,
					(errmsg("transaction \"%s\" was not committed by the others and is rolled back",
							(char *) lfirst(cell))));
	}
}
