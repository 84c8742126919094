/* The connection to a peer's walsender; see stream.c. */
#ifndef MTM_STREAM_H
#define MTM_STREAM_H

#include "access/xlogdefs.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

/* Raises on failure, as all here do. The connection lasts as long as the process. */
extern void MtmStreamConnect(int peer);
/* Rows of the first column of a query on it; the list and its strings are palloc'd. */
extern List *MtmStreamQuery(const char *query);
/*
 * Make the slot if this peer was never read before, start streaming: at the peer's mark
 * of the generation, if it has one. Returns a position that everything sent before
 * this lies before.
 */
extern XLogRecPtr MtmStreamOpen(int peer, bool read_before, uint64 generation);
/* Start streaming from the slot's confirmed position, to recover. */
extern void MtmStreamOpenToRecover(XLogRecPtr from);

typedef enum MtmStreamEvent
{
	MTM_STREAM_NOTHING,			/* the timeout passed, or the latch was set */
	MTM_STREAM_FRAME,			/* *frame holds one */
	MTM_STREAM_KEEPALIVE
} MtmStreamEvent;

/*
 * Next event, waiting at most timeout_ms. *position: how far the peer's WAL is
 * decoded as of this event; *reply: the peer wants feedback now. Raises when the connection is lost.
 */
extern MtmStreamEvent MtmStreamNext(StringInfo frame, XLogRecPtr *position,
									bool *reply, long timeout_ms);
/* How far the stream was read, and how far the peer may forget (invalid: no further). */
extern void MtmStreamConfirm(XLogRecPtr received, XLogRecPtr confirmed);

#endif
