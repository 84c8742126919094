/*
 * mtm.shell_ask_referee(): which of two nodes goes on alone?
 *
 * Runs in: the monitor.
 * Path: mtm.monitor_step() -> here -> monitor/referee.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "monitor/referee.h"
#include "monitor/shell_access.h"

PG_FUNCTION_INFO_V1(mtm_shell_ask_referee);

Datum
mtm_shell_ask_referee(PG_FUNCTION_ARGS)
{
	MtmShellRequireMonitor();
	MtmRefereeAsk(PG_GETARG_INT64(0));
	PG_RETURN_VOID();
}
