/* The receiver: one background worker per peer. */
#ifndef MTM_RECEIVER_H
#define MTM_RECEIVER_H

#include "postgres.h"

/* Called by the place that monitor/workers.c started (shmem/processes.h). Argument: the peer's node id. */
extern void MtmReceiverMain(Datum peer);

#endif
