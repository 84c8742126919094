/*
 * Reading the body of a transaction; see body.h.
 *
 * Runs in: apply workers.
 * Path: receiver/spill.c -> here -> apply/worker.c
 * Locks: none: the body belongs to the worker.
 */
#include "postgres.h"

#include "apply/body.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "shmem/bodies.h"
#include "storage/fd.h"
#include "utils/memutils.h"

static const char *memory;		/* the body, when it is in the queue */
static uint64 size;
static uint64 position;
static File file = -1;
static StringInfoData buffer;	/* one record, when it is in a file */

void
MtmBodyOpen(const MtmTransaction *tx)
{
	size = tx->body_size;
	position = 0;
	memory = NULL;
	MtmBodyClose();
	if (tx->spill_id != 0)
	{
		char		path[MAXPGPATH];

		MtmSpillPath(tx->spill_id, path);
		file = PathNameOpenFile(path, O_RDONLY | PG_BINARY);
		if (file < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not open file \"%s\": %m", path)));
		if (!buffer.data)
		{
			MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

			initStringInfo(&buffer);
			MemoryContextSwitchTo(old);
		}
	}
	else if (DsaPointerIsValid(tx->body))
		memory = dsa_get_address(MtmQueueArea(), tx->body);
}

static void
damaged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("the body of a transaction of another node is damaged")));
}

static void
read_file(void *into, uint32 length)
{
	if (FileRead(file, into, length, position, 0) != (int) length)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", FilePathName(file))));
	position += length;
}

static void
read_bytes(void *into, uint32 length)
{
	if (memory)
	{
		memcpy(into, memory + position, length);
		position += length;
	}
	else
		read_file(into, length);
}

/* Its length; 0 at the end. */
static uint32
begin_record(void)
{
	uint32		length;

	if (position >= size)
		return 0;
	if (size - position < sizeof(length))
		damaged();
	read_bytes(&length, sizeof(length));
	length = pg_ntoh32(length);
	if (length == 0 || length > size - position)
		damaged();
	return length;
}

static void
read_record(StringInfo record, uint32 length)
{
	if (memory)
	{
		record->data = unconstify(char *, memory + position);
		position += length;
	}
	else
	{
		resetStringInfo(&buffer);
		enlargeStringInfo(&buffer, length);
		read_file(buffer.data, length);
		record->data = buffer.data;
	}
	record->len = record->maxlen = length;
	record->cursor = 0;
}

bool
MtmBodyNext(StringInfo record)
{
	uint32		length = begin_record();

	if (length == 0)
		return false;
	read_record(record, length);
	return true;
}

bool
MtmBodyFind(char kind, StringInfo record)
{
	uint32		length;

	while ((length = begin_record()) != 0)
	{
		uint64		start = position;
		char		found;

		CHECK_FOR_INTERRUPTS();
		read_bytes(&found, 1);
		position = start;
		if (found == kind)
		{
			read_record(record, length);
			return true;
		}
		position += length;
	}
	return false;
}

void
MtmBodyClose(void)
{
	if (file >= 0)
		FileClose(file);
	file = -1;
	/* One huge row must not keep its memory. */
	if (buffer.data && buffer.maxlen > 1024 * 1024)
	{
		pfree(buffer.data);
		buffer.data = NULL;
	}
}
