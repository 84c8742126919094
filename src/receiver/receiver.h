/* The receiver: one background worker per peer. */
#ifndef MTM_RECEIVER_H
#define MTM_RECEIVER_H

#include "postgres.h"

/* Argument: the peer's node id. */
extern PGDLLEXPORT void MtmReceiverMain(Datum peer);

#endif
