/*
 * The module's door: settings, checks, shared memory, hooks, background workers.
 *
 * Runs in: the postmaster, once, from shared_preload_libraries. Loaded into a single
 * session it does nothing, and what needs it says so.
 */
#include "postgres.h"

#include <unistd.h>

#include "apply/refill.h"
#include "backend/advisory_locks.h"
#include "backend/commit.h"
#include "backend/large_objects.h"
#include "backend/schema_change.h"
#include "backend/remote_functions.h"
#include "backend/replaced_calls.h"
#include "backend/statement_gate.h"
#include "backend/utility.h"
#include "backend/wound.h"
#include "backend/written.h"
#include "fmgr.h"
#include "forming/hold.h"
#include "joining/arrival.h"
#include "link/sender.h"
#include "miscadmin.h"
#include "monitor/monitor.h"
#include "monitor/state_file.h"
#include "sender/flusher.h"
#include "settings.h"
#include "shmem/shared.h"
#include "storage/ipc.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

static void
shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	MtmSharedRequest();
}

static void
shmem_startup(void)
{
	if (previous_shmem_startup)
		previous_shmem_startup();
	MtmSharedStartup();
}

static void
install_shmem_hooks(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

/*
 * A node that is started without its settings takes writes that the others never get.
 * That is not refused, since it may be what is wanted, but it is not silent.
 */
static void
warn_of_former_node(void)
{
	if (!IsBinaryUpgrade && access(MTM_STATE_PATH, F_OK) == 0)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("this server was a node of a multimaster cluster, but "
						"multimaster.conn_strings is empty"),
				 errdetail("What is written now stays on this server alone."),
				 errhint("Set multimaster.conn_strings again, or remove the folder \"%s\" "
						 "if it shall never be a node again.", MTM_STATE_FOLDER)));
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	MtmSettingsDefine();
	MtmSettingsCheck();
	if (!MtmConfigured())
	{
		warn_of_former_node();
		MtmFormingInstallHooks();
		return;
	}
	MtmFormingDone();
	MtmArrivalKeepWal();

	install_shmem_hooks();
	MtmWrittenInstallHooks();
	MtmStatementGateInstallHooks();
	MtmSchemaChangeInstallHooks();
	MtmRefillInstallHooks();
	MtmReplacedCallsInstallHooks();
	MtmRemoteCallsInstallHooks();
	MtmAdvisoryInstallHooks();
	MtmLargeObjectsInstallHooks();
	MtmCommitInstallHooks();
	MtmUtilityInstallHooks();
	MtmWoundInstallHooks();
	MtmLinkSenderRegister();
	MtmFlusherRegister();
	MtmMonitorRegister();
}
