/*
 * Deadlocks; see deadlocks.h.
 *
 * Runs in: the deadlock detector, the monitor, whoever waits for a lock.
 * Locks: MtmDeadlock.mutex around copies.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "shmem/deadlocks.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"

/* A signal comes much sooner than that. */
#define LATELY_MS 1000

static MtmDeadlock *deadlocks = NULL;

Size
MtmDeadlocksSize(void)
{
	return mul_size(sizeof(MtmDeadlock), MaxBackends);
}

void
MtmDeadlocksInit(void *at, bool found)
{
	deadlocks = at;
	if (found)
		return;
	memset(deadlocks, 0, MtmDeadlocksSize());
	for (int i = 0; i < MaxBackends; i++)
		SpinLockInit(&deadlocks[i].mutex);
}

static MtmDeadlock *
slot_of(PGPROC *proc)
{
	if (!proc || proc->pgprocno < 0 || proc->pgprocno >= MaxBackends)
		return NULL;
	return &deadlocks[proc->pgprocno];
}

bool
MtmDeadlockTell(int pid, TimestampTz wait_start, const char *detail, BackendId *backend_id)
{
	PGPROC	   *proc = BackendPidGetProc(pid);
	MtmDeadlock *deadlock = slot_of(proc);
	int			length = pg_mbcliplen(detail, strlen(detail), MTM_DEADLOCK_DETAIL_SIZE - 1);
	int64		now_ms = MtmNowMs();

	if (!deadlock || pg_atomic_read_u64(&proc->waitStart) != (uint64) wait_start)
		return false;
	*backend_id = proc->backendId;
	SpinLockAcquire(&deadlock->mutex);
	deadlock->pid = pid;
	deadlock->wait_start = wait_start;
	deadlock->told_ms = now_ms;
	memcpy(deadlock->detail, detail, length);
	deadlock->detail[length] = '\0';
	SpinLockRelease(&deadlock->mutex);
	return true;
}

bool
MtmDeadlockTold(char detail[MTM_DEADLOCK_DETAIL_SIZE])
{
	MtmDeadlock *mine = slot_of(MyProc);
	TimestampTz wait_start;
	bool		told;

	/* Whoever gives it the lock sets this to 0. */
	if (!mine || !IsWaitingForLock())
		return false;
	wait_start = (TimestampTz) pg_atomic_read_u64(&MyProc->waitStart);
	SpinLockAcquire(&mine->mutex);
	told = wait_start != 0 && mine->pid == MyProcPid && mine->wait_start == wait_start;
	memcpy(detail, mine->detail, MTM_DEADLOCK_DETAIL_SIZE);
	SpinLockRelease(&mine->mutex);
	return told;
}

bool
MtmDeadlockToldLately(void)
{
	MtmDeadlock *mine = slot_of(MyProc);
	int64		now_ms = MtmNowMs();
	bool		lately;

	if (!mine)
		return false;
	SpinLockAcquire(&mine->mutex);
	lately = mine->pid == MyProcPid && now_ms - mine->told_ms < LATELY_MS;
	SpinLockRelease(&mine->mutex);
	return lately;
}

TimestampTz
MtmNewestWait(int lasted_ms)
{
	TimestampTz before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), -lasted_ms);
	TimestampTz newest = 0;

	for (int i = 0; i < MaxBackends; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		TimestampTz start = (TimestampTz) pg_atomic_read_u64(&proc->waitStart);

		/* What a wait that failed left there stays; a lock that is waited for does not. */
		if (((volatile PGPROC *) proc)->waitLock && start > newest && start <= before)
			newest = start;
	}
	return newest;
}
