/*
 * mtm.inject_2pc_error: a test lets the commit path of this node fail, wait or crash at
 * a named point (shmem/stop_point.h).
 *
 * Runs in: the session that calls it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "monitor/shell_access.h"
#include "shmem/stop_point.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mtm_inject_2pc_error);

static const char *const points[] = {
	[MTM_STOP_NONE] = "",
	[MTM_STOP_REGISTERED] = "registered",
	[MTM_STOP_PREPARED] = "prepared",
	[MTM_STOP_DECIDED] = "decided",
	[MTM_STOP_COMMITTED] = "committed",
	[MTM_STOP_APPLIED] = "applied",
	[MTM_STOP_VOTING] = "voting",
	[MTM_STOP_OUTCOME] = "outcome",
	[MTM_STOP_ENDED] = "ended",
};

static const char *const actions[] = {
	[MTM_STOP_FAIL] = "fail",
	[MTM_STOP_WAIT] = "wait",
	[MTM_STOP_CRASH] = "crash",
};

static int
position(const char *name, const char *const *names, int count, const char *what)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not %s", name, what),
			 errhint("See the description of mtm.inject_2pc_error().")));
}

static void
must_be_possible(MtmStopPoint point, MtmStopAction action)
{
	bool		waits_in_gate = point == MTM_STOP_VOTING && action == MTM_STOP_WAIT;
	bool		fails_committed = point == MTM_STOP_COMMITTED && action == MTM_STOP_FAIL;

	if (waits_in_gate || fails_committed)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a process cannot %s at \"%s\"", actions[action], points[point]),
				 waits_in_gate ?
				 errdetail("It would hold up the control plane of this node.") :
				 errdetail("The transaction is committed.")));
}

Datum
mtm_inject_2pc_error(PG_FUNCTION_ARGS)
{
	MtmStopPoint point;
	MtmStopAction action;

	MtmShellRequireSuperuser();
	point = position(text_to_cstring(PG_GETARG_TEXT_PP(0)), points, lengthof(points),
					 "a point of the commit path");
	action = position(text_to_cstring(PG_GETARG_TEXT_PP(1)), actions, lengthof(actions),
					  "an action");
	must_be_possible(point, action);
	MtmStopPointSet(point, action);
	PG_RETURN_VOID();
}
