/*
 * COMMIT PREPARED and ROLLBACK PREPARED by users, on whatever node.
 *
 * Runs in: the user's backend.
 * Path: the statement -> a decision by ballot (control plane) -> every node's
 *       monitor executes it -> here, the answer
 * Locks: none.
 *
 * The outcome is the user's alone, but two users on two nodes may decide
 * differently at once: a ballot makes it one (PROTOCOL.md, "A user's own
 * two-phase transactions").
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "backend/commit.h"
#include "backend/vote_wait.h"
#include "backend/written.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "settings.h"
#include "shmem/events.h"
#include "shmem/hold.h"
#include "shmem/view.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "wire/gid.h"

#define ASK_AGAIN_MS 2000

/* The checks PostgreSQL itself makes, before anything is sent. */
static void
check_may_finish(const char *gid)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	bool		isnull;
	bool		allowed;

	values[0] = CStringGetTextDatum(gid);
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute_with_args("SELECT pg_catalog.pg_has_role(ownerid, 'USAGE') AND ownerid = "
							  "(SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) "
							  "OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) "
							  "FROM pg_catalog.pg_prepared_xact() "
							  "JOIN pg_catalog.pg_database d ON d.oid = dbid "
							  "WHERE gid = $1 AND d.datname = current_database()",
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not read the prepared transactions")));
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("prepared transaction with identifier \"%s\" does not exist", gid)));
	allowed = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										 1, &isnull));
	SPI_finish();
	PopActiveSnapshot();
	if (isnull || !allowed)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to finish prepared transaction"),
				 errhint("Must be superuser or the user that prepared the transaction.")));
}

/*
 * The question may be lost (the monitor was restarted): it is asked again while
 * the transaction is still prepared here.
 */
static MtmVerdict
ask_for_ballot(const char *gid, bool commit)
{
	MtmEventKind question = commit ? MTM_EVENT_DECIDE_COMMIT : MTM_EVENT_DECIDE_ABORT;

	for (;;)
	{
		MtmVerdict	verdict;

		(void) MtmEventPut(question, mtm_node_id, gid, strlen(gid));
		verdict = MtmWaitForOutcome(ASK_AGAIN_MS);
		if (verdict != MTM_VERDICT_UNDECIDED)
			return verdict;
		if (!LookupGXact(gid, InvalidXLogRecPtr, 0))
			return MTM_VERDICT_IN_DOUBT;
	}
}

void
MtmFinishByUser(const char *gid, bool commit)
{
	MtmViewData view;
	MtmVerdict	verdict;

	if (MtmGidIsOurs(gid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("identifiers starting with \"%s\" are used by multimaster",
						MTM_GID_PREFIX),
				 errhint("The cluster ends this transaction by itself.")));
	check_may_finish(gid);
	MtmHoldWait();
	view = MtmViewGet();
	if (view.status != MTM_ONLINE)
		ereport(ERROR,
				(errcode(ERRCODE_CANNOT_CONNECT_NOW),
				 errmsg("multimaster node is not online: current status %s",
						MtmStatusName(view.status))));

	MtmCommitBegin(gid, InvalidTransactionId, view.generation, view.members);
	verdict = ask_for_ballot(gid, commit);
	MtmCommitEnd();

	if (verdict == MTM_VERDICT_IN_DOUBT)
	{
		ereport(WARNING,
				(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
				 errmsg("the outcome of transaction \"%s\" is not known yet", gid),
				 errhint("SELECT * FROM mtm.get_trans_by_gid(%s) tells later.",
						 quote_literal_cstr(gid))));
		CHECK_FOR_INTERRUPTS();
	}
	else if ((verdict == MTM_VERDICT_COMMITTED) != commit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("prepared transaction \"%s\" was %s by another session",
						gid, commit ? "rolled back" : "committed")));
}
