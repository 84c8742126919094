/*
 * What a schema change of another node waited for; see lock_wait.h.
 *
 * Runs in: apply workers.
 * Path: apply/schema_change.c -> here -> apply/worker.c, which votes no with it
 * Locks: none. A signal handler reads the lock that this process waits for without the lock
 *        of its partition: only this process begins to wait, and shared memory of locks is
 *        never given back. What is read just when the wait ends may be another lock's tag:
 *        it only goes into the text of an error.
 *
 * When the timeout has run out the wait is over, and nothing tells any more what it was for. So
 * it is looked at while it lasts, a few times within the timeout.
 */
#include "postgres.h"

#include "access/xact.h"
#include "apply/lock_wait.h"
#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#define LOOKS 4

static TimeoutId timer;
static bool timer_known = false;
static volatile bool watching = false;
static volatile bool waited = false;
static LOCKTAG awaited;
static LOCKMODE awaited_mode;

static void
look(void)
{
	LOCK	   *lock = MyProc->waitLock;

	if (!watching || !lock)
		return;
	awaited = lock->tag;
	awaited_mode = MyProc->waitLockMode;
	waited = true;
}

void
MtmLockWaitBegin(int lock_timeout_ms)
{
	int			every_ms = Max(lock_timeout_ms / LOOKS, 1);

	if (!timer_known)
		timer = RegisterTimeout(USER_TIMEOUT, look);
	timer_known = true;
	waited = false;
	watching = true;
	enable_timeout_every(timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), every_ms),
						 every_ms);
}

void
MtmLockWaitEnd(void)
{
	if (!watching)
		return;
	watching = false;
	disable_timeout(timer, false);
}

static const char *
object(void)
{
	Oid			relation = awaited.locktag_field2;
	char	   *name;

	switch (awaited.locktag_type)
	{
		case LOCKTAG_RELATION:
			name = get_rel_name(relation);
			if (!name)
				return "a relation that is gone";
			return psprintf("relation \"%s.%s\"",
							get_namespace_name(get_rel_namespace(relation)), name);
		case LOCKTAG_TRANSACTION:
		case LOCKTAG_VIRTUALTRANSACTION:
			return "a transaction";
		default:
			return psprintf("an object of the kind \"%s\"",
							GetLockNameFromTagType(awaited.locktag_type));
	}
}

/* Those whose locks are in the way; prepared ones have no process. */
static void
holders(ArrayType **pids, ArrayType **transactions)
{
	int			count;
	VirtualTransactionId *conflicts = GetLockConflicts(&awaited, awaited_mode, &count);
	Datum	   *pid_values = palloc(sizeof(Datum) * (count + 1));
	Datum	   *xid_values = palloc(sizeof(Datum) * (count + 1));
	int			pid_count = 0;
	int			xid_count = 0;

	for (int i = 0; i < count; i++)
	{
		PGPROC	   *process;

		if (conflicts[i].backendId == InvalidBackendId)
		{
			xid_values[xid_count++] =
				CStringGetTextDatum(psprintf("%u", conflicts[i].localTransactionId));
			continue;
		}
		process = BackendIdGetProc(conflicts[i].backendId);
		if (process)
			pid_values[pid_count++] = Int32GetDatum(process->pid);
	}
	*pids = construct_array(pid_values, pid_count, INT4OID, sizeof(int32), true, TYPALIGN_INT);
	*transactions = construct_array(xid_values, xid_count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Not what they run: that may hold what is nobody else's business. */
#define NAMES \
	"SELECT string_agg(name, ', ') FROM (" \
	"SELECT format('process %s (role %s, application %s)', pid, quote_ident(usename), " \
	"quote_literal(application_name)) FROM pg_stat_activity WHERE pid = ANY ($1) " \
	"UNION ALL SELECT format('prepared transaction %s', quote_literal(gid)) " \
	"FROM pg_prepared_xacts WHERE transaction::text = ANY ($2)) AS holder (name)"

static char *
names_of_holders(void)
{
	Oid			types[2] = {INT4ARRAYOID, TEXTARRAYOID};
	Datum		values[2];
	ArrayType  *pids;
	ArrayType  *transactions;

	holders(&pids, &transactions);
	values[0] = PointerGetDatum(pids);
	values[1] = PointerGetDatum(transactions);
	if (SPI_execute_with_args(NAMES, 2, types, values, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		return NULL;
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

static void
describe(char *detail, Size size)
{
	const char *names;
	char	   *text;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) set_config_option("search_path", "pg_catalog", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	SPI_connect();
	names = names_of_holders();
	text = psprintf("It waited for %s on %s, held by %s.",
					GetLockmodeName(awaited.locktag_lockmethodid, awaited_mode), object(),
					names ? names : "nobody any more");
	strlcpy(detail, text, pg_mbcliplen(text, strlen(text), size - 1) + 1);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Without the detail rather than without a vote. */
static void
try_describe(char *detail, Size size)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		describe(detail, size);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		AbortOutOfAnyTransaction();
		HOLD_INTERRUPTS();		/* the error has let go of them; our caller holds them */
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}

bool
MtmLockWaitFailed(const ErrorData *error, char *detail, Size size)
{
	bool		ours = watching;

	MtmLockWaitEnd();
	if (!ours || error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		return false;
	if (waited)
		try_describe(detail, size);
	return true;
}
