/*
 * Where a sequence goes on, on the wire; see sequence_move.h.
 *
 * Runs in: backends (write), apply workers (read).
 * Path: backend/sequence_moves.c -> WAL -> sender/ -> here -> backend/sequence_moves.c
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "wire/sequence_move.h"

static void
send_text(StringInfo out, const char *text)
{
	appendBinaryStringInfo(out, text, strlen(text) + 1);
}

void
MtmSequenceMoveWrite(StringInfo out, const MtmSequenceMove *move)
{
	pq_sendint8(out, move->kind);
	pq_sendint64(out, move->value);
	pq_sendint8(out, move->is_called);
	send_text(out, move->schema);
	send_text(out, move->name);
}

void
MtmSequenceMoveRead(StringInfo in, MtmSequenceMove *move)
{
	move->kind = pq_getmsgbyte(in);
	move->value = pq_getmsgint64(in);
	move->is_called = pq_getmsgbyte(in) != 0;
	move->schema = pq_getmsgrawstring(in);
	move->name = pq_getmsgrawstring(in);
	pq_getmsgend(in);
}
