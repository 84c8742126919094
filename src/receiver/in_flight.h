/*
 * What this receiver handed out and is not durable here yet, in stream order:
 * decides how far the peer may forget.
 *
 * Runs in: the receiver.
 */
#ifndef MTM_IN_FLIGHT_H
#define MTM_IN_FLIGHT_H

#include "shmem/lanes.h"

extern void MtmInFlightPrepare(const MtmTransactionKey *key, XLogRecPtr end_lsn);
extern void MtmInFlightOutcome(int peer, int lane, uint64 number, XLogRecPtr end_lsn);
/*
 * Everything before the returned position is done here, and durable once the lanes'
 * records are flushed (MtmLanesFlush). `received` is how far the stream was read.
 */
extern XLogRecPtr MtmInFlightDone(XLogRecPtr received);
extern int	MtmInFlightCount(void);

#endif
