/*
 * Events for the control plane; see events.h.
 *
 * Runs in: anybody puts; the monitor takes.
 * Path: link/receiver.c, backend/drive.c -> here -> monitor/monitor.c
 * Locks: MtmEvents.mutex around copies into the ring. Copies out of it need none:
 *        there is one taker, and nobody writes between its two positions.
 */
#include "postgres.h"

#include "shmem/events.h"
#include "storage/spin.h"

typedef struct EventHeader
{
	uint32		length;
	int16		node_id;
	char		kind;
} EventHeader;

typedef struct MtmEvents
{
	slock_t		mutex;
	Latch	   *monitor;
	uint64		put;			/* bytes ever put; position modulo the size */
	uint64		taken;
	char		ring[MTM_EVENTS_SIZE];
} MtmEvents;

static MtmEvents *events = NULL;

Size
MtmEventsSize(void)
{
	return sizeof(MtmEvents);
}

void
MtmEventsInit(void *at, bool found)
{
	events = at;
	if (found)
		return;
	SpinLockInit(&events->mutex);
	events->monitor = NULL;
	events->put = events->taken = 0;
}

static void
ring_write(uint64 position, const void *bytes, uint32 length)
{
	uint32		at = position % MTM_EVENTS_SIZE;
	uint32		first = Min(length, MTM_EVENTS_SIZE - at);

	memcpy(events->ring + at, bytes, first);
	memcpy(events->ring, (const char *) bytes + first, length - first);
}

static void
ring_read(uint64 position, void *bytes, uint32 length)
{
	uint32		at = position % MTM_EVENTS_SIZE;
	uint32		first = Min(length, MTM_EVENTS_SIZE - at);

	memcpy(bytes, events->ring + at, first);
	memcpy((char *) bytes + first, events->ring, length - first);
}

bool
MtmEventPut(MtmEventKind kind, int node_id, const char *body, uint32 length)
{
	EventHeader header = {.length = length, .node_id = node_id, .kind = kind};
	uint64		whole = (uint64) sizeof(header) + length;
	Latch	   *wake = NULL;
	bool		put;

	SpinLockAcquire(&events->mutex);
	put = events->put - events->taken + whole <= MTM_EVENTS_SIZE;
	if (put)
	{
		ring_write(events->put, &header, sizeof(header));
		ring_write(events->put + sizeof(header), body, length);
		events->put += whole;
		wake = events->monitor;
	}
	SpinLockRelease(&events->mutex);
	if (wake)
		SetLatch(wake);
	return put;
}

bool
MtmEventsWaiting(void)
{
	bool		any;

	SpinLockAcquire(&events->mutex);
	any = events->put != events->taken;
	SpinLockRelease(&events->mutex);
	return any;
}

bool
MtmEventTake(MtmEventKind *kind, int *node_id, StringInfo body)
{
	EventHeader header;
	uint64		from;
	bool		any;

	SpinLockAcquire(&events->mutex);
	from = events->taken;
	any = events->put != from;
	SpinLockRelease(&events->mutex);
	if (!any)
		return false;

	ring_read(from, &header, sizeof(header));
	enlargeStringInfo(body, header.length);
	ring_read(from + sizeof(header), body->data + body->len, header.length);
	body->len += header.length;
	body->data[body->len] = '\0';
	*kind = (MtmEventKind) header.kind;
	*node_id = header.node_id;

	SpinLockAcquire(&events->mutex);
	events->taken = from + sizeof(header) + header.length;
	SpinLockRelease(&events->mutex);
	return true;
}

void
MtmEventsSetMonitor(Latch *latch)
{
	SpinLockAcquire(&events->mutex);
	events->monitor = latch;
	SpinLockRelease(&events->mutex);
}

void
MtmMonitorWake(void)
{
	Latch	   *wake;

	SpinLockAcquire(&events->mutex);
	wake = events->monitor;
	SpinLockRelease(&events->mutex);
	if (wake)
		SetLatch(wake);
}
