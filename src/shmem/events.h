/*
 * Events for the control plane, in order, taken by the monitor.
 *
 * Runs in: anybody puts; the monitor takes.
 * Locks: MtmEvents.mutex (spinlock) around copies.
 *
 * Link and stream changes are levels, not edges (shmem/peers.h): they cannot be lost. What
 * is queued here may be lost when the ring is full; whoever waits asks again.
 */
#ifndef MTM_EVENTS_H
#define MTM_EVENTS_H

#include "lib/stringinfo.h"
#include "shmem/shared.h"
#include "storage/latch.h"

#define MTM_EVENTS_SIZE (1024 * 1024)

typedef enum MtmEventKind
{
	MTM_EVENT_MESSAGE = 'm',	/* node_id, body = text */
	MTM_EVENT_ORPHAN = 'o',		/* body = gid */
	MTM_EVENT_REFEREE = 'r',	/* node_id = whom it chose, body = generation, digits */
	MTM_EVENT_DECIDE_COMMIT = 'c',	/* body = gid */
	MTM_EVENT_DECIDE_ABORT = 'a'	/* body = gid */
} MtmEventKind;

extern Size MtmEventsSize(void);
extern void MtmEventsInit(void *at, bool found);

extern bool MtmEventPut(MtmEventKind kind, int node_id, const char *body, uint32 length);
/* Monitor. Take appends one event's body to `body`; false when there is none. */
extern bool MtmEventsWaiting(void);
extern bool MtmEventTake(MtmEventKind *kind, int *node_id, StringInfo body);
extern void MtmEventsSetMonitor(Latch *latch);
extern void MtmMonitorWake(void);

#endif
