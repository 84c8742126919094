/*
 * The one block of shared memory of a server; see shared.h.
 *
 * Runs in: laid out by the postmaster; every process inherits the addresses.
 * Locks: none here but those of the queue's allocator.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "settings.h"
#include "shmem/added_nodes.h"
#include "shmem/commits.h"
#include "shmem/deadlocks.h"
#include "shmem/events.h"
#include "shmem/hold.h"
#include "shmem/lanes.h"
#include "shmem/lease.h"
#include "shmem/lock_sessions.h"
#include "shmem/outbox.h"
#include "shmem/peers.h"
#include "shmem/shown.h"
#include "shmem/processes.h"
#include "shmem/recovery.h"
#include "shmem/shared.h"
#include "shmem/stop_point.h"
#include "shmem/transactions.h"
#include "shmem/view.h"
#include "shmem/writers.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

/* Locks of this module that have a name in wait events. */
#define TRANCHE "multimaster"

typedef struct Part
{
	const char *name;
	Size		(*size) (void);
	void		(*init) (void *at, bool found);
} Part;

typedef struct Queue
{
	pg_atomic_uint64 used;
	char		area[FLEXIBLE_ARRAY_MEMBER];
} Queue;

/* What stands in front of each allocation. */
typedef struct QueueBlock
{
	uint64		size;
} QueueBlock;

#define QUEUE_HEADER MAXALIGN(sizeof(QueueBlock))

static Queue *queue = NULL;
static dsa_area *queue_area = NULL;

static Size
queue_area_size(void)
{
	return MAXALIGN(Max((Size) mtm_queue_size * 1024, dsa_minimum_size()));
}

static Size
queue_size(void)
{
	return add_size(MAXALIGN(offsetof(Queue, area)), queue_area_size());
}

static void *
queue_place(void)
{
	return (void *) MAXALIGN(queue->area);
}

static void
queue_init(void *at, bool found)
{
	dsa_area   *area;

	queue = at;
	if (found)
		return;
	pg_atomic_init_u64(&queue->used, 0);
	area = dsa_create_in_place(queue_place(), queue_area_size(),
							   MtmNamedLock(MTM_LOCK_QUEUE)->tranche, NULL);
	dsa_pin(area);
	/* Never a segment more: what does not fit waits or goes to disk. */
	dsa_set_size_limit(area, queue_area_size());
	dsa_detach(area);
}

static const Part parts[] = {
	{"multimaster view", MtmViewSize, MtmViewInit},
	{"multimaster lease", MtmLeaseSize, MtmLeaseInit},
	{"multimaster stop point", MtmStopPointSize, MtmStopPointInit},
	{"multimaster commits", MtmCommitsSize, MtmCommitsInit},
	{"multimaster writers", MtmWritersSize, MtmWritersInit},
	{"multimaster deadlocks", MtmDeadlocksSize, MtmDeadlocksInit},
	{"multimaster lock sessions", MtmLockSessionsSize, MtmLockSessionsInit},
	{"multimaster hold", MtmHoldSize, MtmHoldInit},
	{"multimaster transactions state", MtmTransactionsSize, MtmTransactionsInit},
	{"multimaster lanes", MtmLanesSize, MtmLanesInit},
	{"multimaster outboxes", MtmOutboxesSize, MtmOutboxesInit},
	{"multimaster events", MtmEventsSize, MtmEventsInit},
	{"multimaster added nodes", MtmAddedNodesSize, MtmAddedNodesInit},
	{"multimaster peers", MtmPeersSize, MtmPeersInit},
	{"multimaster shown", MtmShownSize, MtmShownInit},
	{"multimaster processes", MtmProcessesSize, MtmProcessesInit},
	{"multimaster recovery", MtmRecoverySize, MtmRecoveryInit},
	{"multimaster queue", queue_size, queue_init},
};

void
MtmSharedRequest(void)
{
	for (int i = 0; i < lengthof(parts); i++)
		RequestAddinShmemSpace(add_size(parts[i].size(), PG_CACHE_LINE_SIZE));
	RequestAddinShmemSpace(MtmTransactionsTableSize());
	RequestNamedLWLockTranche(TRANCHE, MTM_LOCKS);
}

void
MtmSharedStartup(void)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < lengthof(parts); i++)
	{
		bool		found;
		void	   *at = ShmemInitStruct(parts[i].name, parts[i].size(), &found);

		parts[i].init(at, found);
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
MtmSharedReady(void)
{
	return queue != NULL;
}

LWLock *
MtmNamedLock(MtmLockName name)
{
	return &GetNamedLWLockTranche(TRANCHE)[name].lock;
}

int
MtmNodeSetSize(MtmNodeSet set)
{
	return pg_popcount64(set);
}

dsa_area *
MtmQueueArea(void)
{
	MemoryContext old;

	if (queue_area)
		return queue_area;
	old = MemoryContextSwitchTo(TopMemoryContext);
	queue_area = dsa_attach_in_place(queue_place(), NULL);
	dsa_pin_mapping(queue_area);
	MemoryContextSwitchTo(old);
	on_shmem_exit(dsa_on_shmem_exit_release_in_place,
				  PointerGetDatum(queue_place()));
	return queue_area;
}

dsa_pointer
MtmQueueAllocate(Size size)
{
	dsa_area   *area = MtmQueueArea();
	Size		whole = add_size(size, QUEUE_HEADER);
	dsa_pointer start;
	QueueBlock *block;

	start = dsa_allocate_extended(area, whole, DSA_ALLOC_NO_OOM | DSA_ALLOC_HUGE);
	if (!DsaPointerIsValid(start))
		return InvalidDsaPointer;
	block = dsa_get_address(area, start);
	block->size = whole;
	pg_atomic_fetch_add_u64(&queue->used, whole);
	return start + QUEUE_HEADER;
}

void
MtmQueueFree(dsa_pointer pointer)
{
	dsa_area   *area = MtmQueueArea();
	dsa_pointer start = pointer - QUEUE_HEADER;
	QueueBlock *block = dsa_get_address(area, start);

	pg_atomic_fetch_sub_u64(&queue->used, block->size);
	dsa_free(area, start);
}

Size
MtmQueueUsed(void)
{
	return pg_atomic_read_u64(&queue->used);
}
