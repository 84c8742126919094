/*
 * COMMIT PREPARED that does not wait for the disk; see commit_prepared.h and
 * docs/exactly_once.md, 12.
 *
 * Runs in: committing backends, lanes.
 * Locks: TwoPhaseStateLock, as PostgreSQL's own; never over a wait.
 *
 * PostgreSQL's flushes its record before anybody sees the transaction committed. Here
 * that is a wait for nothing: the transaction is prepared durably on every node, its
 * outcome can be found again, and whoever wrote after it flushes its record with his own.
 *
 * What follows is FinishPreparedTransaction() of PostgreSQL 15 for the case of most
 * transactions: the state is in WAL, and there is nothing to do at commit but to let go
 * of locks. It is left to PostgreSQL's where a checkpoint has moved the state to a file
 * (it goes with the commit, which must be durable before), and where catalogs changed,
 * files are dropped, or a physical standby is waited for.
 *
 * The entries of PostgreSQL's table of prepared transactions are private to it. They are
 * declared here as they are there; that this is true is checked by the table's size, and
 * for each entry by its name. Where it is not true, PostgreSQL's function is called.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/commit_ts.h"
#include "access/transam.h"
#include "access/twophase.h"
#include "access/twophase_rmgr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogreader.h"
#include "access/xlogutils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/origin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "settings.h"
#include "storage/predicate.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "wal/commit_prepared.h"

/*---------------------------------------------------------------------------
 * As in twophase.c.
 */
typedef struct GlobalTransactionData
{
	GlobalTransaction next;
	int			pgprocno;
	BackendId	dummyBackendId;
	TimestampTz prepared_at;
	XLogRecPtr	prepare_start_lsn;
	XLogRecPtr	prepare_end_lsn;
	TransactionId xid;
	Oid			owner;
	BackendId	locking_backend;
	bool		valid;
	bool		ondisk;
	bool		inredo;
	char		gid[GIDSIZE];
} GlobalTransactionData;

typedef struct TwoPhaseStateData
{
	GlobalTransaction freeGXacts;
	int			numPrepXacts;
	GlobalTransaction prepXacts[FLEXIBLE_ARRAY_MEMBER];
} TwoPhaseStateData;

typedef struct TwoPhaseRecordOnDisk
{
	uint32		len;
	TwoPhaseRmgrId rmid;
	uint16		info;
} TwoPhaseRecordOnDisk;

/*---------------------------------------------------------------------------
 * The table of prepared transactions.
 */
static TwoPhaseStateData *table = NULL;

static Size
table_size(void)
{
	Size		size = offsetof(TwoPhaseStateData, prepXacts);

	size = add_size(size, mul_size(max_prepared_xacts, sizeof(GlobalTransaction)));
	return add_size(MAXALIGN(size),
					mul_size(max_prepared_xacts, sizeof(GlobalTransactionData)));
}

static bool
attach(void)
{
	bool		found;

	if (!table && table_size() == TwoPhaseShmemSize())
		table = ShmemInitStruct("Prepared Transaction Table", table_size(), &found);
	return table != NULL;
}

bool
MtmPreparedGid(TransactionId xid, char gid[MTM_GID_SIZE])
{
	bool		found = false;

	if (!attach())
		return false;
	LWLockAcquire(TwoPhaseStateLock, LW_SHARED);
	for (int i = 0; i < table->numPrepXacts && !found; i++)
	{
		GlobalTransaction entry = table->prepXacts[i];

		found = entry->valid && entry->xid == xid;
		if (found)
			strlcpy(gid, entry->gid, MTM_GID_SIZE);
	}
	LWLockRelease(TwoPhaseStateLock);
	return found;
}

/* The entry, busy for others from now on, and where its state is; NULL: not there, or not for us. */
static GlobalTransaction
claim(const char *gid, XLogRecPtr *state_lsn)
{
	GlobalTransaction claimed = NULL;

	LWLockAcquire(TwoPhaseStateLock, LW_EXCLUSIVE);
	for (int i = 0; i < table->numPrepXacts && !claimed; i++)
	{
		GlobalTransaction entry = table->prepXacts[i];

		if (entry->valid && strcmp(entry->gid, gid) == 0)
			claimed = entry;
	}
	if (claimed &&
		(claimed->locking_backend != InvalidBackendId || claimed->ondisk ||
		 ProcGlobal->allProcs[claimed->pgprocno].databaseId != MyDatabaseId))
		claimed = NULL;
	if (claimed)
	{
		claimed->locking_backend = MyBackendId;
		*state_lsn = claimed->prepare_start_lsn;
	}
	LWLockRelease(TwoPhaseStateLock);
	return claimed;
}

static void
unclaim(GlobalTransaction entry)
{
	LWLockAcquire(TwoPhaseStateLock, LW_EXCLUSIVE);
	entry->locking_backend = InvalidBackendId;
	LWLockRelease(TwoPhaseStateLock);
}

/* The lock is held. */
static void
take_out(GlobalTransaction entry)
{
	for (int i = 0; i < table->numPrepXacts; i++)
	{
		if (table->prepXacts[i] != entry)
			continue;
		table->prepXacts[i] = table->prepXacts[--table->numPrepXacts];
		entry->next = table->freeGXacts;
		table->freeGXacts = entry;
		return;
	}
}

/*---------------------------------------------------------------------------
 * Its state, from WAL.
 */
typedef struct State
{
	TransactionId xid;
	int			nchildren;
	TransactionId *children;
	char	   *records;
} State;

static XLogReaderState *reader = NULL;	/* kept: so is the segment that it has open */

static void
forget_reader(void)
{
	if (reader)
		XLogReaderFree(reader);
	reader = NULL;
}

static void
make_reader(void)
{
	reader = XLogReaderAllocate(wal_segment_size, NULL,
								XL_ROUTINE(.page_read = &read_local_xlog_page,
										   .segment_open = &wal_segment_open,
										   .segment_close = &wal_segment_close),
								NULL);
	if (!reader)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

/* False: it cannot be read, or there is more to do than we do. It stays in the reader. */
static bool
read_state(XLogRecPtr lsn, TransactionId xid, State *state)
{
	xl_xact_prepare *header;
	char	   *error = NULL;
	char	   *at;

	if (!reader)
		make_reader();
	XLogBeginRead(reader, lsn);
	if (!XLogReadRecord(reader, &error) || XLogRecGetRmid(reader) != RM_XACT_ID ||
		(XLogRecGetInfo(reader) & XLOG_XACT_OPMASK) != XLOG_XACT_PREPARE)
		return false;

	at = XLogRecGetData(reader);
	header = (xl_xact_prepare *) at;
	if (header->xid != xid || header->ncommitrels > 0 || header->nabortrels > 0 ||
		header->ncommitstats > 0 || header->nabortstats > 0 || header->ninvalmsgs > 0 ||
		header->initfileinval)
		return false;
	at += MAXALIGN(sizeof(xl_xact_prepare)) + MAXALIGN(header->gidlen);
	state->xid = xid;
	state->nchildren = header->nsubxacts;
	state->children = (TransactionId *) at;
	state->records = at + MAXALIGN(header->nsubxacts * sizeof(TransactionId));
	return true;
}

static bool
read_claimed(GlobalTransaction entry, XLogRecPtr lsn, State *state)
{
	/* What the reader allocates on its way, it keeps. */
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	volatile bool plain = false;

	PG_TRY();
	{
		plain = read_state(lsn, entry->xid, state);
	}
	PG_CATCH();
	{
		forget_reader();
		unclaim(entry);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return plain;
}

/*---------------------------------------------------------------------------
 * The commit.
 */

/* RecordTransactionCommitPrepared() with the end of an asynchronous commit. */
static XLogRecPtr
record(const State *state, const char *gid)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		from_origin = replorigin_session_origin != InvalidRepOriginId &&
	replorigin_session_origin != DoNotReplicateId;
	XLogRecPtr	end;

	START_CRIT_SECTION();
	MyProc->delayChkptFlags |= DELAY_CHKPT_START;
	end = XactLogCommitRecord(now, state->nchildren, state->children, 0, NULL, 0, NULL,
							  0, NULL, false,
							  MyXactFlags | XACT_FLAGS_ACQUIREDACCESSEXCLUSIVELOCK,
							  state->xid, gid);
	if (from_origin)
		replorigin_session_advance(replorigin_session_origin_lsn, XactLastRecEnd);
	if (!from_origin || replorigin_session_origin_timestamp == 0)
		replorigin_session_origin_timestamp = now;
	TransactionTreeSetCommitTsData(state->xid, state->nchildren, state->children,
								   replorigin_session_origin_timestamp,
								   replorigin_session_origin);
	TransactionIdAsyncCommitTree(state->xid, state->nchildren, state->children, end);
	MyProc->delayChkptFlags &= ~DELAY_CHKPT_START;
	END_CRIT_SECTION();
	return end;
}

static void
run_callbacks(const State *state)
{
	char	   *at = state->records;

	for (;;)
	{
		TwoPhaseRecordOnDisk *head = (TwoPhaseRecordOnDisk *) at;

		if (head->rmid == TWOPHASE_RM_END_ID)
			break;
		at += MAXALIGN(sizeof(TwoPhaseRecordOnDisk));
		if (twophase_postcommit_callbacks[head->rmid] != NULL)
			twophase_postcommit_callbacks[head->rmid] (state->xid, head->info, at,
													   head->len);
		at += MAXALIGN(head->len);
	}
	PredicateLockTwoPhaseFinish(state->xid, true);
}

static void
remove_state_file(TransactionId xid)
{
	char		path[MAXPGPATH];

	snprintf(path, sizeof(path), "pg_twophase/%08X", xid);
	if (unlink(path) < 0)
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", path)));
}

/*
 * Locks go, and the entry. A checkpoint may have written a state file meanwhile: it is
 * all that is left of the transaction until its commit record is durable.
 */
static void
let_go(GlobalTransaction entry, const State *state, XLogRecPtr end)
{
	bool		ondisk;

	LWLockAcquire(TwoPhaseStateLock, LW_EXCLUSIVE);
	PG_TRY();
	{
		run_callbacks(state);
	}
	PG_CATCH();
	{
		/* Too late to undo it: as PostgreSQL does, forget that it was prepared. */
		if (!LWLockHeldByMe(TwoPhaseStateLock))
			LWLockAcquire(TwoPhaseStateLock, LW_EXCLUSIVE);
		take_out(entry);
		LWLockRelease(TwoPhaseStateLock);
		PG_RE_THROW();
	}
	PG_END_TRY();
	ondisk = entry->ondisk;
	take_out(entry);
	LWLockRelease(TwoPhaseStateLock);

	AtEOXact_PgStat(true, false);
	if (ondisk)
	{
		XLogFlush(end);
		remove_state_file(state->xid);
	}
}

static XLogRecPtr
commit_claimed(GlobalTransaction entry, const State *state, const char *gid)
{
	XLogRecPtr	end = record(state, gid);

	ProcArrayRemove(&ProcGlobal->allProcs[entry->pgprocno],
					TransactionIdLatest(state->xid, state->nchildren, state->children));
	entry->valid = false;
	let_go(entry, state, end);
	/* Or the WAL writer would be woken at the end of our own transaction. */
	XactLastRecEnd = InvalidXLogRecPtr;
	return end;
}

/* In volkswagen_mode, too: hints need a flushed record, VACUUM hints, and plans VACUUM. */
static bool
must_be_flushed(void)
{
	return mtm_volkswagen_mode ||
		(SyncRepRequested() && SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0');
}

XLogRecPtr
MtmCommitPrepared(const char *gid)
{
	GlobalTransaction entry;
	XLogRecPtr	state_lsn;
	State		state;
	XLogRecPtr	end = InvalidXLogRecPtr;

	/* From the claim on nothing but errors may come between. */
	HOLD_INTERRUPTS();
	entry = attach() && !must_be_flushed() ? claim(gid, &state_lsn) : NULL;
	if (entry)
	{
		if (read_claimed(entry, state_lsn, &state))
			end = commit_claimed(entry, &state, gid);
		else
			unclaim(entry);
	}
	RESUME_INTERRUPTS();
	if (XLogRecPtrIsInvalid(end))
	{
		FinishPreparedTransaction(gid, true);
		end = XactLastRecEnd;
	}
	return end;
}
