/*
 * mtm.shell_load_state(), mtm.shell_save_state(): the durable state.
 *
 * Runs in: the monitor.
 * Path: mtm.monitor_step() -> here -> monitor/state_file.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "monitor/shell_access.h"
#include "monitor/state_file.h"
#include "settings.h"
#include "shmem/lanes.h"
#include "shmem/peers.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mtm_shell_load_state);
PG_FUNCTION_INFO_V1(mtm_shell_save_state);

Datum
mtm_shell_load_state(PG_FUNCTION_ARGS)
{
	char	   *text;

	MtmShellRequireMonitor();
	text = MtmStateFileLoad();
	if (!text)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* What the state says is over must be found so by who reads both after a crash. */
static void
flush_outcomes(void)
{
	MtmOutcomesFlush();
	MtmForEachPeer(node_id)
		MtmLanesFlush(node_id);
}

Datum
mtm_shell_save_state(PG_FUNCTION_ARGS)
{
	MtmShellRequireMonitor();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the control plane's state must not be null")));
	flush_outcomes();
	MtmStateFileSave(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
