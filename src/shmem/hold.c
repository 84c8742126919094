/*
 * The hold; see hold.h.
 *
 * Runs in: sessions of checks, backends that commit.
 * Locks: MtmHold.mutex; waiters are woken after it is released.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "monotonic_time.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "shmem/hold.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/spin.h"

#define HOLDERS 16
/* How often those who wait look whether a timeout ended it. */
#define LOOK_MS 50

typedef struct Holder
{
	int			pid;			/* 0: free */
	int64		until_ms;
} Holder;

typedef struct MtmHold
{
	slock_t		mutex;
	pg_atomic_uint32 holders;	/* in use: none is what a commit nearly always finds */
	Holder		holder[HOLDERS];
	ConditionVariable ended;
} MtmHold;

static MtmHold *hold = NULL;
static int	mine = -1;			/* index of my own, which may have run out */

Size
MtmHoldSize(void)
{
	return sizeof(MtmHold);
}

void
MtmHoldInit(void *at, bool found)
{
	hold = at;
	if (found)
		return;
	memset(hold, 0, sizeof(MtmHold));
	SpinLockInit(&hold->mutex);
	pg_atomic_init_u32(&hold->holders, 0);
	ConditionVariableInit(&hold->ended);
}

static void
end_at_exit(int code, Datum arg)
{
	MtmHoldEnd();
}

bool
MtmHoldTake(int timeout_ms)
{
	static bool registered = false;
	int64		until_ms = MtmNowMs() + timeout_ms;

	if (!registered)
	{
		before_shmem_exit(end_at_exit, 0);
		registered = true;
	}
	SpinLockAcquire(&hold->mutex);
	for (int i = 0; i < HOLDERS && mine < 0; i++)
	{
		if (hold->holder[i].pid != 0)
			continue;
		hold->holder[i].pid = MyProcPid;
		pg_atomic_fetch_add_u32(&hold->holders, 1);
		mine = i;
	}
	if (mine >= 0)
		hold->holder[mine].until_ms = until_ms;
	SpinLockRelease(&hold->mutex);
	pg_memory_barrier();		/* rule 2 */
	return mine >= 0;
}

void
MtmHoldEnd(void)
{
	if (mine < 0)
		return;
	SpinLockAcquire(&hold->mutex);
	hold->holder[mine].pid = 0;
	pg_atomic_fetch_sub_u32(&hold->holders, 1);
	SpinLockRelease(&hold->mutex);
	mine = -1;
	ConditionVariableBroadcast(&hold->ended);
}

bool
MtmHoldMine(void)
{
	bool		lasts;

	if (mine < 0)
		return false;
	SpinLockAcquire(&hold->mutex);
	lasts = hold->holder[mine].until_ms > MtmNowMs();
	SpinLockRelease(&hold->mutex);
	return lasts;
}

bool
MtmHoldInEffect(void)
{
	int64		now_ms;
	bool		any = false;

	pg_memory_barrier();		/* rule 1 */
	if (pg_atomic_read_u32(&hold->holders) == 0)
		return false;
	now_ms = MtmNowMs();
	SpinLockAcquire(&hold->mutex);
	for (int i = 0; i < HOLDERS && !any; i++)
		any = hold->holder[i].pid != 0 && hold->holder[i].until_ms > now_ms;
	SpinLockRelease(&hold->mutex);
	return any;
}

void
MtmHoldWait(void)
{
	if (!MtmHoldInEffect())
		return;
	ConditionVariablePrepareToSleep(&hold->ended);
	while (MtmHoldInEffect())
		(void) ConditionVariableTimedSleep(&hold->ended, LOOK_MS, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}
