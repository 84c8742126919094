/*
 * The end of a transaction that stands in the way of another node's.
 *
 * Runs in: backends and background workers of other extensions.
 * Path: apply/conflict.c (it is told to fail) -> interrupt.c -> here -> client: 40001
 * Locks: MtmWriter.mutex.
 *
 * Told by an apply worker in shared memory (shmem/writers.h) and by an interrupt, it fails
 * in one of these ways; docs/conflicts.md has the reasons:
 *  - in the middle of a statement: by an error, as a cancelled one does;
 *  - idle in a transaction block: an error would break the protocol, since the client has
 *    asked for nothing. So the block is aborted where it is, which lets go of its locks,
 *    and the client's next statement fails with 40001;
 *  - reading from the client in a statement, or between two messages of a transaction
 *    without a block: with the next statement or the commit. It cannot interrupt itself
 *    again for that: PostgreSQL drops such a request while it serves one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "backend/wound.h"
#include "interrupt.h"
#include "locks/deadlock.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "shmem/peers.h"
#include "shmem/writers.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/ps_status.h"

/* The block was aborted by this, and the client has not heard of it. */
static MtmRefusal untold;
static bool is_untold = false;
/* It could not fail at once. */
static bool must_fail = false;

static emit_log_hook_type next_emit_log = NULL;

static void
count(void)
{
	pg_atomic_fetch_add_u64(&MtmCountersGet()->aborts, 1);
	pg_atomic_fetch_add_u64(&MtmCountersGet()->conflicts, 1);
}

static void
fail(const MtmRefusal *refusal)
{
	ereport(ERROR,
			(errcode(refusal->sqlstate),
			 errmsg("%s", refusal->message),
			 errdetail("%s", refusal->detail),
			 errhint("%s", refusal->hint)));
}

/* One that the client began: an implicit one, of a pipeline, ends with its error. */
static bool
in_client_block(void)
{
	if (!IsTransactionBlock())
		return false;
	EndImplicitTransactionBlock();
	if (IsTransactionBlock())
		return true;
	BeginImplicitTransactionBlock();
	return false;
}

/* Leaves the block as an error in one of its statements does, whatever savepoints it has. */
static void
abort_block(const MtmRefusal *refusal)
{
	MemoryContext context = CurrentMemoryContext;

	MemoryContextSwitchTo(TopMemoryContext);
	while (IsSubTransaction())
		RollbackAndReleaseCurrentSubTransaction();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	untold = *refusal;
	is_untold = true;
	pgstat_report_activity(STATE_IDLEINTRANSACTION_ABORTED, NULL);
	set_ps_display("idle in transaction (aborted)");
}

/* Called in ProcessInterrupts(), while a message of the log is under way. */
static bool
serve(void)
{
	MtmRefusal	refusal;
	bool		still_runs;
	bool		reading = QueryCancelHoldoffCount > 0;
	bool		deadlock = MtmDeadlockServe(NULL);

	if (!MtmWriterWounded(&still_runs, &refusal))
		return MtmWriterWoundedLately() || deadlock;
	if (reading && still_runs && (ActivePortal || !in_client_block()))
	{
		must_fail = true;
		return true;
	}
	MtmWriterHealed();
	if (!still_runs)
		return true;
	count();
	if (reading)
		abort_block(&refusal);
	else
	{
		LockErrorCleanup();
		FlushErrorState();		/* of that message */
		fail(&refusal);
	}
	return true;
}

void
MtmWoundCheck(void)
{
	MtmRefusal	refusal;
	bool		still_runs;

	if (!must_fail)
		return;
	must_fail = false;
	if (!MtmWriterWounded(&still_runs, &refusal))
		return;
	MtmWriterHealed();
	if (!still_runs)
		return;
	count();
	fail(&refusal);
}

void
MtmWoundTransactionStatement(const TransactionStmt *stmt)
{
	if (!is_untold)
		return;
	switch (stmt->kind)
	{
		case TRANS_STMT_COMMIT:
		case TRANS_STMT_PREPARE:
			/* It must not look like one that was rolled back at the client's wish. */
			is_untold = false;
			(void) EndTransactionBlock(false);
			fail(&untold);
			break;
		case TRANS_STMT_ROLLBACK_TO:
			is_untold = false;
			fail(&untold);
			break;
		default:
			is_untold = false;
	}
}

/* Because the block is aborted; portals that were opened after a savepoint are gone. */
static bool
is_consequence(const ErrorData *error)
{
	return error->elevel == ERROR &&
		(error->sqlerrcode == ERRCODE_IN_FAILED_SQL_TRANSACTION ||
		 (error->sqlerrcode == ERRCODE_UNDEFINED_CURSOR && IsAbortedTransactionBlockState()));
}

/* What PostgreSQL says of any other statement is true, but not why. */
static void
on_log(ErrorData *error)
{
	if (is_untold && is_consequence(error))
	{
		is_untold = false;
		error->sqlerrcode = untold.sqlstate;
		error->message = MemoryContextStrdup(error->assoc_context, untold.message);
		error->detail = MemoryContextStrdup(error->assoc_context, untold.detail);
		error->hint = MemoryContextStrdup(error->assoc_context, untold.hint);
	}
	if (next_emit_log)
		next_emit_log(error);
}

/* Another transaction has begun and ended: the client knows. */
static void
on_transaction_end(XactEvent event, void *arg)
{
	is_untold = false;
}

void
MtmWoundInstallHooks(void)
{
	next_emit_log = emit_log_hook;
	emit_log_hook = on_log;
	MtmInterruptInstallHooks(serve);
	RegisterXactCallback(on_transaction_end, NULL);
}
