/*
 * mtm.shell_finish(): end a prepared transaction here, as a ballot decided.
 *
 * Runs in: the monitor.
 * Path: mtm.monitor_step() -> here -> COMMIT / ROLLBACK PREPARED, the waiting backend
 * Locks: none of ours over it.
 *
 * Whether the end is sent on in this node's stream depends on whose it is:
 *  1. coordinated here: the peers' lanes may still need it, so it is streamed;
 *  2. of another node: its own stream carries it, ours must not;
 *  3. a user's gid: as 1 where it was prepared by a client. Elsewhere the sender passes it
 *     over with its PREPARE, so nobody has to know here which it is.
 *
 * A user's transaction of another node is not forgotten yet: its PREPARE may be sent again
 * until the lane has its outcome (apply/lane.c). One of an older generation is not
 * prepared again anyway.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "monitor/shell_access.h"
#include "replication/origin.h"
#include "settings.h"
#include "shmem/commits.h"
#include "shmem/peers.h"
#include "shmem/transactions.h"
#include "shmem/view.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "wire/gid.h"

PG_FUNCTION_INFO_V1(mtm_shell_finish);

static bool
streamed(const char *text)
{
	MtmGid		gid;

	return !MtmGidParse(text, &gid) || gid.coordinator == mtm_node_id;
}

static void
finish(const char *gid, bool commit)
{
	RepOriginId old_origin = replorigin_session_origin;

	replorigin_session_origin = streamed(gid) ? InvalidRepOriginId : DoNotReplicateId;
	PG_TRY();
	{
		FinishPreparedTransaction(gid, commit);
		MtmSendersOutcome(XactLastRecEnd);
		MtmSendersWake();
	}
	PG_FINALLY();
	{
		replorigin_session_origin = old_origin;
	}
	PG_END_TRY();
}

/* 0, or the SQLSTATE of what went wrong before anything was done. */
static int
try_finish(const char *gid, bool commit)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int sqlstate = 0;

	/* PostgreSQL raises some of these errors with a lock held: roll back to here. */
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		finish(gid, commit);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		sqlstate = geterrcode();
		if (sqlstate != ERRCODE_UNDEFINED_OBJECT &&
			sqlstate != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE &&
			sqlstate != ERRCODE_FEATURE_NOT_SUPPORTED)
			PG_RE_THROW();
		error = CopyErrorData();
		FlushErrorState();
		FreeErrorData(error);
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return sqlstate;
}

static void
forget(const char *gid)
{
	MtmTransaction tx;

	if (MtmTransactionFindGid(gid, &tx))
		MtmTransactionForget(&tx.key);
}

/* A user's own of this generation is kept as ENDED until its lane has passed it. */
static void
forget_users(const MtmTransaction *claimed)
{
	if (claimed->key.origin != 0 && claimed->generation != MtmViewGeneration())
		MtmTransactionForget(&claimed->key);
}

Datum
mtm_shell_finish(PG_FUNCTION_ARGS)
{
	MtmTransaction claimed;
	char	   *gid;
	bool		commit;
	int			sqlstate;

	MtmShellRequireMonitor();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments of shell_finish() must not be null")));
	gid = text_to_cstring(PG_GETARG_TEXT_PP(0));
	commit = PG_GETARG_BOOL(1);

	/* A user's may be prepared here only when this node has recovered. */
	if (!MtmGidIsOurs(gid) &&
		(MtmViewAway() || !MtmTransactionClaimForBallot(gid, &claimed)))
		PG_RETURN_TEXT_P(cstring_to_text("busy"));
	sqlstate = try_finish(gid, commit);
	if (sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		PG_RETURN_TEXT_P(cstring_to_text("busy"));
	if (MtmGidIsOurs(gid))
		forget(gid);
	else
		forget_users(&claimed);
	MtmCommitTellOutcome(gid, commit ? MTM_OUTCOME_COMMIT : MTM_OUTCOME_ABORT);
	/* 0A000: a gid of another database of this server; ours has none. */
	PG_RETURN_TEXT_P(cstring_to_text(sqlstate == 0 ? "done" : "absent"));
}
