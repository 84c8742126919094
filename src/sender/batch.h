/* Frames of a walsender of ours that go out in one piece; see batch.c. */
#ifndef MTM_SENDER_BATCH_H
#define MTM_SENDER_BATCH_H

#include "replication/logical.h"

/* When the stream to a peer starts; it ends with the context. */
extern void MtmSenderBatchBegin(LogicalDecodingContext *ctx);

#endif
