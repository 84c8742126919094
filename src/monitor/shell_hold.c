/*
 * mtm.hold_commits(), mtm.release_commits(), mtm.commits_under_way(): what a check on
 * another node needs to find a consistent point.
 *
 * Runs in: sessions of checks.
 * Path: ts-src/shell/consistent_point.ts on some node -> here -> shmem/hold.c
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "monitor/shell_access.h"
#include "shmem/commits.h"
#include "shmem/hold.h"
#include "shmem/view.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mtm_hold_commits);
PG_FUNCTION_INFO_V1(mtm_release_commits);
PG_FUNCTION_INFO_V1(mtm_commits_under_way);

/* Nobody stops a node for longer. */
#define LONGEST_MS 10000

Datum
mtm_hold_commits(PG_FUNCTION_ARGS)
{
	int			timeout_ms = PG_GETARG_INT32(0);

	MtmShellRequireReplication();
	if (timeout_ms < 1 || timeout_ms > LONGEST_MS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout must be between 1 and %d ms", LONGEST_MS)));
	if (!MtmHoldTake(timeout_ms))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many sessions hold commits at the same time")));
	PG_RETURN_VOID();
}

Datum
mtm_release_commits(PG_FUNCTION_ARGS)
{
	MtmShellRequireReplication();
	MtmHoldEnd();
	PG_RETURN_VOID();
}

Datum
mtm_commits_under_way(PG_FUNCTION_ARGS)
{
	MtmViewData view;
	StringInfoData json;
	bool		first = true;

	MtmShellRequireReplication();
	view = MtmViewGet();
	initStringInfo(&json);
	appendStringInfo(&json, "{\"held\":%s,\"online\":%s,\"generation\":" UINT64_FORMAT
					 ",\"commits\":[",
					 MtmHoldMine() ? "true" : "false",
					 view.status == MTM_ONLINE ? "true" : "false", view.generation);
	for (int i = 0; i < MtmCommitSlots(); i++)
	{
		MtmCommit	commit;

		if (!MtmCommitCopy(i, &commit))
			continue;
		if (!first)
			appendStringInfoChar(&json, ',');
		first = false;
		escape_json(&json, commit.gid);
	}
	appendStringInfoString(&json, "]}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
