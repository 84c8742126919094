/*
 * A new node that begins as a copy; see copy.h.
 *
 * Runs in: the monitor, the recovery process.
 * Path: joining/arrival.c, pg_mtm/copy -> here -> recovery/recovery.c
 * Locks: PostgreSQL's own of slots and origins.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_replication_origin.h"
#include "executor/spi.h"
#include "joining/arrival.h"
#include "joining/copy.h"
#include "miscadmin.h"
#include "monitor/state_file.h"
#include "postmaster/bgwriter.h"
#include "receiver/progress.h"
#include "replication/origin.h"
#include "replication/slot.h"
#include "settings.h"
#include "shmem/lanes.h"
#include "shmem/view.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#define PATH MTM_COPY_PATH
#define NEW_PATH PATH ".new"
/* Keeps this node's own WAL, which tells what recovery did already. */
#define SLOT "mtm_copy"

MtmCopy
MtmCopyRead(void)
{
	MtmCopy		copy = {0};
	FILE	   *file = AllocateFile(PATH, "r");
	uint32		high;
	uint32		low;

	if (!file && errno == ENOENT)
		return copy;
	if (!file)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", PATH)));
	if (fscanf(file, "%d %X/%X", &copy.source, &high, &low) != 3 || copy.source < 1 ||
		copy.source > MTM_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" is damaged", PATH),
				 errhint("Make the copy of the other node anew.")));
	FreeFile(file);
	copy.end_lsn = ((uint64) high << 32) | low;
	return copy;
}

void
MtmCopyWrite(int source, XLogRecPtr end_lsn)
{
	FILE	   *file;

	MtmStateFolderMake();
	file = AllocateFile(NEW_PATH, "w");
	if (!file || fprintf(file, "%d %X/%X\n", source, LSN_FORMAT_ARGS(end_lsn)) < 0 ||
		FreeFile(file) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", NEW_PATH)));
	(void) durable_rename(NEW_PATH, PATH, ERROR);
}

bool
MtmCopyOpen(void)
{
	return MtmViewGet().online_in == 0 && MtmCopyRead().source != 0;
}

static void
run(const char *query)
{
	if (SPI_execute(query, false, 0) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not run \"%s\": %s", query,
						SPI_result_code_string(SPI_result))));
}

/*
 * Of what the source itself did the copy has all up to its end (4.6). What the source kept
 * of this node's lanes is of no use here.
 */
static void
begin_lanes(const MtmCopy *copy)
{
	for (int lane = 0; lane < MTM_LANES; lane++)
	{
		char		name[NAMEDATALEN];

		MtmLaneOriginName(mtm_node_id, lane, name);
		replorigin_drop_by_name(name, true, true);
	}
	for (int lane = 0; lane < MTM_LANES; lane++)
	{
		char		name[NAMEDATALEN];
		RepOriginId origin;

		MtmLaneOriginName(copy->source, lane, name);
		origin = replorigin_by_name(name, true);
		if (origin == InvalidRepOriginId)
			origin = replorigin_create(name);
		if (replorigin_get_progress(origin, false) >= copy->end_lsn)
			continue;
		LockRelationOid(ReplicationOriginRelationId, RowExclusiveLock);
		replorigin_advance(origin, copy->end_lsn, InvalidXLogRecPtr, false, true);
		UnlockRelationOid(ReplicationOriginRelationId, RowExclusiveLock);
	}
}

void
MtmCopyPrepare(void)
{
	MtmCopy		copy = MtmCopyRead();

	if (copy.source == 0)
		return;
	ereport(LOG,
			(errmsg("this node is a copy of node %d, up to %X/%X", copy.source,
					LSN_FORMAT_ARGS(copy.end_lsn))));
	/* The slot begins at the last checkpoint: it must not keep WAL of the source's as its own. */
	if (GetRedoRecPtr() < copy.end_lsn)
		RequestCheckpoint(CHECKPOINT_IMMEDIATE | CHECKPOINT_FORCE | CHECKPOINT_WAIT);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (!SearchNamedReplicationSlot(SLOT, true))
		run("SELECT pg_catalog.pg_create_physical_replication_slot('" SLOT "', true)");
	begin_lanes(&copy);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

void
MtmCopyDone(void)
{
	struct stat found;

	MtmArrivalDone();
	if (stat(PATH, &found) != 0)
		return;
	/* The file last: as long as it is there this is done again. */
	if (SearchNamedReplicationSlot(SLOT, true))
		ReplicationSlotDrop(SLOT, true);
	durable_unlink(PATH, LOG);
}

XLogRecPtr
MtmCopyFirstOwn(void)
{
	ReplicationSlot *slot = SearchNamedReplicationSlot(SLOT, true);
	XLogRecPtr	restart;

	if (!slot)
		return InvalidXLogRecPtr;
	SpinLockAcquire(&slot->mutex);
	restart = slot->data.restart_lsn;
	SpinLockRelease(&slot->mutex);
	return restart;
}
