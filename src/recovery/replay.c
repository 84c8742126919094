/*
 * Transactions out of a donor's stream, run here one after the other, each exactly once
 * (docs/majority.md, 3.7 and 3.8).
 *
 * Runs in: the recovery process.
 * Path: receiver/stream.c -> recovery/recovery.c -> here -> apply/records.c
 * Locks: row and relation locks up to lock_timeout; who holds them then is ended.
 *
 * They commit without waiting for their flush: the donor's slot is confirmed only up to
 * what is flushed (recovery.c), and what was lost comes again. The message that each
 * writes (wire/commit_message.h) tells a later recovery that it is here.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "apply/body.h"
#include "apply/described_row.h"
#include "apply/lock_wait.h"
#include "apply/records.h"
#include "apply/relation.h"
#include "executor/spi.h"
#include "joining/copy.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "receiver/progress.h"
#include "receiver/spill.h"
#include "recovery/leftover_indexes.h"
#include "recovery/prepared_here.h"
#include "recovery/replay.h"
#include "recovery/unfinished_indexes.h"
#include "replication/origin.h"
#include "settings.h"
#include "shmem/bodies.h"
#include "shmem/view.h"
#include "storage/latch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "wal/history.h"

#define AGAIN_MIN_MS 100
#define AGAIN_MAX_MS 2000
/* What passes by itself has passed by then. */
#define ATTEMPTS_BEFORE_REPAIR 3

/* An outcome whose PREPARE lies before the stream: of what is prepared here, or of one before. */
typedef struct Deferred
{
	bool		commit;
	XLogRecPtr	confirmable;	/* before it at the donor */
	char		gid[FLEXIBLE_ARRAY_MEMBER];
} Deferred;

/* A user's name, and the newest transaction that had it in the stream. */
typedef struct Named
{
	MtmIdentity identity;
	char		gid[FLEXIBLE_ARRAY_MEMBER];
} Named;

/* A user's transaction between its PREPARE and its outcome. */
typedef struct Kept
{
	MtmTransaction tx;
	MtmIdentity identity;
	XLogRecPtr	coordinator_end_lsn;	/* of its PREPARE there */
	XLogRecPtr	confirmable;	/* before its PREPARE at the donor */
} Kept;

static HTAB *history = NULL;	/* out of this node's own WAL */
static XLogRecPtr progress[MTM_MAX_NODES][MTM_LANES];
static List *prepared = NIL;	/* gids that are prepared here */
static List *kept = NIL;
static List *deferred = NIL;
static List *named = NIL;		/* what the stream's users' names stand for now */
static MtmApplied applied;
static uint64 count = 0;
static char *missing = NULL;	/* the error of the last attempt, which did not find something */

static void
load_progress(void)
{
	StartTransactionCommand();
	MtmForEachPeer(node_id)
	{
		for (int lane = 0; lane < MTM_LANES; lane++)
		{
			char		name[NAMEDATALEN];
			RepOriginId origin;

			MtmLaneOriginName(node_id, lane, name);
			origin = replorigin_by_name(name, true);
			progress[node_id - 1][lane] = origin == InvalidRepOriginId ?
				InvalidXLogRecPtr : replorigin_get_progress(origin, true);
		}
	}
	CommitTransactionCommand();
}

void
MtmReplayBegin(int donor)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	XLogRecPtr	from = MtmCopyFirstOwn();

	if (XLogRecPtrIsInvalid(from))
		from = MtmSlotRestart(donor);
	prepared = MtmPreparedHere();
	initStringInfo(&applied.notifies);
	load_progress();
	MemoryContextSwitchTo(TopMemoryContext);
	if (!XLogRecPtrIsInvalid(from))
		history = MtmWalHistory(from);
	MemoryContextSwitchTo(old);
}

uint64
MtmReplayCount(void)
{
	return count;
}

static ListCell *
find_prepared(const char *gid)
{
	ListCell   *cell;

	foreach(cell, prepared)
	{
		if (strcmp(lfirst(cell), gid) == 0)
			return cell;
	}
	return NULL;
}

static MtmIdentity
identity_of(const MtmFrame *frame)
{
	MtmIdentity identity = {
		.generation = frame->generation,
		.coordinator = frame->coordinator,
		.xid = frame->coordinator_xid,
	};

	return identity;
}

/* 3.7; `coordinator_end_lsn` 0: not known. */
static bool
is_here(const MtmIdentity *identity, XLogRecPtr coordinator_end_lsn)
{
	if (identity->generation < MtmViewGet().online_in)
		return true;
	if (identity->coordinator == mtm_node_id)
		return TransactionIdDidCommit(identity->xid);
	if (!XLogRecPtrIsInvalid(coordinator_end_lsn) &&
		identity->coordinator <= MTM_MAX_NODES &&
		coordinator_end_lsn <=
		progress[identity->coordinator - 1][MtmLaneOf(identity->xid)])
		return true;
	return history && MtmWalFind(history, identity).committed;
}

/* A user's PREPARE, and `coordinator_end_lsn` of it: was it here once? */
static bool
was_prepared_here(const MtmIdentity *identity, XLogRecPtr coordinator_end_lsn)
{
	MtmWalEntry past = {.prepared = false};

	if (identity->generation < MtmViewGet().online_in ||
		identity->coordinator == mtm_node_id)
		return true;
	if (history)
		past = MtmWalFind(history, identity);
	if (past.prepared)
		return true;
	return !past.refused && !XLogRecPtrIsInvalid(coordinator_end_lsn) &&
		coordinator_end_lsn <=
		progress[identity->coordinator - 1][MtmLaneOf(identity->xid)];
}

/*---------------------------------------------------------------------------
 * Running one, until it succeeds.
 */
typedef struct Run
{
	MtmTransaction *tx;
	MtmIdentity identity;
	XLogRecPtr	coordinator_end_lsn;
	bool		prepare;		/* a user's: PREPARE, not COMMIT */
} Run;

static void
log_identity(const Run *run)
{
	MtmCommitMessage message;

	if (run->tx->flags & MTM_TX_USER_GID)
	{
		MtmApplyLogOwner(&applied);
		MtmCommitMessageOfUser(&message, run->tx->gid, &run->identity);
	}
	else
		MtmCommitMessageOfGid(&message, run->tx->gid);
	if (!run->prepare)
		message.flags |= MTM_TX_RECOVERED;
	message.coordinator_end_lsn = run->coordinator_end_lsn;
	MtmCommitMessageLog(&message);
}

static void
end_as_owner(void)
{
	Oid			me;
	int			context;

	GetUserIdAndSecContext(&me, &context);
	if (OidIsValid(applied.owner))
		SetUserIdAndSecContext(applied.owner, context | SECURITY_LOCAL_USERID_CHANGE);
	CommitTransactionCommand();
	SetUserIdAndSecContext(me, context);
}

static void
run_once(const Run *run)
{
	StartTransactionCommand();
	if (run->prepare)
	{
		BeginTransactionBlock();
		CommitTransactionCommand();
		StartTransactionCommand();
	}
	AcceptInvalidationMessages();
	resetStringInfo(&applied.notifies);
	applied.owner = InvalidOid;
	applied.decided = !run->prepare;
	if (missing)
		MtmUnfinishedIndexesBuild(missing);
	MtmApplyRecords(run->tx, &applied);
	log_identity(run);
	if (!run->prepare)
		CommitTransactionCommand();
	else if (PrepareTransactionBlock(run->tx->gid))
		end_as_owner();
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("could not prepare transaction \"%s\"", run->tx->gid)));
}

/*
 * Sessions that hold what we wait for cannot commit any more: this node is not online.
 * Those that wait for an outcome hold nothing but what is prepared.
 */
static void
end_sessions_in_the_way(void)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	(void) SPI_execute("SELECT pg_catalog.pg_terminate_backend(pid) "
					   "FROM pg_catalog.pg_stat_activity "
					   "WHERE datname = pg_catalog.current_database() "
					   "AND backend_type = 'client backend' AND xact_start IS NOT NULL "
					   "AND pid NOT IN (SELECT pid FROM mtm.shell_transactions() "
					   "WHERE pid IS NOT NULL)", false, 0);
	if (SPI_processed > 0)
		ereport(LOG,
				(errmsg("sessions were ended that were in the way of recovery"),
				 errdetail("%d sessions had a transaction open, which could not commit.",
						   (int) SPI_processed)));
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
wait_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
forget_missing(void)
{
	if (missing)
		pfree(missing);
	missing = NULL;
}

static void
note_missing(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		error->sqlerrcode == ERRCODE_UNDEFINED_TABLE)
		missing = MemoryContextStrdup(TopMemoryContext, error->message);
}

static void
after_error(const Run *run, const ErrorData *error, Oid table, int attempt)
{
	bool		blocked = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;

	ereport(blocked ? DEBUG1 : LOG,
			(errcode(error->sqlerrcode),
			 errmsg("recovery cannot run transaction \"%s\" yet: %s", run->tx->gid,
					error->message),
			 error->detail ? errdetail("%s", error->detail) : 0,
			 errhint("It is tried again.")));
	if (blocked)
		end_sessions_in_the_way();
	else
	{
		if (attempt >= ATTEMPTS_BEFORE_REPAIR)
		{
			note_missing(error);
			MtmLeftoverIndexesDrop(error, table);
		}
		wait_ms(Min(AGAIN_MIN_MS << Min(attempt, 8), AGAIN_MAX_MS));
	}
}

static void finish_deferred(void);

/* False: it failed. */
static bool
try_once(const Run *run, int attempt)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;
	volatile Oid table = InvalidOid;

	PG_TRY();
	{
		run_once(run);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		table = MtmDescribedRowTable();
		MtmDescribedRowSet(NULL, NULL);
		MtmLockWaitEnd();
		MtmBodyClose();
		MtmRelationsForget();
		AbortOutOfAnyTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	forget_missing();
	if (!error)
		return true;
	CHECK_FOR_INTERRUPTS();
	/* It came after them at the donor, where nothing held it up. */
	finish_deferred();
	after_error(run, error, table, attempt);
	FreeErrorData(error);
	return false;
}

static bool
run_until_done(const Run *run, bool (*wanted) (void))
{
	for (int attempt = 0; !try_once(run, attempt); attempt++)
	{
		if (!wanted())
		{
			forget_missing();
			return false;
		}
	}
	MtmTransactionFreeBody(run->tx);
	count++;
	return true;
}

static void
take_body(const MtmFrame *frame, MtmTransaction *tx)
{
	memset(tx, 0, sizeof(*tx));
	tx->key.origin = frame->coordinator;
	tx->key.xid = frame->coordinator_xid;
	tx->generation = frame->generation;
	tx->flags = frame->flags;
	tx->prepare_end_lsn = frame->end_lsn;
	strlcpy(tx->gid, frame->gid, sizeof(tx->gid));
	MtmBodyAdd(frame->bytes, frame->size);
	MtmBodyStore(tx);
}

static void
finish_prepared(const char *gid, bool commit)
{
	ListCell   *cell = find_prepared(gid);

	(void) MtmFinishHere(gid, commit);
	if (cell)
		prepared = list_delete_cell(prepared, cell);
	count++;
}

/*
 * Something is prepared here under that name: is it this one? Users give names again. It is
 * another one if this one has ended here since, or was refused.
 */
static bool
has_name_here(const MtmIdentity *identity)
{
	MtmWalEntry past;

	if (!history)
		return true;
	past = MtmWalFind(history, identity);
	return !past.ended && (past.prepared || !past.refused);
}

static void
finish_deferred(void)
{
	while (deferred != NIL)
	{
		Deferred   *one = linitial(deferred);

		deferred = list_delete_first(deferred);
		if (find_prepared(one->gid))
			finish_prepared(one->gid, one->commit);
		pfree(one);
	}
}

bool
MtmReplayWhole(const MtmFrame *frame, bool (*wanted) (void))
{
	MtmTransaction tx;
	Run			run = {
		.tx = &tx,
		.identity = identity_of(frame),
		.coordinator_end_lsn = frame->coordinator_end_lsn
	};

	if (find_prepared(frame->gid) &&
		(!(frame->flags & MTM_TX_USER_GID) || has_name_here(&run.identity)))
	{
		MtmBodyDrop();
		finish_prepared(frame->gid, true);
		return true;
	}
	if (is_here(&run.identity, run.coordinator_end_lsn))
	{
		MtmBodyDrop();
		return true;
	}
	take_body(frame, &tx);
	return run_until_done(&run, wanted);
}

/*---------------------------------------------------------------------------
 * Users' own.
 */
static Kept *
find_kept(const char *gid)
{
	ListCell   *cell;

	foreach(cell, kept)
	{
		Kept	   *one = lfirst(cell);

		if (strcmp(one->tx.gid, gid) == 0)
			return one;
	}
	return NULL;
}

static void
drop_kept(Kept *one)
{
	MtmTransactionFreeBody(&one->tx);
	kept = list_delete_ptr(kept, one);
	pfree(one);
}

static Named *
find_named(const char *gid)
{
	ListCell   *cell;

	foreach(cell, named)
	{
		Named	   *one = lfirst(cell);

		if (strcmp(one->gid, gid) == 0)
			return one;
	}
	return NULL;
}

static void
note_name(const char *gid, const MtmIdentity *identity)
{
	Named	   *one = find_named(gid);

	if (!one)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		one = palloc(offsetof(Named, gid) + strlen(gid) + 1);
		strcpy(one->gid, gid);
		named = lappend(named, one);
		MemoryContextSwitchTo(old);
	}
	one->identity = *identity;
}

static void
defer(const MtmFrame *frame, XLogRecPtr confirmable)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Deferred   *one = palloc(offsetof(Deferred, gid) + strlen(frame->gid) + 1);

	one->commit = frame->kind == MTM_FRAME_COMMIT;
	one->confirmable = confirmable;
	strcpy(one->gid, frame->gid);
	deferred = lappend(deferred, one);
	MemoryContextSwitchTo(old);
}

/* What has the name here is what they end, or got it later: then it is not `theirs`. */
static void
end_deferred(const char *gid, bool theirs)
{
	ListCell   *cell;

	foreach(cell, deferred)
	{
		Deferred   *one = lfirst(cell);

		if (strcmp(one->gid, gid) != 0)
			continue;
		deferred = foreach_delete_current(deferred, cell);
		if (theirs && find_prepared(gid))
			finish_prepared(gid, one->commit);
		pfree(one);
	}
}

void
MtmReplayKeep(const MtmFrame *frame, XLogRecPtr confirmable)
{
	MemoryContext old;
	MtmIdentity identity = identity_of(frame);
	Kept	   *one;

	note_name(frame->gid, &identity);
	if (was_prepared_here(&identity, frame->coordinator_end_lsn))
	{
		end_deferred(frame->gid, false);
		MtmBodyDrop();
		return;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	one = palloc0(sizeof(Kept));
	take_body(frame, &one->tx);
	one->identity = identity;
	one->coordinator_end_lsn = frame->coordinator_end_lsn;
	one->confirmable = confirmable;
	kept = lappend(kept, one);
	MemoryContextSwitchTo(old);
}

bool
MtmReplayOutcome(const MtmFrame *frame, XLogRecPtr confirmable, bool (*wanted) (void))
{
	bool		commit = frame->kind == MTM_FRAME_COMMIT;
	Kept	   *one = find_kept(frame->gid);
	Named	   *name = find_named(frame->gid);
	bool		here = find_prepared(frame->gid) != NULL;

	if (!one)
	{
		if (here && !name)
			defer(frame, confirmable);
		else if (here && has_name_here(&name->identity))
			finish_prepared(frame->gid, commit);
		return true;
	}
	if (commit)
	{
		Run			run = {.tx = &one->tx,.identity = one->identity};

		end_deferred(frame->gid, true);
		/* It was committed under that name: what has it here never was prepared everywhere. */
		if (find_prepared(frame->gid))
			finish_prepared(frame->gid, false);
		if (!run_until_done(&run, wanted))
			return false;
	}
	drop_kept(one);
	return true;
}

bool
MtmReplayPrepareKept(bool (*wanted) (void))
{
	finish_deferred();
	while (kept != NIL)
	{
		Kept	   *one = linitial(kept);
		Run			run = {
			.tx = &one->tx,
			.identity = one->identity,
			.coordinator_end_lsn = one->coordinator_end_lsn,
			.prepare = true
		};

		if (find_prepared(one->tx.gid))
			finish_prepared(one->tx.gid, false);
		if (!run_until_done(&run, wanted))
			return false;
		drop_kept(one);
	}
	return true;
}

XLogRecPtr
MtmReplayConfirmable(XLogRecPtr up_to)
{
	ListCell   *cell;

	foreach(cell, kept)
	{
		Kept	   *one = lfirst(cell);

		up_to = Min(up_to, one->confirmable);
	}
	foreach(cell, deferred)
	{
		Deferred   *one = lfirst(cell);

		up_to = Min(up_to, one->confirmable);
	}
	return up_to;
}
