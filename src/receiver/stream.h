/* The connection to a peer's walsender; see stream.c. */
#ifndef MTM_STREAM_H
#define MTM_STREAM_H

#include "access/xlogdefs.h"
#include "lib/stringinfo.h"

/*
 * Connect, make the slot if this peer was never read before, start streaming.
 * Returns a position that everything sent before this lies before. Raises on failure.
 */
extern XLogRecPtr MtmStreamOpen(int peer, bool read_before);

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
extern void MtmStreamConfirm(XLogRecPtr confirmed);

#endif
