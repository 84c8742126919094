/*
 * The control plane's durable state; see state_file.h.
 *
 * Runs in: the monitor.
 * Path: monitor/shell_state.c -> here -> disk
 * Locks: none; there is one monitor.
 *
 * A header, then the text as the control plane gave it. The promises that the protocol
 * rests on are in there (votes, generations, accepted ballots), so a file that cannot be
 * trusted stops the monitor: to begin anew would be to forget a promise.
 */
#include "postgres.h"

#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "monitor/state_file.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#define FOLDER MTM_STATE_FOLDER
#define PATH MTM_STATE_PATH
#define NEW_PATH FOLDER "/state.new"

#define MAGIC 0x4d544d53		/* "MTMS" */
#define VERSION 1
#define LENGTH_MAX (64 * 1024 * 1024)

typedef struct Header
{
	uint32		magic;
	uint32		version;
	uint32		length;			/* of the text */
	pg_crc32c	crc;			/* of the text */
} Header;

static pg_crc32c
crc_of(const char *text, uint32 length)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, text, length);
	FIN_CRC32C(crc);
	return crc;
}

static void
damaged(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("file \"%s\" is damaged: %s", PATH, what),
			 errhint("It holds what this node has promised to the others. Restore it, or "
					 "rebuild this node from a base backup of another one; never start it "
					 "without the file while transactions may be in doubt.")));
}

/* Bytes read; fewer than asked for only at the file's end. */
static uint32
read_bytes(int fd, void *into, uint32 size)
{
	uint32		total = 0;

	while (total < size)
	{
		int			got = read(fd, (char *) into + total, size - total);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", PATH)));
		if (got == 0)
			break;
		total += got;
	}
	return total;
}

static char *
read_content(int fd)
{
	Header		header;
	char	   *text;
	char		beyond;

	if (read_bytes(fd, &header, sizeof(header)) != sizeof(header))
		damaged("it is too short");
	if (header.magic != MAGIC)
		damaged("it does not begin as it should");
	if (header.version != VERSION)
		damaged("its format is of another version");
	if (header.length > LENGTH_MAX)
		damaged("its length is impossible");
	text = palloc(header.length + 1);
	if (read_bytes(fd, text, header.length) != header.length)
		damaged("it is too short");
	if (read_bytes(fd, &beyond, 1) != 0)
		damaged("it is too long");
	if (!EQ_CRC32C(crc_of(text, header.length), header.crc))
		damaged("its checksum is wrong");
	text[header.length] = '\0';
	return text;
}

char *
MtmStateFileLoad(void)
{
	int			fd = OpenTransientFile(PATH, O_RDONLY | PG_BINARY);
	char	   *text;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", PATH)));
	text = read_content(fd);
	CloseTransientFile(fd);
	return text;
}

void
MtmStateFolderMake(void)
{
	if (MakePGDirectory(FOLDER) == 0)
		fsync_fname(DataDir, true);
	else if (errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create folder \"%s\": %m", FOLDER)));
}

static void
write_bytes(int fd, const void *from, uint32 size)
{
	errno = 0;
	if (write(fd, from, size) == size)
		return;
	if (errno == 0)
		errno = ENOSPC;			/* as a short write means */
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not write file \"%s\": %m", NEW_PATH)));
}

void
MtmStateFileSave(const char *content)
{
	uint32		length = strlen(content);
	Header		header = {
		.magic = MAGIC,
		.version = VERSION,
		.length = length,
		.crc = crc_of(content, length),
	};
	int			fd;

	if (length > LENGTH_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of the control plane is too long: %u bytes", length)));
	MtmStateFolderMake();
	fd = OpenTransientFile(NEW_PATH, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", NEW_PATH)));
	write_bytes(fd, &header, sizeof(header));
	write_bytes(fd, content, length);
	if (pg_fsync(fd) != 0)
		ereport(data_sync_elevel(ERROR),
				(errcode_for_file_access(),
				 errmsg("could not fsync file \"%s\": %m", NEW_PATH)));
	if (CloseTransientFile(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", NEW_PATH)));
	(void) durable_rename(NEW_PATH, PATH, ERROR);
}
