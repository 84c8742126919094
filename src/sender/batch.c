/*
 * Several records of WAL, and several messages, at a time.
 *
 * Runs in: walsenders.
 * Path: records of WAL -> here -> sender/plugin.c -> here -> the socket
 * Locks: none.
 *
 * PostgreSQL's walsender decodes one record, writes what came of it, and looks whether the
 * peer has sent something: a system call for each record and one for each message. But a
 * flush of WAL mostly brings several transactions. So when a record is decoded, those that
 * follow it in flushed WAL are, too, and messages wait until that is done.
 *
 *  1. Nothing is waited for meanwhile: a page that is not flushed yet ends it.
 *  2. It ends after MOST_RECORDS: the walsender must look for the peer's answers. And when the
 *     socket does not take what it was asked to write, which the walsender must wait for.
 *  3. Then the walsender asks for a write, as it does after every record. Before that
 *     messages go out when they are many, when a long transaction follows, and when it is a
 *     schema change that is sent: what follows it looks up catalogs, which others may lock
 *     who wait for its end.
 *  4. It happens at the end of a record's decoding, when nothing is left to do for that
 *     record: PostgreSQL goes on from the reader's position, wherever that is.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogreader.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "replication/decode.h"
#include "replication/walsender.h"
#include "sender/batch.h"
#include "utils/memutils.h"

#define MOST_RECORDS 100
#define HOLD_BYTES 8192

typedef void (*Decode) (LogicalDecodingContext *ctx, XLogRecordBuffer *record);

static LogicalDecodingContext *stream = NULL;	/* while there is one */
static XLogPageReadCB read_page = NULL;
static Decode decode_one[RM_MAX_ID + 1];
static bool going_on = false;	/* with the records that follow */
static const PQcommMethods *socket_methods = NULL;
static PQcommMethods methods;
static Size held = 0;			/* bytes that nobody was asked to write */
static bool full = false;		/* the socket did not take all that it was asked to write */

/*---------------------------------------------------------------------------
 * Records.
 */
static int
read_wal(XLogReaderState *state, XLogRecPtr page, int length, XLogRecPtr record, char *into)
{
	if (state->nonblocking && page + length > GetFlushRecPtr(NULL))
		return XLREAD_WOULDBLOCK;
	return read_page(state, page, length, record, into);
}

static void
decode_following(void)
{
	for (int i = 0; i < MOST_RECORDS; i++)
	{
		char	   *error;

		CHECK_FOR_INTERRUPTS();
		if (full || !XLogReadAhead(stream->reader, true) ||
			!XLogReadRecord(stream->reader, &error))
			break;
		LogicalDecodingProcessRecord(stream, stream->reader);
	}
}

static void
decode(LogicalDecodingContext *ctx, XLogRecordBuffer *record)
{
	decode_one[XLogRecGetRmid(record->record)] (ctx, record);
	if (ctx != stream || going_on)
		return;
	going_on = true;
	decode_following();
	going_on = false;
}

/*---------------------------------------------------------------------------
 * Messages.
 */
static bool
may_hold(void)
{
	return going_on && !full && held < HOLD_BYTES;
}

static void
put_message(char type, const char *bytes, size_t length)
{
	held += length;
	socket_methods->putmessage_noblock(type, bytes, length);
}

static int
write_held(void)
{
	int			result = socket_methods->flush_if_writable();

	held = 0;
	full = socket_methods->is_send_pending();
	return result;
}

static int
flush_if_writable(void)
{
	return may_hold() ? 0 : write_held();
}

/* What is held is in nobody's way; a peer that reads slowly must be waited for. */
static bool
is_send_pending(void)
{
	return !may_hold() && socket_methods->is_send_pending();
}

/* An error is met again by the walsender's own next write. */
void
MtmSenderBatchWrite(void)
{
	if (going_on && held > 0)
		(void) write_held();
}

/*---------------------------------------------------------------------------
 * The stream.
 */
static void
end_stream(void *arg)
{
	stream = NULL;
	going_on = false;			/* an error may have left it */
}

static void
install(void)
{
	for (int i = 0; i <= RM_MAX_BUILTIN_ID; i++)
	{
		decode_one[i] = RmgrTable[i].rm_decode;
		if (decode_one[i])
			RmgrTable[i].rm_decode = decode;
	}
	socket_methods = PqCommMethods;
	methods = *socket_methods;
	methods.flush_if_writable = flush_if_writable;
	methods.is_send_pending = is_send_pending;
	methods.putmessage_noblock = put_message;
	PqCommMethods = &methods;
}

void
MtmSenderBatchBegin(LogicalDecodingContext *ctx)
{
	MemoryContextCallback *end;

	if (!am_walsender)
		return;
	if (!socket_methods)
		install();
	end = MemoryContextAllocZero(ctx->context, sizeof(*end));
	end->func = end_stream;
	MemoryContextRegisterResetCallback(ctx->context, end);

	read_page = ctx->reader->routine.page_read;
	ctx->reader->routine.page_read = read_wal;
	stream = ctx;
}
