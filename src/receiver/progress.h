/*
 * What the lanes had executed when streaming (re)started: the stream repeats
 * some of it, and nothing may be applied twice (I8).
 *
 * Runs in: the receiver.
 */
#ifndef MTM_PROGRESS_H
#define MTM_PROGRESS_H

#include "shmem/lanes.h"

/* The name of a lane's replication origin. */
extern void MtmLaneOriginName(int peer, int lane, char name[NAMEDATALEN]);

/*
 * Read the durable progress of the peer's lanes; waits until all lanes exist and have
 * nothing left to do. True when any outcome of this peer was ever executed here.
 */
extern bool MtmProgressLoad(int peer);
extern XLogRecPtr MtmProgressOf(int lane);

#endif
