/*
 * Where the bodies of other nodes' transactions are; see bodies.h.
 *
 * Runs in: receivers, apply workers; when shared memory is made.
 * Path: receiver/spill.c -> here -> apply/body.c
 * Locks: mtm_transactions->lock for the next name.
 */
#include "postgres.h"

#include <unistd.h>

#include "shmem/bodies.h"
#include "shmem/transactions_shared.h"
#include "storage/fd.h"

void
MtmSpilledRemoveAll(void)
{
	DIR		   *dir = AllocateDir(MTM_SPILL_DIR);
	struct dirent *file;

	if (!dir)
		return;
	while ((file = ReadDirExtended(dir, MTM_SPILL_DIR, LOG)) != NULL)
	{
		MtmTransaction left = {.spill_id = strtoul(file->d_name, NULL, 10)};

		if (left.spill_id != 0)
			MtmTransactionFreeBody(&left);
	}
	FreeDir(dir);
}

uint32
MtmSpillNext(void)
{
	uint32		id;

	LWLockAcquire(&mtm_transactions->lock, LW_EXCLUSIVE);
	id = ++mtm_transactions->spill_counter;
	if (id == 0)
		id = ++mtm_transactions->spill_counter;
	mtm_transactions->spilled++;
	LWLockRelease(&mtm_transactions->lock);
	return id;
}

void
MtmSpillPath(uint32 spill_id, char path[MAXPGPATH])
{
	snprintf(path, MAXPGPATH, MTM_SPILL_DIR "/%u", spill_id);
}

void
MtmTransactionFreeBody(MtmTransaction *tx)
{
	if (DsaPointerIsValid(tx->body))
		MtmQueueFree(tx->body);
	tx->body = InvalidDsaPointer;
	if (tx->spill_id != 0)
	{
		char		path[MAXPGPATH];

		MtmSpillPath(tx->spill_id, path);
		if (unlink(path) < 0 && errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m", path)));
		tx->spill_id = 0;
	}
}
