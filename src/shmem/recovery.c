/*
 * Recovery's state and marks; see recovery.h.
 *
 * Runs in: the recovery process, the monitor; all read.
 * Locks: MtmRecovery.mutex around a few loads and stores.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "shmem/events.h"
#include "shmem/recovery.h"
#include "storage/ipc.h"
#include "storage/spin.h"

typedef struct MtmRecovery
{
	slock_t		mutex;
	MtmRecoveryState state;
	uint64		mark_generation;
	XLogRecPtr	mark_end_lsn;
} MtmRecovery;

static MtmRecovery *recovery = NULL;

Size
MtmRecoverySize(void)
{
	return sizeof(MtmRecovery);
}

void
MtmRecoveryInit(void *at, bool found)
{
	recovery = at;
	if (found)
		return;
	memset(recovery, 0, sizeof(MtmRecovery));
	SpinLockInit(&recovery->mutex);
}

MtmRecoveryState
MtmRecoveryGet(void)
{
	MtmRecoveryState copy;

	SpinLockAcquire(&recovery->mutex);
	copy = recovery->state;
	SpinLockRelease(&recovery->mutex);
	return copy;
}

static void
forget_at_exit(int code, Datum arg)
{
	SpinLockAcquire(&recovery->mutex);
	if (recovery->state.pid == MyProcPid)
		memset(&recovery->state, 0, sizeof(recovery->state));
	SpinLockRelease(&recovery->mutex);
	MtmMonitorWake();
}

void
MtmRecoveryBegin(int donor, XLogRecPtr first_lsn)
{
	MtmRecoveryState begun = {
		.donor = donor,
		.pid = MyProcPid,
		.started = GetCurrentTimestamp(),
		.first_lsn = first_lsn,
		.applied_lsn = first_lsn,
		.donor_lsn = first_lsn,
	};

	before_shmem_exit(forget_at_exit, 0);
	SpinLockAcquire(&recovery->mutex);
	recovery->state = begun;
	SpinLockRelease(&recovery->mutex);
}

void
MtmRecoveryAdvance(XLogRecPtr applied_lsn, XLogRecPtr donor_lsn, uint64 transactions)
{
	MtmRecoveryState *state = &recovery->state;

	SpinLockAcquire(&recovery->mutex);
	state->applied_lsn = Max(state->applied_lsn, applied_lsn);
	state->donor_lsn = Max(Max(state->donor_lsn, donor_lsn), state->applied_lsn);
	state->transactions = transactions;
	SpinLockRelease(&recovery->mutex);
}

void
MtmRecoveryPassed(uint64 generation)
{
	SpinLockAcquire(&recovery->mutex);
	recovery->state.passed = Max(recovery->state.passed, generation);
	SpinLockRelease(&recovery->mutex);
	MtmMonitorWake();
}

void
MtmMarkSet(uint64 generation, XLogRecPtr end_lsn)
{
	SpinLockAcquire(&recovery->mutex);
	recovery->mark_generation = generation;
	recovery->mark_end_lsn = end_lsn;
	SpinLockRelease(&recovery->mutex);
}

XLogRecPtr
MtmMarkOf(uint64 generation)
{
	XLogRecPtr	end_lsn;

	SpinLockAcquire(&recovery->mutex);
	end_lsn = recovery->mark_generation == generation ? recovery->mark_end_lsn :
		InvalidXLogRecPtr;
	SpinLockRelease(&recovery->mutex);
	return end_lsn;
}
