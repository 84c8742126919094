/*
 * Sessions that hold advisory locks of the cluster; see lock_sessions.h.
 *
 * Runs in: backends, the monitor.
 * Locks: LockSession.mutex around copies.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "settings.h"
#include "shmem/lock_sessions.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/spin.h"

typedef struct LockSession
{
	slock_t		mutex;
	int			pid;			/* 0: nobody */
	int			node_id;
	uint64		times_out;		/* of this node, when it entered */
} LockSession;

static LockSession *sessions = NULL;
static bool entered = false;

Size
MtmLockSessionsSize(void)
{
	return mul_size(sizeof(LockSession), MaxBackends);
}

void
MtmLockSessionsInit(void *at, bool found)
{
	sessions = at;
	if (found)
		return;
	memset(sessions, 0, MtmLockSessionsSize());
	for (int i = 0; i < MaxBackends; i++)
		SpinLockInit(&sessions[i].mutex);
}

static void
set_mine(int pid, int node_id)
{
	uint64		times_out = MtmViewTimesOut();
	LockSession *mine = &sessions[MyProc->pgprocno];

	SpinLockAcquire(&mine->mutex);
	mine->pid = pid;
	mine->node_id = node_id;
	mine->times_out = times_out;
	SpinLockRelease(&mine->mutex);
}

void
MtmLockSessionLeave(void)
{
	if (!entered)
		return;
	entered = false;
	set_mine(0, 0);
}

static void
leave_at_exit(int code, Datum arg)
{
	MtmLockSessionLeave();
}

void
MtmLockSessionEnter(int node_id)
{
	static bool registered = false;

	if (entered || MyProc->pgprocno >= MaxBackends)
		return;
	if (!registered)
		before_shmem_exit(leave_at_exit, 0);
	registered = true;
	entered = true;
	set_mine(MyProcPid, node_id);
}

static bool
is_lost(const LockSession *session, const MtmViewData *view, uint64 times_out)
{
	if (session->pid == 0)
		return false;
	if (session->node_id == mtm_node_id)
		return session->times_out != times_out;
	return view->status == MTM_ONLINE && !MTM_IN_SET(view->members, session->node_id);
}

void
MtmLockSessionsEnd(const MtmViewData *view)
{
	uint64		times_out = MtmViewTimesOut();

	for (int i = 0; i < MaxBackends; i++)
	{
		LockSession copy;

		SpinLockAcquire(&sessions[i].mutex);
		copy = sessions[i];
		SpinLockRelease(&sessions[i].mutex);
		if (!is_lost(&copy, view, times_out))
			continue;
		if (kill(copy.pid, SIGTERM) == 0)
			ereport(LOG,
					(errmsg("ended a session that held advisory locks of the cluster for node %d",
							copy.node_id),
					 errdetail("Process %d. That node is, or was meanwhile, out of the cluster.",
							   copy.pid)));
	}
}
