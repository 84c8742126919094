/*
 * SQL function mtm_prepare_existing_tables(): what the tables and sequences that exist
 * before CREATE EXTENSION multimaster need. The extension's script calls it on every
 * node; nothing of it is replicated.
 *
 * Runs in: the backend or worker that creates the extension.
 * Locks: AccessExclusiveLock on tables that get another replica identity,
 *        ShareRowExclusiveLock on all sequences, until the commit.
 */
#include "postgres.h"

#include "backend/replica_identity.h"
#include "backend/sequences.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(mtm_prepare_existing_tables);

Datum
mtm_prepare_existing_tables(PG_FUNCTION_ARGS)
{
	/* A second time would split the sequences of this node again. */
	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables are prepared for multimaster by CREATE EXTENSION only")));
	if (MtmConfigured())
	{
		MtmReplicaIdentityAll();
		MtmSequencesAll();
	}
	PG_RETURN_VOID();
}
