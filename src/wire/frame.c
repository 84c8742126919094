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
	switch (frame->kind)
	{
		case MTM_FRAME_MARK:
			pq_sendint64(out, frame->generation);
			pq_sendint64(out, frame->end_lsn);
			return;
		case MTM_FRAME_WHOLE:
		case MTM_FRAME_USERS:
			pq_sendint8(out, frame->flags);
			pq_sendint8(out, frame->coordinator);
			pq_sendint32(out, frame->coordinator_xid);
			pq_sendint64(out, frame->coordinator_end_lsn);
			pq_sendint64(out, frame->generation);
			break;
		case MTM_FRAME_PREPARE:
			pq_sendint8(out, frame->flags);
			pq_sendint64(out, frame->generation);
			break;
		default:
			break;
	}
	/* Not pq_sendstring: a gid is in the server encoding on all nodes. */
	appendBinaryStringInfo(out, frame->gid, strlen(frame->gid) + 1);
	pq_sendint64(out, frame->end_lsn);
	pq_sendint64(out, frame->time);
}

static void
read_name(StringInfo in, MtmFrame *frame)
{
	strlcpy(frame->gid, pq_getmsgrawstring(in), MTM_GID_SIZE);
	frame->end_lsn = pq_getmsgint64(in);
	frame->time = pq_getmsgint64(in);
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
		case MTM_FRAME_MARK:
			frame->generation = pq_getmsgint64(in);
			frame->end_lsn = pq_getmsgint64(in);
			break;
		case MTM_FRAME_WHOLE:
		case MTM_FRAME_USERS:
			frame->flags = pq_getmsgbyte(in);
			frame->coordinator = pq_getmsgbyte(in);
			frame->coordinator_xid = pq_getmsgint(in, 4);
			frame->coordinator_end_lsn = pq_getmsgint64(in);
			frame->generation = pq_getmsgint64(in);
			read_name(in, frame);
			break;
		case MTM_FRAME_PREPARE:
			frame->flags = pq_getmsgbyte(in);
			frame->generation = pq_getmsgint64(in);
			read_name(in, frame);
			break;
		case MTM_FRAME_COMMIT:
		case MTM_FRAME_ROLLBACK:
			read_name(in, frame);
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
