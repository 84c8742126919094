/*
 * Frames and records of the replication stream; see frame.h.
 *
 * Runs in: walsenders (write), receivers and apply workers (read).
 * Path: sender/ -> here -> receiver/, apply/
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "wire/frame.h"

void
MtmFrameWritePart(StringInfo out, TransactionId xid)
{
	pq_sendbyte(out, MTM_FRAME_PART);
	pq_sendint32(out, xid);
}

void
MtmFrameWrite(StringInfo out, const MtmFrame *frame)
{
	pq_sendbyte(out, frame->kind);
	pq_sendint32(out, frame->xid);
	if (frame->kind == MTM_FRAME_PREPARE)
	{
		pq_sendint8(out, frame->flags);
		pq_sendint64(out, frame->generation);
	}
	/* Not pq_sendstring: a gid is in the server encoding on all nodes. */
	appendBinaryStringInfo(out, frame->gid, strlen(frame->gid) + 1);
	pq_sendint64(out, frame->end_lsn);
	pq_sendint64(out, frame->time);
}

void
MtmFrameRead(StringInfo in, MtmFrame *frame)
{
	memset(frame, 0, offsetof(MtmFrame, bytes));
	frame->kind = pq_getmsgbyte(in);
	frame->xid = pq_getmsgint(in, 4);
	switch (frame->kind)
	{
		case MTM_FRAME_PART:
			break;
		case MTM_FRAME_PREPARE:
			frame->flags = pq_getmsgbyte(in);
			frame->generation = pq_getmsgint64(in);
			/* FALLTHROUGH */
		case MTM_FRAME_COMMIT:
		case MTM_FRAME_ROLLBACK:
			strlcpy(frame->gid, pq_getmsgrawstring(in), MTM_GID_SIZE);
			frame->end_lsn = pq_getmsgint64(in);
			frame->time = pq_getmsgint64(in);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("unknown frame \"%c\" in the replication stream",
							frame->kind)));
	}
	frame->bytes = in->data + in->cursor;
	frame->size = in->len - in->cursor;
}

int
MtmRecordBegin(StringInfo out, char kind)
{
	int			position = out->len;

	pq_sendint32(out, 0);
	pq_sendbyte(out, kind);
	return position;
}

void
MtmRecordEnd(StringInfo out, int position)
{
	uint32		length = pg_hton32((uint32) (out->len - position - sizeof(uint32)));

	memcpy(out->data + position, &length, sizeof(length));
}
