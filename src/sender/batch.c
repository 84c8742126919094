/*
 * When a walsender of ours writes to its peer.
 *
 * Runs in: walsenders.
 * Path: sender/plugin.c -> here -> the socket
 * Locks: none.
 *
 * PostgreSQL writes every message at once, which costs a system call and may wake the
 * peer's receiver. But a flush of WAL mostly brings several transactions: while there is
 * more WAL to decode, messages are held back for a moment.
 *
 * What is held goes out, at the latest:
 *  1. before the walsender sleeps. It sleeps while it reads WAL that is not there yet,
 *     and asks for a write before; in there nothing is held;
 *  2. when it has caught up: PostgreSQL asks for a write after every record;
 *  3. after HOLD_US, or when HOLD_BYTES wait.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogreader.h"
#include "libpq/libpq.h"
#include "replication/walsender.h"
#include "sender/batch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define HOLD_US 500
#define HOLD_BYTES 8192

static XLogReaderState *reader = NULL;	/* of the stream, while there is one */
static XLogPageReadCB read_page = NULL;
static bool reading = false;
static const PQcommMethods *socket_methods = NULL;
static PQcommMethods methods;
static Size held = 0;			/* bytes that nobody was asked to write */
static TimestampTz held_since;

static bool
may_hold(void)
{
	return held > 0 && held < HOLD_BYTES && reader && !reading &&
		reader->EndRecPtr < GetFlushRecPtr(NULL) &&
		GetCurrentTimestamp() - held_since < HOLD_US;
}

static void
put_message(char type, const char *bytes, size_t length)
{
	if (held == 0)
		held_since = GetCurrentTimestamp();
	held += length;
	socket_methods->putmessage_noblock(type, bytes, length);
}

static int
flush_if_writable(void)
{
	if (may_hold())
		return 0;
	held = 0;
	return socket_methods->flush_if_writable();
}

/* What is held is not in anybody's way. */
static bool
is_send_pending(void)
{
	return !may_hold() && socket_methods->is_send_pending();
}

static int
read_wal(XLogReaderState *state, XLogRecPtr page, int length, XLogRecPtr record, char *into)
{
	int			count;

	reading = true;
	count = read_page(state, page, length, record, into);
	reading = false;
	return count;
}

static void
forget_reader(void *arg)
{
	reader = NULL;
}

void
MtmSenderBatchBegin(LogicalDecodingContext *ctx)
{
	MemoryContextCallback *end;

	if (!am_walsender)
		return;
	if (!socket_methods)
	{
		socket_methods = PqCommMethods;
		methods = *socket_methods;
		methods.flush_if_writable = flush_if_writable;
		methods.is_send_pending = is_send_pending;
		methods.putmessage_noblock = put_message;
		PqCommMethods = &methods;
	}
	end = MemoryContextAllocZero(ctx->context, sizeof(*end));
	end->func = forget_reader;
	MemoryContextRegisterResetCallback(ctx->context, end);

	reader = ctx->reader;
	read_page = reader->routine.page_read;
	reader->routine.page_read = read_wal;
	/* An error may have left it. */
	reading = false;
}
