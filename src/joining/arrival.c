/*
 * A new node before mtm.join_node(); see arrival.h.
 *
 * Runs in: the monitor; mtm.copy_arrived() and mtm.begin_copy() in sessions of another node,
 *          mtm.shell_wal_before() in the session of mtm.join_node().
 * Path: mtm.join_node() on the source -> here -> pg_mtm/copy -> joining/copy.c
 * Locks: none.
 *
 * Where the copy ends only the server knows that has replayed its WAL (docs/membership.md, 4.9),
 * so it is noted at the first start, in pg_mtm/replayed. What was noted may be wrong: somebody
 * started the copy before as a server of its own, or it is the copy of another node. So the
 * last bytes of WAL before that position are compared with the source's; they hold checksums
 * and positions, and are not the same in two histories.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/timeline.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "background.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "joining/arrival.h"
#include "joining/copy.h"
#include "miscadmin.h"
#include "monitor/shell_access.h"
#include "monitor/state_file.h"
#include "node_list.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/pg_lsn.h"

#define REPLAYED MTM_STATE_FOLDER "/replayed"
#define LOOK_MS 200
/* So much WAL is compared. */
#define COMPARED 8192
#define DIGEST_LENGTH (2 * PG_SHA256_DIGEST_LENGTH)

PG_FUNCTION_INFO_V1(mtm_copy_arrived);
PG_FUNCTION_INFO_V1(mtm_begin_copy);
PG_FUNCTION_INFO_V1(mtm_shell_wal_before);

typedef struct Replayed
{
	XLogRecPtr	end;			/* invalid: nobody knows */
	TimeLineID	timeline;
	char		wal[DIGEST_LENGTH + 1];
} Replayed;

static bool
exists(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0;
}

bool
MtmArrivalPending(void)
{
	return mtm_node_id > MtmFounderCount() && !exists(MTM_STATE_PATH) &&
		!exists(MTM_COPY_PATH);
}

/* The checkpoint that ends the replay would remove what the noted digest is of. */
void
MtmArrivalKeepWal(void)
{
	int			needed = 2 * (wal_segment_size / (1024 * 1024));

	if (MtmArrivalPending() && wal_keep_size_mb < needed)
		SetConfigOption("wal_keep_size", psprintf("%d", needed), PGC_POSTMASTER,
						PGC_S_OVERRIDE);
}

static int
open_segment(XLogSegNo segment, TimeLineID timeline)
{
	char		path[MAXPGPATH];
	int			fd;

	XLogFilePath(path, timeline, segment, wal_segment_size);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	/* Where a new timeline began, the file goes on under its name. */
	if (fd < 0 && errno == ENOENT)
	{
		XLogFilePath(path, GetWALInsertionTimeLine(), segment, wal_segment_size);
		fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	}
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	return fd;
}

static char *
digest_of(const void *bytes, int size)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *text = palloc(DIGEST_LENGTH + 1);

	if (!hash || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, bytes, size) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute a digest");
	pg_cryptohash_free(hash);
	text[hex_encode((char *) digest, sizeof(digest), text)] = '\0';
	return text;
}

/* Of the last WAL before the position. */
static char *
wal_before(XLogRecPtr end, TimeLineID timeline)
{
	char		bytes[COMPARED];
	XLogSegNo	segment;
	int			to = XLogSegmentOffset(end - 1, wal_segment_size) + 1;
	int			from = Max(0, to - COMPARED);
	int			fd;

	XLByteToPrevSeg(end, segment, wal_segment_size);
	fd = open_segment(segment, timeline);
	if (pg_pread(fd, bytes, to - from, from) != to - from)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read WAL before %X/%X: %m", LSN_FORMAT_ARGS(end))));
	CloseTransientFile(fd);
	return digest_of(bytes, to - from);
}

static void
write_line(const char *path, const char *line)
{
	char	   *unfinished = psprintf("%s.new", path);
	FILE	   *file;

	MtmStateFolderMake();
	file = AllocateFile(unfinished, "w");
	if (!file || fprintf(file, "%s\n", line) < 0 || FreeFile(file) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", unfinished)));
	(void) durable_rename(unfinished, path, ERROR);
}

static Replayed
read_replayed(void)
{
	Replayed	replayed = {0};
	FILE	   *file = AllocateFile(REPLAYED, "r");
	uint32		high;
	uint32		low;

	if (!file && errno == ENOENT)
		return replayed;
	if (!file || fscanf(file, "%X/%X %u %64s", &high, &low, &replayed.timeline,
						replayed.wal) != 4)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" is damaged", REPLAYED),
				 errhint("Make the copy of the other node anew.")));
	FreeFile(file);
	replayed.end = ((uint64) high << 32) | low;
	return replayed;
}

static void
note_replayed(void)
{
	TimeLineID	timeline;
	XLogRecPtr	end = GetXLogReplayRecPtr(&timeline);

	if (exists(REPLAYED))
		return;
	if (XLogRecPtrIsInvalid(end))
	{
		ereport(WARNING,
				(errmsg("this server was started before as no copy: it cannot tell how far the "
						"copy goes, and cannot join"),
				 errhint("Make the base backup anew.")));
		return;
	}
	write_line(REPLAYED, psprintf("%X/%X %u %s", LSN_FORMAT_ARGS(end), timeline,
								  wal_before(end, timeline)));
}

void
MtmArrivalWait(void)
{
	if (!MtmArrivalPending())
		return;
	StartTransactionCommand();	/* digests need a resource owner */
	note_replayed();
	CommitTransactionCommand();
	ereport(LOG,
			(errmsg("node %d waits for mtm.join_node(%d, ...) on the node that it is a copy of",
					mtm_node_id, mtm_node_id)));
	while (MtmArrivalPending())
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		MtmReloadIfAsked();
	}
}

void
MtmArrivalDone(void)
{
	if (exists(REPLAYED))
		durable_unlink(REPLAYED, LOG);
}

static char *
value_of(const char *query)
{
	if (SPI_execute(query, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look at the copy");
	return SPI_processed == 0 ? NULL :
		SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * A user's prepared transaction could have made sequences, which nobody sees yet: they would
 * give the source's values here as well.
 */
#define PREPARED_CHANGE \
	"SELECT p.gid FROM pg_catalog.pg_prepared_xacts p JOIN pg_catalog.pg_locks l " \
	"ON l.pid IS NULL AND l.virtualtransaction = '-1/' || p.transaction " \
	"WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' " \
	"AND p.gid NOT LIKE 'MTM-%' LIMIT 1"

Datum
mtm_copy_arrived(PG_FUNCTION_ARGS)
{
	StringInfoData json;
	Replayed	replayed;
	char	   *gid;

	MtmShellRequireReplication();
	replayed = read_replayed();
	initStringInfo(&json);
	appendStringInfo(&json, "{\"node\":%d,\"waits\":%s,\"replayed_to\":\"%X/%X\","
					 "\"timeline\":%u,\"wal\":\"%s\"", mtm_node_id,
					 MtmArrivalPending() ? "true" : "false",
					 LSN_FORMAT_ARGS(replayed.end), replayed.timeline, replayed.wal);
	SPI_connect();
	appendStringInfo(&json, ",\"listed\":%s", value_of(psprintf(
		"SELECT true FROM mtm.cluster_nodes WHERE id = %d", mtm_node_id)) ? "true" : "false");
	gid = value_of(PREPARED_CHANGE);
	if (gid)
	{
		appendStringInfoString(&json, ",\"prepared_change\":");
		escape_json(&json, gid);
	}
	SPI_finish();
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

Datum
mtm_begin_copy(PG_FUNCTION_ARGS)
{
	int			source = PG_GETARG_INT32(0);
	XLogRecPtr	end = PG_GETARG_LSN(1);

	MtmShellRequireReplication();
	if (!MtmArrivalPending() || end != read_replayed().end)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node %d does not wait for mtm.join_node()", mtm_node_id)));
	MtmCopyWrite(source, end);
	PG_RETURN_BOOL(true);
}

Datum
mtm_shell_wal_before(PG_FUNCTION_ARGS)
{
	XLogRecPtr	end = PG_GETARG_LSN(0);

	MtmShellRequireSuperuser();
	if (XLogRecPtrIsInvalid(end) || end > GetFlushRecPtr(NULL))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(wal_before(end, PG_GETARG_INT32(1))));
}
