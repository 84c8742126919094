/*
 * Who may call which of the control plane's functions; see shell_access.h.
 *
 * Runs in: every process that calls mtm.shell_*().
 */
#include "postgres.h"

#include "miscadmin.h"
#include "monitor/monitor.h"
#include "monitor/shell_access.h"
#include "shmem/shared.h"

void
MtmShellRequireConfigured(void)
{
	if (!MtmSharedReady())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("multimaster is not configured on this server"),
				 errhint("It must be in shared_preload_libraries, with "
						 "multimaster.node_id and multimaster.conn_strings set.")));
}

void
MtmShellRequireSuperuser(void)
{
	MtmShellRequireConfigured();
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to call this function of multimaster")));
}

void
MtmShellRequireReplication(void)
{
	MtmShellRequireConfigured();
	if (!superuser() && !has_rolreplication(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser or replication role to call this function of "
						"multimaster")));
}

void
MtmShellRequireMonitor(void)
{
	MtmShellRequireConfigured();
	if (!MtmIsMonitor())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("only the multimaster monitor may call this function")));
}
