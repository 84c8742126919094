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
	int			pid;
	char		gid[MTM_GID_SIZE];	/* empty: a local transaction */
} Waiting;

static void
add_text_or_null(MtmRow *row, const char *text)
{
	if (text[0] != '\0')
		MtmRowAddText(row, text);
	else
		MtmRowAddNull(row);
}

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

static void
add_edge(const MtmBlocker *blocker, void *argument)
{
	Waiting    *waiting = argument;
	char		gid[MTM_GID_SIZE];
	MtmRow		row;

	strlcpy(gid, blocker->gid, MTM_GID_SIZE);
	if (blocker->pid != 0)
		find_gid(blocker->pid, gid);
	MtmRowBegin(&row);
	MtmRowAddPid(&row, waiting->pid);
	add_text_or_null(&row, waiting->gid);
	MtmRowAddPid(&row, blocker->pid);
	add_text_or_null(&row, gid);
	MtmRowAddBool(&row, blocker->holds);
	MtmRowAddText(&row, LockTagTypeNames[blocker->lock.locktag_type]);
	if (is_on_relation(&blocker->lock) && blocker->lock.locktag_field1 == MyDatabaseId)
		MtmRowAddInt64(&row, blocker->lock.locktag_field2);
	else
		MtmRowAddNull(&row);
	MtmRowAddText(&row, GetLockmodeName(blocker->lock.locktag_lockmethodid, blocker->wanted));
	MtmRowPut(waiting->fcinfo, &row);
}

Datum
mtm_shell_waits(PG_FUNCTION_ARGS)
{
	LockData   *locks;

	MtmShellRequireConfigured();
	InitMaterializedSRF(fcinfo, 0);
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
	{
		Waiting		waiting = {.fcinfo = fcinfo, .pid = locks->locks[i].pid};

		if (locks->locks[i].waitLockMode == NoLock || waiting.pid == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		find_gid(waiting.pid, waiting.gid);
		MtmBlockersOf(waiting.pid, locks->locks[i].lxid, add_edge, &waiting);
	}
	return (Datum) 0;
}
