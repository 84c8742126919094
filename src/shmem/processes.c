/*
 * Which processes are there; see processes.h.
 *
 * Runs in: receivers, lanes, the monitor.
 * Locks: MtmProcesses.mutex around a load and a store.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "shmem/processes.h"
#include "storage/ipc.h"
#include "storage/spin.h"

typedef struct MtmProcesses
{
	slock_t		mutex;
	bool		database_missing;
	int			pids[MTM_MAX_NODES][MTM_PLACES];
} MtmProcesses;

static MtmProcesses *processes = NULL;

Size
MtmProcessesSize(void)
{
	return sizeof(MtmProcesses);
}

void
MtmProcessesInit(void *at, bool found)
{
	processes = at;
	if (found)
		return;
	memset(processes, 0, sizeof(MtmProcesses));
	SpinLockInit(&processes->mutex);
}

/* `arg` points to the place in shared memory. */
static void
give_back(int code, Datum arg)
{
	int		   *place = (int *) DatumGetPointer(arg);

	SpinLockAcquire(&processes->mutex);
	if (*place == MyProcPid)
		*place = 0;
	SpinLockRelease(&processes->mutex);
}

bool
MtmProcessClaim(int peer, int place)
{
	int		   *pid = &processes->pids[peer - 1][place];
	bool		mine;

	before_shmem_exit(give_back, PointerGetDatum(pid));
	SpinLockAcquire(&processes->mutex);
	mine = *pid == 0;
	if (mine)
		*pid = MyProcPid;
	SpinLockRelease(&processes->mutex);
	return mine;
}

int
MtmProcessPid(int peer, int place)
{
	int			pid;

	SpinLockAcquire(&processes->mutex);
	pid = processes->pids[peer - 1][place];
	SpinLockRelease(&processes->mutex);
	return pid;
}

bool
MtmDatabaseMissing(void)
{
	bool		missing;

	SpinLockAcquire(&processes->mutex);
	missing = processes->database_missing;
	SpinLockRelease(&processes->mutex);
	return missing;
}

void
MtmDatabaseSetMissing(bool missing)
{
	SpinLockAcquire(&processes->mutex);
	processes->database_missing = missing;
	SpinLockRelease(&processes->mutex);
}
