/*
 * The transactions that are prepared on this node, and their end.
 *
 * Runs in: the recovery process.
 * Path: recovery/leftovers.c, recovery/replay.c -> here -> COMMIT / ROLLBACK PREPARED
 * Locks: PostgreSQL's own.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "replication/origin.h"
#include "recovery/prepared_here.h"
#include "settings.h"
#include "shmem/commits.h"
#include "shmem/transactions.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "wire/gid.h"

List *
MtmPreparedHere(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *gids = NIL;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (SPI_execute("SELECT gid FROM pg_catalog.pg_prepared_xact() WHERE dbid = "
					"(SELECT oid FROM pg_catalog.pg_database "
					"WHERE datname = pg_catalog.current_database())", true, 0) !=
		SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not read the prepared transactions")));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *gid = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		gids = lappend(gids, pstrdup(gid));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return gids;
}

bool
MtmIsPreparedHere(const char *gid)
{
	ListCell   *cell;

	foreach(cell, MtmPreparedHere())
	{
		if (strcmp(lfirst(cell), gid) == 0)
			return true;
	}
	return false;
}

/* Those coordinated here go out in this node's own stream (monitor/shell_finish.c). */
static RepOriginId
origin_of(const char *text)
{
	MtmGid		gid;
	bool		others = MtmGidParse(text, &gid) && gid.coordinator != mtm_node_id;

	return others ? DoNotReplicateId : InvalidRepOriginId;
}

bool
MtmFinishHere(const char *gid, bool commit)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = true;
	MtmTransaction tx;

	replorigin_session_origin = origin_of(gid);
	StartTransactionCommand();
	PG_TRY();
	{
		FinishPreparedTransaction(gid, commit);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		replorigin_session_origin = DoNotReplicateId;
		if (geterrcode() != ERRCODE_UNDEFINED_OBJECT)
			PG_RE_THROW();
		done = false;
		MemoryContextSwitchTo(context);
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	replorigin_session_origin = DoNotReplicateId;
	MemoryContextSwitchTo(context);

	while (MtmTransactionFindGid(gid, &tx))
		MtmTransactionForget(&tx.key);
	MtmCommitTellOutcome(gid, commit ? MTM_OUTCOME_COMMIT : MTM_OUTCOME_ABORT);
	return done;
}
