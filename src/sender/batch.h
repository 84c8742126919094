/* A walsender of ours does more at a time; see batch.c. */
#ifndef MTM_SENDER_BATCH_H
#define MTM_SENDER_BATCH_H

#include "replication/logical.h"

/* When the stream to a peer starts; it ends with the context. */
extern void MtmSenderBatchBegin(LogicalDecodingContext *ctx);
/* What is held must not wait for what follows. */
extern void MtmSenderBatchWrite(void);

#endif
