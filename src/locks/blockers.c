/*
 * Who a process waits for; see blockers.h.
 *
 * Runs in: apply workers that wait, backends that show the lock graph.
 * Locks: ProcArrayLock and all partitions of the lock table, shared, for a copy; then
 *        TwoPhaseStateLock.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "locks/blockers.h"
#include "wal/commit_prepared.h"

static TransactionId
prepared_xid(const LockInstanceData *holder)
{
	VirtualTransactionId vxid = {holder->backend, holder->lxid};
	bool		more = false;

	if (holder->locktag.locktag_type == LOCKTAG_TRANSACTION)
		return holder->locktag.locktag_field1;
	/* One from before the server's start has its xid there. */
	if (holder->backend == InvalidBackendId)
		return holder->lxid;
	return TwoPhaseGetXidByVirtualXID(vxid, &more);
}

static void
meet(const LockInstanceData *own, const LockInstanceData *other, bool holds,
	 MtmBlockerMet met, void *argument)
{
	MtmBlocker	blocker;

	memset(&blocker, 0, sizeof(blocker));
	blocker.waiter_pid = own->pid;
	blocker.waiter_leader = own->leaderPid;
	blocker.pid = other->pid == 0 ? 0 : other->leaderPid;
	blocker.backend_id = other->backend;
	/* A parallel worker has a number of its own, that is not its leader's. */
	blocker.lxid = other->pid == other->leaderPid ? other->lxid : InvalidLocalTransactionId;
	blocker.holds = holds;
	blocker.lock = other->locktag;
	blocker.wanted = own->waitLockMode;
	if (other->pid == 0 && !MtmPreparedGid(prepared_xid(other), blocker.gid))
		blocker.gid[0] = '\0';
	met(&blocker, argument);
}

static bool
stands_before(const BlockedProcsData *data, const BlockedProcData *blocked, int pid)
{
	for (int i = 0; i < blocked->num_waiters; i++)
	{
		if (data->waiter_pids[blocked->first_waiter + i] == pid)
			return true;
	}
	return false;
}

/* One of those that are blocked: it has its wait among the locks. */
static const LockInstanceData *
own_lock(const BlockedProcsData *data, const BlockedProcData *blocked)
{
	const LockInstanceData *locks = &data->locks[blocked->first_lock];

	for (int i = 0; i < blocked->num_locks; i++)
	{
		if (locks[i].pid == blocked->pid)
			return &locks[i];
	}
	return NULL;
}

static void
meet_all(const BlockedProcsData *data, const BlockedProcData *blocked, MtmBlockerMet met,
		 void *argument)
{
	const LockInstanceData *locks = &data->locks[blocked->first_lock];
	const LockInstanceData *own = own_lock(data, blocked);
	int			conflicts;

	if (!own || own->waitLockMode == NoLock)
		return;
	conflicts = GetLockTagsMethodTable(&own->locktag)->conflictTab[own->waitLockMode];
	for (int i = 0; i < blocked->num_locks; i++)
	{
		const LockInstanceData *other = &locks[i];
		bool		holds = (conflicts & other->holdMask) != 0;

		if (other == own || (other->pid != 0 && other->leaderPid == own->leaderPid))
			continue;
		if (holds ||
			(other->waitLockMode != NoLock &&
			 (conflicts & LOCKBIT_ON(other->waitLockMode)) &&
			 stands_before(data, blocked, other->pid)))
			meet(own, other, holds, met, argument);
	}
}

void
MtmBlockersOf(int pid, LocalTransactionId lxid, MtmBlockerMet met, void *argument)
{
	BlockedProcsData *data = GetBlockerStatusData(pid);

	for (int i = 0; i < data->nprocs; i++)
	{
		const LockInstanceData *own = own_lock(data, &data->procs[i]);

		if (LocalTransactionIdIsValid(lxid) && data->procs[i].pid == pid &&
			(!own || own->lxid != lxid))
			return;
	}

	for (int i = 0; i < data->nprocs; i++)
		meet_all(data, &data->procs[i], met, argument);
}
