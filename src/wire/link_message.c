/*
 * Messages on the link; see link_message.h.
 *
 * Runs in: writers are backends, apply workers, lanes, the monitor and the link
 *          sender; the reader is the link receiver.
 * Path: caller -> shmem/outbox.c -> link/sender.c -> link/receiver.c -> read here
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "shmem/outbox.h"
#include "utils/memutils.h"
#include "wire/link_message.h"

/* The message being written; one buffer is kept, a vote must not cost an allocation. */
static StringInfo
begin_message(char kind)
{
	static StringInfoData buffer;

	if (!buffer.data)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&buffer);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&buffer);
	appendStringInfoChar(&buffer, kind);
	return &buffer;
}

static StringInfo
begin_transaction_message(char kind, TransactionId xid, uint64 generation)
{
	StringInfo	out = begin_message(kind);

	pq_sendint32(out, xid);
	pq_sendint64(out, generation);
	return out;
}

/* Not pq_sendstring, which converts to the client's encoding. */
static void
write_text(StringInfo out, const char *text)
{
	appendBinaryStringInfo(out, text, strlen(text) + 1);
}

bool
MtmSendYes(int node_id, TransactionId xid, uint64 generation)
{
	StringInfo	out = begin_transaction_message(MTM_LINK_YES, xid, generation);

	return MtmOutboxPut(node_id, out->data, out->len);
}

static bool
send_refusal(char kind, int node_id, TransactionId xid, uint64 generation,
			 const MtmRefusal *refusal)
{
	StringInfo	out = begin_transaction_message(kind, xid, generation);

	pq_sendint32(out, refusal->sqlstate);
	write_text(out, refusal->message);
	write_text(out, refusal->detail);
	write_text(out, refusal->hint);
	return MtmOutboxPut(node_id, out->data, out->len);
}

bool
MtmSendNo(int node_id, TransactionId xid, uint64 generation,
		  const MtmRefusal *refusal)
{
	return send_refusal(MTM_LINK_NO, node_id, xid, generation, refusal);
}

bool
MtmSendWound(int node_id, TransactionId xid, uint64 generation,
			 const MtmRefusal *refusal)
{
	return send_refusal(MTM_LINK_WOUND, node_id, xid, generation, refusal);
}

bool
MtmSendUndo(int node_id, TransactionId xid, uint64 generation, const char *gid,
			XLogRecPtr lsn)
{
	StringInfo	out = begin_transaction_message(MTM_LINK_UNDO, xid, generation);

	write_text(out, gid);
	pq_sendint64(out, lsn);
	return MtmOutboxPut(node_id, out->data, out->len);
}

bool
MtmSendUndone(int node_id, TransactionId xid, uint64 generation)
{
	StringInfo	out = begin_transaction_message(MTM_LINK_UNDONE, xid, generation);

	return MtmOutboxPut(node_id, out->data, out->len);
}

static bool
send_number(int node_id, char kind, uint64 number)
{
	StringInfo	out = begin_message(kind);

	pq_sendint64(out, number);
	return MtmOutboxPut(node_id, out->data, out->len);
}

bool
MtmSendAskShown(int node_id, XLogRecPtr up_to)
{
	return send_number(node_id, MTM_LINK_ASK_SHOWN, up_to);
}

bool
MtmSendShown(int node_id, XLogRecPtr shown)
{
	return send_number(node_id, MTM_LINK_SHOWN, shown);
}

bool
MtmSendAskNewest(int node_id, uint64 number)
{
	return send_number(node_id, MTM_LINK_ASK_NEWEST, number);
}

bool
MtmSendNewest(int node_id, uint64 number, uint64 generation, XLogRecPtr newest)
{
	StringInfo	out = begin_message(MTM_LINK_NEWEST);

	pq_sendint64(out, number);
	pq_sendint64(out, generation);
	pq_sendint64(out, newest);
	return MtmOutboxPut(node_id, out->data, out->len);
}

bool
MtmSendControl(int node_id, const char *text)
{
	StringInfo	out = begin_message(MTM_LINK_CONTROL);

	write_text(out, text);
	return MtmOutboxPut(node_id, out->data, out->len);
}

static const char *
read_text(StringInfo in)
{
	const char *text = in->data + in->cursor;
	const char *end = memchr(text, '\0', in->len - in->cursor);

	if (!end)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("malformed message of another node: a string does not end")));
	in->cursor += end - text + 1;
	return text;
}

/* Cut to size and made valid in this database's encoding: it goes to clients. */
static void
read_text_into(StringInfo in, char *into, int size)
{
	const char *text = read_text(in);
	int			length = strlen(text);

	if (!pg_verifymbstr(text, length, true))
	{
		int			i;

		for (i = 0; i < length && i < size - 1; i++)
			into[i] = IS_HIGHBIT_SET(text[i]) ? '?' : text[i];
		into[i] = '\0';
		return;
	}
	length = pg_mbcliplen(text, length, size - 1);
	memcpy(into, text, length);
	into[length] = '\0';
}

static void
read_gid(StringInfo in, char gid[MTM_GID_SIZE])
{
	const char *text = read_text(in);

	if (strlcpy(gid, text, MTM_GID_SIZE) >= MTM_GID_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("malformed message of another node: gid is too long")));
}

static void
read_refusal(StringInfo in, MtmRefusal *refusal)
{
	memset(refusal, 0, sizeof(MtmRefusal));
	refusal->sqlstate = pq_getmsgint(in, 4);
	read_text_into(in, refusal->message, sizeof(refusal->message));
	read_text_into(in, refusal->detail, sizeof(refusal->detail));
	read_text_into(in, refusal->hint, sizeof(refusal->hint));
}

static void
read_transaction_message(StringInfo in, MtmLinkMessage *message)
{
	message->xid = pq_getmsgint(in, 4);
	message->generation = pq_getmsgint64(in);
	if (message->kind == MTM_LINK_UNDO)
	{
		read_gid(in, message->gid);
		message->lsn = pq_getmsgint64(in);
	}
	else if (message->kind == MTM_LINK_NO || message->kind == MTM_LINK_WOUND)
		read_refusal(in, &message->refusal);
}

void
MtmLinkMessageRead(StringInfo in, MtmLinkMessage *message)
{
	message->kind = pq_getmsgbyte(in);
	switch (message->kind)
	{
		case MTM_LINK_CONTROL:
			message->text = read_text(in);
			break;
		case MTM_LINK_YES:
		case MTM_LINK_NO:
		case MTM_LINK_UNDO:
		case MTM_LINK_UNDONE:
		case MTM_LINK_WOUND:
			read_transaction_message(in, message);
			break;
		case MTM_LINK_ASK_SHOWN:
		case MTM_LINK_SHOWN:
			message->lsn = pq_getmsgint64(in);
			break;
		case MTM_LINK_ASK_NEWEST:
			message->number = pq_getmsgint64(in);
			break;
		case MTM_LINK_NEWEST:
			message->number = pq_getmsgint64(in);
			message->generation = pq_getmsgint64(in);
			message->lsn = pq_getmsgint64(in);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("malformed message of another node: unknown kind %d",
							message->kind)));
	}
	pq_getmsgend(in);
}
