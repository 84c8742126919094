/*
 * Commits; see commits.h.
 *
 * Runs in: committing backends, link receivers, the monitor, views.
 * Path: backend/commit.c (begin, wait) <- here <- link/receiver.c (votes),
 *       monitor/ (hand-over, outcome)
 * Locks: MtmCommit.mutex around loads and stores; latches are set after it is
 *        released.
 *
 * A vote finds its slot by a scan over a dense array of xids, some hundred
 * words, which is cheaper than a hash and needs no lock. That a slot may change
 * hands between the scan and the look inside is found by comparing again there.
 *
 * A backend is woken only by what can end its wait: a vote per transaction and
 * node is most of the cluster's traffic, and all but the last are of no use to it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "settings.h"
#include "shmem/commits.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "wire/gid.h"

static pg_atomic_uint32 *xids = NULL;	/* of slots in use, else invalid */
static MtmCommit *commits = NULL;
static MtmCommit *mine = NULL;

int
MtmCommitSlots(void)
{
	return MaxBackends;
}

static Size
xids_size(void)
{
	return CACHELINEALIGN(mul_size(sizeof(pg_atomic_uint32), MtmCommitSlots()));
}

Size
MtmCommitsSize(void)
{
	return add_size(xids_size(), mul_size(sizeof(MtmCommit), MtmCommitSlots()));
}

void
MtmCommitsInit(void *at, bool found)
{
	xids = at;
	commits = (MtmCommit *) ((char *) at + xids_size());
	if (found)
		return;
	memset(at, 0, MtmCommitsSize());
	for (int i = 0; i < MtmCommitSlots(); i++)
	{
		pg_atomic_init_u32(&xids[i], InvalidTransactionId);
		SpinLockInit(&commits[i].mutex);
	}
}

static void
end_at_exit(int code, Datum arg)
{
	MtmCommitEnd();
}

MtmCommit *
MtmCommitBegin(const char *gid, TransactionId xid, uint64 generation,
			   MtmNodeSet members)
{
	static bool registered = false;
	int			i = MyProc->pgprocno;
	MtmCommit  *commit;

	Assert(i >= 0 && i < MtmCommitSlots());
	if (!registered)
	{
		before_shmem_exit(end_at_exit, 0);
		registered = true;
	}

	commit = &commits[i];
	SpinLockAcquire(&commit->mutex);
	commit->used = true;
	commit->aborting = false;
	commit->wounded = false;
	commit->handed_over = false;
	commit->xid = xid;
	commit->generation = generation;
	commit->members = members;
	commit->yes = 0;
	commit->never = 0;
	commit->outcome = MTM_OUTCOME_UNKNOWN;
	memset(&commit->refusal, 0, sizeof(MtmRefusal));
	commit->since = GetCurrentTimestamp();
	commit->latch = MyLatch;
	commit->pid = MyProcPid;
	strlcpy(commit->gid, gid, MTM_GID_SIZE);
	SpinLockRelease(&commit->mutex);

	mine = commit;
	pg_atomic_write_u32(&xids[i], xid);
	return commit;
}

void
MtmCommitEnd(void)
{
	if (!mine)
		return;
	pg_atomic_write_u32(&xids[mine - commits], InvalidTransactionId);
	SpinLockAcquire(&mine->mutex);
	mine->used = false;
	SpinLockRelease(&mine->mutex);
	mine = NULL;
}

MtmCommit
MtmCommitLook(void)
{
	MtmCommit	copy;

	Assert(mine);
	SpinLockAcquire(&mine->mutex);
	copy = *mine;
	SpinLockRelease(&mine->mutex);
	return copy;
}

void
MtmCommitSetAborting(void)
{
	Assert(mine);
	SpinLockAcquire(&mine->mutex);
	mine->aborting = true;
	SpinLockRelease(&mine->mutex);
}

/* The slot of this transaction, its mutex held; NULL: nobody waits for it. */
static MtmCommit *
lock_slot(TransactionId xid, uint64 generation)
{
	int			slots = MtmCommitSlots();

	if (!TransactionIdIsValid(xid))
		return NULL;
	for (int i = 0; i < slots; i++)
	{
		MtmCommit  *commit = &commits[i];

		if (pg_atomic_read_u32(&xids[i]) != xid)
			continue;
		SpinLockAcquire(&commit->mutex);
		if (commit->used && commit->xid == xid && commit->generation == generation)
			return commit;
		SpinLockRelease(&commit->mutex);
	}
	return NULL;
}

bool
MtmCommitVoteYes(TransactionId xid, uint64 generation, int node_id)
{
	MtmCommit  *commit = lock_slot(xid, generation);
	MtmNodeSet	others;
	Latch	   *wake = NULL;

	if (!commit)
		return false;
	others = commit->members & ~MTM_NODE_BIT(mtm_node_id);
	if (!MTM_IN_SET(commit->yes, node_id))
	{
		commit->yes |= MTM_NODE_BIT(node_id);
		if ((others & ~commit->yes) == 0)
			wake = commit->latch;
	}
	SpinLockRelease(&commit->mutex);
	if (wake)
		SetLatch(wake);
	return true;
}

/* `refusal` NULL: rolled back at our request. */
static bool
never_prepared(TransactionId xid, uint64 generation, int node_id,
			   const MtmRefusal *refusal)
{
	MtmCommit  *commit = lock_slot(xid, generation);
	Latch	   *wake = NULL;

	if (!commit)
		return false;
	/* Of who is no member nobody asks whether it has it prepared. */
	if (MTM_IN_SET(commit->members, node_id) && !MTM_IN_SET(commit->never, node_id))
	{
		commit->never |= MTM_NODE_BIT(node_id);
		if (refusal && commit->refusal.node_id == 0)
		{
			commit->refusal = *refusal;
			commit->refusal.node_id = node_id;
		}
		wake = commit->latch;
	}
	SpinLockRelease(&commit->mutex);
	if (wake)
		SetLatch(wake);
	return true;
}

bool
MtmCommitVoteNo(TransactionId xid, uint64 generation, const MtmRefusal *refusal)
{
	return never_prepared(xid, generation, refusal->node_id, refusal);
}

bool
MtmCommitUndone(TransactionId xid, uint64 generation, int node_id)
{
	return never_prepared(xid, generation, node_id, NULL);
}

/* A user's own is nobody's to abort. */
void
MtmCommitWound(TransactionId xid, uint64 generation, const MtmRefusal *refusal)
{
	MtmCommit  *commit = lock_slot(xid, generation);
	Latch	   *wake = NULL;

	if (!commit)
		return;
	if (!commit->wounded && MtmGidIsOurs(commit->gid))
	{
		commit->wounded = true;
		if (commit->refusal.node_id == 0)
			commit->refusal = *refusal;
		wake = commit->latch;
	}
	SpinLockRelease(&commit->mutex);
	if (wake)
		SetLatch(wake);
}

void
MtmCommitHandOver(uint64 generation)
{
	for (int i = 0; i < MtmCommitSlots(); i++)
	{
		MtmCommit  *commit = &commits[i];
		Latch	   *wake = NULL;

		SpinLockAcquire(&commit->mutex);
		if (commit->used && TransactionIdIsValid(commit->xid) &&
			commit->generation != generation && !commit->handed_over)
		{
			commit->handed_over = true;
			wake = commit->latch;
		}
		SpinLockRelease(&commit->mutex);
		if (wake)
			SetLatch(wake);
	}
}

void
MtmCommitTellOutcome(const char *gid, MtmOutcome outcome)
{
	for (int i = 0; i < MtmCommitSlots(); i++)
	{
		MtmCommit  *commit = &commits[i];
		Latch	   *wake = NULL;

		SpinLockAcquire(&commit->mutex);
		if (commit->used && strcmp(commit->gid, gid) == 0)
		{
			commit->outcome = outcome;
			wake = commit->latch;
		}
		SpinLockRelease(&commit->mutex);
		if (wake)
			SetLatch(wake);
	}
}

bool
MtmCommitCopy(int i, MtmCommit *copy)
{
	SpinLockAcquire(&commits[i].mutex);
	*copy = commits[i];
	SpinLockRelease(&commits[i].mutex);
	return copy->used;
}
