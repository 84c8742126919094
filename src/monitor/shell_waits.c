/*
 * mtm.shell_waits(): who waits on this node for whom.
 *
 * Runs in: any session.
 * Locks: those of locks/blockers.c; MtmTransactions->lock.
 *
 * Distributed transactions go by their gids, so that what each node tells is about the
 * same ones. Each process is looked at alone: in a busy moment the rows need not fit
 * together.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "locks/blockers.h"
#include "miscadmin.h"
#include "monitor/rows.h"
#include "monitor/shell_access.h"
#include "shmem/transactions.h"

PG_FUNCTION_INFO_V1(mtm_shell_waits);

typedef struct Waiting
{
	FunctionCallInfo fcinfo;
	const LockInstanceData *wait;
	Oid			row_relation;	/* if it is for a transaction */
} Waiting;

static void
add_text_or_null(MtmRow *row, const char *text)
{
	if (text[0] != '\0')
		MtmRowAddText(row, text);
	else
		MtmRowAddNull(row);
}

/* Empty: a local transaction. */
static void
find_gid(int pid, char gid[MTM_GID_SIZE])
{
	MtmTransaction tx;

	gid[0] = '\0';
	if (MtmTransactionOfWorker(pid, &tx))
		strlcpy(gid, tx.gid, MTM_GID_SIZE);
}

static bool
is_on_relation(const LOCKTAG *lock)
{
	return lock->locktag_type == LOCKTAG_RELATION ||
		lock->locktag_type == LOCKTAG_RELATION_EXTEND ||
		lock->locktag_type == LOCKTAG_PAGE || lock->locktag_type == LOCKTAG_TUPLE;
}

/*
 * Who waits for a transaction because of a row has its place in the queue for that row
 * locked, mostly.
 */
static Oid
relation_of_row(const LockData *locks, int pid)
{
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->pid == pid && lock->holdMask != 0 &&
			lock->locktag.locktag_type == LOCKTAG_TUPLE &&
			lock->locktag.locktag_field1 == MyDatabaseId)
			return lock->locktag.locktag_field2;
	}
	return InvalidOid;
}

/* Invalid: none, or one that this database has no name for. */
static Oid
relation_of(const Waiting *waiting, const LOCKTAG *lock)
{
	if (lock->locktag_type == LOCKTAG_TRANSACTION)
		return waiting->row_relation;
	if (is_on_relation(lock) && lock->locktag_field1 == MyDatabaseId)
		return lock->locktag_field2;
	return InvalidOid;
}

/*
 * 0: it just began, or is another one by now. Another one for the same lock is taken for the one
 * that is over: whoever looks again finds a later start.
 */
static TimestampTz
wait_start(const LockInstanceData *wait, const MtmBlocker *blocker)
{
	return memcmp(&wait->locktag, &blocker->lock, sizeof(LOCKTAG)) == 0 ? wait->waitStart : 0;
}

static void
add_edge(const MtmBlocker *blocker, void *argument)
{
	Waiting    *waiting = argument;
	Oid			relation = relation_of(waiting, &blocker->lock);
	char		waiter_gid[MTM_GID_SIZE];
	char		holder_gid[MTM_GID_SIZE];
	MtmRow		row;

	/* Of others in its group: theirs is a wait of its own. */
	if (blocker->waiter_pid != waiting->wait->pid)
		return;
	find_gid(blocker->waiter_leader, waiter_gid);
	strlcpy(holder_gid, blocker->gid, MTM_GID_SIZE);
	if (blocker->pid != 0)
		find_gid(blocker->pid, holder_gid);
	MtmRowBegin(&row);
	MtmRowAddPid(&row, blocker->waiter_pid);
	MtmRowAddPid(&row, blocker->waiter_leader);
	add_text_or_null(&row, waiter_gid);
	MtmRowAddTime(&row, wait_start(waiting->wait, blocker));
	MtmRowAddPid(&row, blocker->pid);
	add_text_or_null(&row, holder_gid);
	MtmRowAddBool(&row, blocker->holds);
	MtmRowAddText(&row, LockTagTypeNames[blocker->lock.locktag_type]);
	if (OidIsValid(relation))
		MtmRowAddInt64(&row, relation);
	else
		MtmRowAddNull(&row);
	MtmRowAddText(&row, GetLockmodeName(blocker->lock.locktag_lockmethodid, blocker->wanted));
	MtmRowPut(waiting->fcinfo, &row);
}

Datum
mtm_shell_waits(PG_FUNCTION_ARGS)
{
	LockData   *locks;
	Waiting		waiting = {.fcinfo = fcinfo};

	MtmShellRequireConfigured();
	InitMaterializedSRF(fcinfo, 0);
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->waitLockMode == NoLock || lock->pid == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		waiting.wait = lock;
		waiting.row_relation = lock->locktag.locktag_type == LOCKTAG_TRANSACTION ?
			relation_of_row(locks, lock->pid) : InvalidOid;
		MtmBlockersOf(lock->pid, lock->lxid, add_edge, &waiting);
	}
	return (Datum) 0;
}
