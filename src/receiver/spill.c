/*
 * Bodies of transactions on their way to a worker; see spill.h.
 *
 * Runs in: receivers.
 * Path: receiver/receiver.c -> here -> shared memory or pg_mtm/spill -> apply/
 * Locks: none.
 *
 * A receiver never waits for queue memory: what a waiting transaction needs may
 * be the very next thing in the stream. It writes to disk instead. The files
 * need no fsync: after a crash their transactions come again.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "receiver/spill.h"
#include "settings.h"
#include "shmem/bodies.h"
#include "storage/fd.h"
#include "utils/memutils.h"

static StringInfoData collected;
static bool initialized = false;
static File file = -1;
static uint32 file_id = 0;
static uint64 file_size = 0;

static Size
memory_limit(void)
{
	/* A body in memory is copied into the queue once: leave room for others. */
	Size		limit = Min((Size) mtm_trans_spill_threshold,
							(Size) mtm_queue_size / 4) * 1024;

	return Min(limit, MaxAllocSize / 4);
}

static void
write_bytes(const char *bytes, int size)
{
	if (size == 0)
		return;
	if (FileWrite(file, (char *) bytes, size, file_size, 0) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", FilePathName(file))));
	file_size += size;
}

static void
start_file(void)
{
	char		path[MAXPGPATH];

	if (file >= 0)
		return;
	file_id = MtmSpillNext();
	MtmSpillPath(file_id, path);
	(void) MakePGDirectory("pg_mtm");
	(void) MakePGDirectory(MTM_SPILL_DIR);
	file = PathNameOpenFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	if (file < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path)));
	file_size = 0;
	write_bytes(collected.data, collected.len);
	resetStringInfo(&collected);
}

static void
initialize(void)
{
	MemoryContext old;

	if (initialized)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	initStringInfo(&collected);
	MemoryContextSwitchTo(old);
	initialized = true;
}

void
MtmBodyAdd(const char *bytes, int size)
{
	initialize();
	if (file < 0 && collected.len + (Size) size > memory_limit())
		start_file();
	if (file >= 0)
		write_bytes(bytes, size);
	else
		appendBinaryStringInfo(&collected, bytes, size);
}

static void
close_file(void)
{
	FileClose(file);
	file = -1;
	file_id = 0;
}

void
MtmBodyDrop(void)
{
	if (file >= 0)
	{
		MtmTransaction dropped = {.spill_id = file_id};

		close_file();
		MtmTransactionFreeBody(&dropped);
	}
	if (initialized)
		resetStringInfo(&collected);
}

void
MtmBodyStore(MtmTransaction *tx)
{
	initialize();
	tx->body = InvalidDsaPointer;
	tx->spill_id = 0;
	tx->body_size = file >= 0 ? file_size : (uint64) collected.len;
	if (file < 0 && collected.len > 0)
	{
		tx->body = MtmQueueAllocate(collected.len);
		if (DsaPointerIsValid(tx->body))
			memcpy(dsa_get_address(MtmQueueArea(), tx->body), collected.data,
				   collected.len);
		else
			start_file();
	}
	if (file >= 0)
	{
		tx->spill_id = file_id;
		close_file();
	}
	resetStringInfo(&collected);
}
