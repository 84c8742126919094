/*
 * mtm.shell_publish(), mtm.shell_report(): what the control plane decided this node may
 * do, and what it tells of the cluster.
 *
 * Runs in: the monitor publishes; any session reads.
 * Path: mtm.monitor_step() -> here -> shmem/view.c, shmem/commits.c
 * Locks: waits until the gate is empty, holding nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "link/votes.h"
#include "monitor/shell_access.h"
#include "shmem/commits.h"
#include "shmem/lock_sessions.h"
#include "shmem/view.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mtm_shell_publish);
PG_FUNCTION_INFO_V1(mtm_shell_report);

static MtmStatus
status_named(const char *name)
{
	MtmStatus	status;

	if (!MtmStatusParse(name, &status))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown status of a node: \"%s\"", name)));
	return status;
}

Datum
mtm_shell_publish(PG_FUNCTION_ARGS)
{
	MtmViewData view;
	MtmViewData before;
	char	   *report;

	MtmShellRequireMonitor();
	for (int i = 0; i < 9; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("arguments of shell_publish() must not be null")));
	}
	view.generation = PG_GETARG_INT64(0);
	view.members = PG_GETARG_INT64(1);
	view.configured = PG_GETARG_INT64(2);
	view.incarnation = PG_GETARG_INT64(3);
	view.donor = PG_GETARG_INT32(4);
	view.major = PG_GETARG_INT32(5);
	view.online_in = PG_GETARG_INT64(6);
	view.status = status_named(text_to_cstring(PG_GETARG_TEXT_PP(7)));
	report = text_to_cstring(PG_GETARG_TEXT_PP(8));
	if (strlen(report) >= MTM_REPORT_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("report of the control plane is too long: %zu bytes",
						strlen(report))));

	before = MtmViewGet();
	MtmViewPublish(&view);
	MtmViewSetReport(report);
	MtmLockSessionsEnd(&view);
	/* After the gate is empty: nobody who still waits for votes can act on them. */
	MtmCommitHandOver(view.generation);
	if (view.status == MTM_ONLINE && before.status != MTM_ONLINE)
		MtmVotesOnline(view.generation);
	PG_RETURN_VOID();
}

Datum
mtm_shell_report(PG_FUNCTION_ARGS)
{
	char	   *report;

	MtmShellRequireConfigured();
	report = MtmViewGetReport();
	if (!report)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(report));
}
