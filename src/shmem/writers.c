/*
 * Writers; see writers.h.
 *
 * Runs in: backends, apply workers.
 * Locks: MtmWriter.mutex around copies.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "monotonic_time.h"
#include "shmem/writers.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"

/* A signal comes much sooner than that. */
#define LATELY_MS 1000

static MtmWriter *writers = NULL;

Size
MtmWritersSize(void)
{
	return mul_size(sizeof(MtmWriter), MaxBackends);
}

void
MtmWritersInit(void *at, bool found)
{
	writers = at;
	if (found)
		return;
	memset(writers, 0, MtmWritersSize());
	for (int i = 0; i < MaxBackends; i++)
		SpinLockInit(&writers[i].mutex);
}

static bool
is_of(const MtmWriter *writer, int pid, LocalTransactionId lxid)
{
	return writer->pid == pid && writer->lxid == lxid;
}

static MtmWriter *
slot_of(PGPROC *proc)
{
	if (!proc || proc->pgprocno < 0 || proc->pgprocno >= MaxBackends)
		return NULL;
	return &writers[proc->pgprocno];
}

void
MtmWriterNote(bool schema)
{
	MtmWriter  *mine = slot_of(MyProc);

	/* Only this process writes these. */
	if (!mine || (is_of(mine, MyProcPid, MyProc->lxid) && (mine->schema || !schema)))
		return;
	SpinLockAcquire(&mine->mutex);
	if (mine->pid != MyProcPid)
		mine->wounded_ms = 0;
	if (!is_of(mine, MyProcPid, MyProc->lxid))
		mine->wounded = InvalidLocalTransactionId;
	mine->pid = MyProcPid;
	mine->lxid = MyProc->lxid;
	mine->schema = schema;
	mine->start = GetCurrentTransactionStartTimestamp();
	SpinLockRelease(&mine->mutex);
}

bool
MtmWriterWounded(bool *still_runs, MtmRefusal *refusal)
{
	MtmWriter  *mine = slot_of(MyProc);
	bool		wounded;

	if (!mine)
		return false;
	SpinLockAcquire(&mine->mutex);
	wounded = mine->pid == MyProcPid && LocalTransactionIdIsValid(mine->wounded);
	*still_runs = wounded && mine->wounded == MyProc->lxid;
	*refusal = mine->refusal;
	SpinLockRelease(&mine->mutex);
	return wounded;
}

void
MtmWriterHealed(void)
{
	MtmWriter  *mine = slot_of(MyProc);

	SpinLockAcquire(&mine->mutex);
	mine->wounded = InvalidLocalTransactionId;
	SpinLockRelease(&mine->mutex);
}

bool
MtmWriterWoundedLately(void)
{
	MtmWriter  *mine = slot_of(MyProc);
	int64		now_ms = MtmNowMs();
	bool		lately;

	if (!mine)
		return false;
	SpinLockAcquire(&mine->mutex);
	lately = mine->pid == MyProcPid && mine->wounded_ms != 0 &&
		now_ms - mine->wounded_ms < LATELY_MS;
	SpinLockRelease(&mine->mutex);
	return lately;
}

bool
MtmWriterLook(int pid, LocalTransactionId lxid, bool *schema, TimestampTz *start)
{
	MtmWriter  *writer = slot_of(BackendPidGetProc(pid));
	bool		writes;

	if (!writer || !LocalTransactionIdIsValid(lxid))
		return false;
	SpinLockAcquire(&writer->mutex);
	writes = is_of(writer, pid, lxid);
	*schema = writer->schema;
	*start = writer->start;
	SpinLockRelease(&writer->mutex);
	return writes;
}

bool
MtmWriterWound(int pid, LocalTransactionId lxid, const MtmRefusal *refusal)
{
	MtmWriter  *writer = slot_of(BackendPidGetProc(pid));
	int64		now_ms = MtmNowMs();
	bool		wounds;

	if (!writer)
		return false;
	SpinLockAcquire(&writer->mutex);
	wounds = is_of(writer, pid, lxid);
	if (wounds)
	{
		writer->wounded = lxid;
		writer->wounded_ms = now_ms;
		writer->refusal = *refusal;
	}
	SpinLockRelease(&writer->mutex);
	return wounds;
}
