/*
 * The recovery process: a node that was away reads one donor's stream, with the
 * transactions of every node in the donor's order, until it has all before the donor's
 * mark of a generation that it is a member of (docs/majority.md, part 3).
 *
 * Runs in: a background worker, while the view names a donor.
 * Path: the donor's sender/plugin.c ~~ libpq ~~> here -> recovery/replay.c
 * Locks: none of its own.
 *
 * It ends when the view names another donor or none; a new one begins from the slot's
 * confirmed position, which is a mark of the donor whose work is flushed here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "background.h"
#include "backend/sequences.h"
#include "joining/copy.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "receiver/spill.h"
#include "receiver/stream.h"
#include "recovery/leftovers.h"
#include "recovery/recovery.h"
#include "recovery/replay.h"
#include "replication/origin.h"
#include "settings.h"
#include "shmem/recovery.h"
#include "shmem/view.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"
#include "wire/connection.h"
#include "wire/frame.h"

#define FEEDBACK_MS 200
/* How often the donor is asked how long its WAL is. */
#define MEASURE_MS 500
/* Row and relation locks are waited for so long, then their holders are ended. */
#define LOCK_TIMEOUT "1000"

static int	donor;
static XLogRecPtr received = InvalidXLogRecPtr; /* all before is applied */
static XLogRecPtr newest_mark = InvalidXLogRecPtr;	/* of the donor, passed */
static XLogRecPtr donor_lsn = InvalidXLogRecPtr;
static TransactionId partial = InvalidTransactionId;
static PGconn *measuring = NULL;
static uint64 passed = 0;		/* of the mark of which we are a member */

static bool
still_wanted(void)
{
	return MtmViewGet().donor == donor;
}

/*---------------------------------------------------------------------------
 * What others see of it.
 */
static XLogRecPtr
parse_lsn(const char *text)
{
	uint32		high;
	uint32		low;

	if (!text || sscanf(text, "%X/%X", &high, &low) != 2)
		return InvalidXLogRecPtr;
	return ((uint64) high << 32) | low;
}

/* A donor that cannot be asked will be lost to the stream as well. */
static void
measure(void)
{
	static int64 measured_ms = 0;
	PGresult   *result;

	if (MtmNowMs() - measured_ms < MEASURE_MS)
		return;
	measured_ms = MtmNowMs();
	if (!measuring)
		measuring = MtmConnect(donor, psprintf("multimaster recovery %d", mtm_node_id),
							   false);
	result = MtmConnectionExecute(measuring, "SELECT mtm.wal_position()");
	if (!result || PQresultStatus(result) != PGRES_TUPLES_OK)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("could not ask node %d for its WAL position", donor)));
	donor_lsn = parse_lsn(PQgetvalue(result, 0, 0));
	PQclear(result);
}

static void
feedback(void)
{
	XLogFlush(XactLastCommitEnd);
	MtmStreamConfirm(received, MtmReplayConfirmable(newest_mark));
	MtmRecoveryAdvance(received, donor_lsn, MtmReplayCount());
}

/*---------------------------------------------------------------------------
 * The stream.
 */
/*
 * The slot is confirmed at marks only: should the donor recover from this node some
 * day, it recognises what lies before them by its generation (3.10).
 */
static void
on_mark(const MtmFrame *frame)
{
	MtmViewData view = MtmViewGet();

	newest_mark = frame->end_lsn;
	/* While it only catches up, a generation that it voted for is over for this node. */
	if (view.generation != frame->generation || !MTM_IN_SET(view.members, mtm_node_id) ||
		view.status == MTM_CATCHUP)
		return;
	if (!MtmReplayPrepareKept(still_wanted))
		proc_exit(0);
	received = frame->end_lsn;
	passed = frame->generation;
	feedback();
	MtmRecoveryPassed(passed);
}

static void
on_frame(StringInfo in)
{
	MtmFrame	frame;

	MtmFrameRead(in, &frame);
	if (frame.xid != partial)
		MtmBodyDrop();
	partial = InvalidTransactionId;
	switch (frame.kind)
	{
		case MTM_FRAME_PART:
			partial = frame.xid;
			MtmBodyAdd(frame.bytes, frame.size);
			return;
		case MTM_FRAME_WHOLE:
			if (!MtmReplayWhole(&frame, still_wanted))
				proc_exit(0);
			break;
		case MTM_FRAME_USERS:
			MtmReplayKeep(&frame, received);
			break;
		case MTM_FRAME_COMMIT:
		case MTM_FRAME_ROLLBACK:
			if (!MtmReplayOutcome(&frame, received, still_wanted))
				proc_exit(0);
			break;
		case MTM_FRAME_MARK:
			on_mark(&frame);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("frame \"%c\" in a stream for recovery", frame.kind)));
	}
	received = Max(received, frame.end_lsn);
}

static void
serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	if (!still_wanted())
		proc_exit(0);
	MtmReloadIfAsked();
}

static void
follow(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "multimaster recovery",
												  ALLOCSET_DEFAULT_SIZES);
	int64		feedback_ms = 0;

	while (passed == 0)
	{
		StringInfoData frame;
		XLogRecPtr	position = InvalidXLogRecPtr;
		bool		reply;
		MtmStreamEvent event;

		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		event = MtmStreamNext(&frame, &position, &reply, FEEDBACK_MS);
		serve_interrupts();
		if (event == MTM_STREAM_FRAME)
			on_frame(&frame);
		else if (event == MTM_STREAM_KEEPALIVE && !TransactionIdIsValid(partial))
			received = Max(received, position);
		if (reply || event == MTM_STREAM_NOTHING ||
			MtmNowMs() - feedback_ms >= FEEDBACK_MS)
		{
			measure();
			feedback();
			feedback_ms = MtmNowMs();
		}
	}
}

/* What follows comes by the streams of all. The control plane looks at what we say. */
static void
wait_for_end(void)
{
	while (MtmViewGet().generation == passed)
	{
		serve_interrupts();
		feedback();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	proc_exit(0);
}

/* Not before the leftovers are gone: they may have them locked. */
static void
take_own_sequences(void)
{
	if (!MtmCopyOpen())
		return;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MtmSequencesOfCopy();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static XLogRecPtr
confirmed_position(void)
{
	List	   *rows = MtmStreamQuery(psprintf("SELECT mtm.slot_of(%d)", mtm_node_id));

	if (rows == NIL || !linitial(rows))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("node %d keeps no replication slot for this node", donor),
				 errhint("This node must be rebuilt from another one.")));
	return parse_lsn(linitial(rows));
}

/* A new node has all of its source up to where it was copied. */
static XLogRecPtr
first_position(void)
{
	MtmCopy		copy = MtmCopyRead();
	XLogRecPtr	confirmed = confirmed_position();

	if (!MtmCopyOpen())
		return confirmed;
	if (copy.source != donor)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("this node is a copy of node %d and cannot recover from node %d",
						copy.source, donor)));
	return Max(confirmed, copy.end_lsn);
}

void
MtmRecoveryMain(void)
{
	MtmBackgroundBegin("recovery");
	donor = MtmViewGet().donor;
	if (donor <= 0)
		proc_exit(0);
	SetConfigOption("session_replication_role", "replica", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("check_function_bodies", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	replorigin_session_origin = DoNotReplicateId;

	MtmLeftoversQuiet();
	MtmStreamConnect(donor);
	MtmLeftoversEnd();
	take_own_sequences();
	MtmReplayBegin(donor);
	received = first_position();
	measure();
	MtmRecoveryBegin(donor, received);
	MtmStreamOpenToRecover(received);
	ereport(LOG,
			(errmsg("recovery from node %d begins at %X/%X, its WAL ends at %X/%X", donor,
					LSN_FORMAT_ARGS(received), LSN_FORMAT_ARGS(donor_lsn))));
	follow();
	ereport(LOG,
			(errmsg("recovery from node %d is complete: " UINT64_FORMAT " transactions",
					donor, MtmReplayCount())));
	wait_for_end();
}
