/*
 * The view and the gate; see view.h.
 *
 * Runs in: every process reads; only the monitor publishes.
 * Locks: MtmView.mutex around a few loads and stores; MTM_LOCK_REPORT around
 *        copies of the report.
 *
 * Two counters of those inside, used in turn (`side`), so that a publisher waits
 * for those who entered under the old view while others already enter under the
 * new one, and entering never waits:
 *  1. Enter compares the view and counts itself in under one hold of the mutex;
 *  2. Publish sets the view and changes sides under one hold of the mutex;
 *  3. so whoever is on the old side entered before 2, nobody joins them later,
 *     and once the old side is empty nothing done under the old view is left.
 * A publisher that died while it waited leaves the other side not empty: the
 * next one waits for that side first.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "settings.h"
#include "shmem/lease.h"
#include "shmem/peers.h"
#include "shmem/view.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/spin.h"

typedef struct MtmView
{
	slock_t		mutex;
	MtmViewData data;
	uint64		version;		/* grows with every change of data */
	bool		out;			/* MtmViewIsOut(&data) */
	uint64		times_out;
	int			side;			/* of those who enter now */
	int			inside[2];
	bool		draining;		/* somebody sleeps on `left` */
	ConditionVariable left;
	ConditionVariable changed;
	bool		has_report;
	char		report[MTM_REPORT_SIZE];
} MtmView;

static MtmView *view = NULL;

/* The side I am inside on, or -1. */
static int	my_side = -1;

Size
MtmViewSize(void)
{
	return sizeof(MtmView);
}

void
MtmViewInit(void *at, bool found)
{
	view = at;
	if (found)
		return;
	memset(view, 0, sizeof(MtmView));
	SpinLockInit(&view->mutex);
	view->data.status = MTM_DISABLED;
	ConditionVariableInit(&view->left);
	ConditionVariableInit(&view->changed);
}

MtmViewData
MtmViewGet(void)
{
	MtmViewData copy;

	SpinLockAcquire(&view->mutex);
	copy = view->data;
	SpinLockRelease(&view->mutex);
	return copy;
}

uint64
MtmViewGeneration(void)
{
	return MtmViewGet().generation;
}

bool
MtmViewOnline(void)
{
	return MtmViewGet().status == MTM_ONLINE;
}

bool
MtmViewAway(void)
{
	return MtmViewGet().donor != 0;
}

bool
MtmViewIsOut(const MtmViewData *data)
{
	return data->donor != 0 || data->status == MTM_ISOLATED || MtmNodeDropped(mtm_node_id);
}

uint64
MtmViewTimesOut(void)
{
	uint64		times;

	SpinLockAcquire(&view->mutex);
	times = view->times_out;
	SpinLockRelease(&view->mutex);
	return times;
}

bool
MtmViewIsQuorum(const MtmViewData *data, MtmNodeSet set)
{
	int			all = MtmNodeSetSize(data->configured);
	int			have = MtmNodeSetSize(data->configured & set);

	if (2 * have != all)
		return 2 * have > all;
	/* A referee may choose any half. */
	return data->major == MTM_MAJOR_REFEREE ||
		(data->major > 0 && MTM_IN_SET(set, data->major));
}

uint64
MtmViewVersion(void)
{
	uint64		version;

	SpinLockAcquire(&view->mutex);
	version = view->version;
	SpinLockRelease(&view->mutex);
	return version;
}

static const char *const status_names[] = {
	[MTM_DISABLED] = "disabled",
	[MTM_ISOLATED] = "isolated",
	[MTM_CATCHUP] = "catchup",
	[MTM_RECOVERY] = "recovery",
	[MTM_ONLINE] = "online",
};

const char *
MtmStatusName(MtmStatus status)
{
	return status_names[status];
}

bool
MtmStatusParse(const char *name, MtmStatus *status)
{
	for (int i = 0; i < lengthof(status_names); i++)
	{
		if (strcmp(status_names[i], name) == 0)
		{
			*status = (MtmStatus) i;
			return true;
		}
	}
	return false;
}

static void
leave_on_abort(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		MtmViewLeave();
}

static void
leave_on_subabort(SubXactEvent event, SubTransactionId mine,
				  SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		MtmViewLeave();
}

static void
leave_at_exit(int code, Datum arg)
{
	MtmViewLeave();
}

/* So that an error, or the end of the process, never leaves somebody inside. */
static void
register_leaving(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(leave_on_abort, NULL);
	RegisterSubXactCallback(leave_on_subabort, NULL);
	before_shmem_exit(leave_at_exit, 0);
	registered = true;
}

bool
MtmViewEnter(uint64 generation)
{
	bool		entered;

	Assert(my_side < 0);
	register_leaving();
	SpinLockAcquire(&view->mutex);
	entered = view->data.status == MTM_ONLINE && view->data.generation == generation;
	if (entered)
	{
		my_side = view->side;
		view->inside[my_side]++;
	}
	SpinLockRelease(&view->mutex);
	return entered;
}

void
MtmViewLeave(void)
{
	bool		wake;

	if (my_side < 0)
		return;
	SpinLockAcquire(&view->mutex);
	Assert(view->inside[my_side] > 0);
	view->inside[my_side]--;
	wake = view->inside[my_side] == 0 && view->draining;
	SpinLockRelease(&view->mutex);
	my_side = -1;
	if (wake)
		ConditionVariableBroadcast(&view->left);
}

bool
MtmViewInside(void)
{
	return my_side >= 0;
}

/* Note that somebody waits, and tell whether nobody is left on that side. */
static bool
side_empty(int side)
{
	bool		empty;

	SpinLockAcquire(&view->mutex);
	empty = view->inside[side] == 0;
	view->draining = !empty;
	SpinLockRelease(&view->mutex);
	return empty;
}

static void
wait_side_empty(int side)
{
	if (side_empty(side))
		return;
	ConditionVariablePrepareToSleep(&view->left);
	while (!side_empty(side))
		ConditionVariableSleep(&view->left, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
}

static bool
same_view(const MtmViewData *a, const MtmViewData *b)
{
	return a->generation == b->generation && a->members == b->members &&
		a->configured == b->configured && a->incarnation == b->incarnation &&
		a->donor == b->donor && a->major == b->major &&
		a->online_in == b->online_in &&
		a->status == b->status;
}

/* Returns the side to wait for, or -1 when nobody acted by what changed. */
static int
set_view(const MtmViewData *data)
{
	int			old_side = -1;
	bool		changed;
	bool		out = MtmViewIsOut(data);

	if (data->status != MTM_ONLINE)
		MtmLeaseEnd();
	SpinLockAcquire(&view->mutex);
	changed = !same_view(&view->data, data);
	if (view->data.status == MTM_ONLINE &&
		(view->data.generation != data->generation || view->data.status != data->status))
	{
		old_side = view->side;
		view->side = 1 - old_side;
	}
	view->data = *data;
	if (out && !view->out)
		view->times_out++;
	view->out = out;
	if (changed)
		view->version++;
	SpinLockRelease(&view->mutex);
	if (changed)
		ConditionVariableBroadcast(&view->changed);
	return old_side;
}

void
MtmViewPublish(const MtmViewData *data)
{
	int			old_side;

	Assert(my_side < 0);
	/* A publisher before us may not have seen its wait through. */
	SpinLockAcquire(&view->mutex);
	old_side = 1 - view->side;
	SpinLockRelease(&view->mutex);
	wait_side_empty(old_side);

	old_side = set_view(data);
	if (old_side >= 0)
		wait_side_empty(old_side);
}

void
MtmViewWithdraw(void)
{
	MtmViewData data = MtmViewGet();

	if (data.status == MTM_DISABLED)
		return;
	data.status = MTM_ISOLATED;
	(void) set_view(&data);
}

void
MtmViewWaitChange(uint64 seen_version, uint32 wait_event)
{
	ConditionVariablePrepareToSleep(&view->changed);
	while (MtmViewVersion() == seen_version)
		ConditionVariableSleep(&view->changed, wait_event);
	ConditionVariableCancelSleep();
}

void
MtmViewSetReport(const char *report)
{
	LWLockAcquire(MtmNamedLock(MTM_LOCK_REPORT), LW_EXCLUSIVE);
	view->has_report = report != NULL;
	if (report)
		strlcpy(view->report, report, MTM_REPORT_SIZE);
	LWLockRelease(MtmNamedLock(MTM_LOCK_REPORT));
}

char *
MtmViewGetReport(void)
{
	char	   *copy = palloc(MTM_REPORT_SIZE);
	bool		has_report;

	LWLockAcquire(MtmNamedLock(MTM_LOCK_REPORT), LW_SHARED);
	has_report = view->has_report;
	if (has_report)
		strlcpy(copy, view->report, MTM_REPORT_SIZE);
	LWLockRelease(MtmNamedLock(MTM_LOCK_REPORT));
	return has_report ? copy : NULL;
}
