/*
 * The lease; see lease.h.
 *
 * Runs in: the monitor; backends.
 * Locks: none.
 */
#include "postgres.h"

#include <unistd.h>

#include "monitor/state_file.h"
#include "monotonic_time.h"
#include "node_list.h"
#include "port/atomics.h"
#include "settings.h"
#include "shmem/lease.h"
#include "storage/pmsignal.h"

typedef struct Lease
{
	pg_atomic_uint64 until_ms;	/* 0: none */
	pg_atomic_uint32 needed;
} Lease;

static Lease *lease = NULL;

Size
MtmLeaseSize(void)
{
	return sizeof(Lease);
}

void
MtmLeaseInit(void *at, bool found)
{
	lease = at;
	if (found)
		return;
	pg_atomic_init_u64(&lease->until_ms, 0);
	/* One that was added is never the cluster's first. */
	pg_atomic_init_u32(&lease->needed, access(MTM_STATE_PATH, F_OK) == 0 ||
					   mtm_node_id > MtmFounderCount());
}

void
MtmLeaseSet(int64 until_ms)
{
	pg_atomic_write_u32(&lease->needed, 1);
	pg_atomic_write_u64(&lease->until_ms, until_ms);
}

void
MtmLeaseEnd(void)
{
	pg_atomic_write_u64(&lease->until_ms, 0);
}

bool
MtmLeaseHolds(void)
{
	return PostmasterIsAlive() &&
		MtmNowMs() < (int64) pg_atomic_read_u64(&lease->until_ms);
}

bool
MtmLeaseNeeded(void)
{
	return pg_atomic_read_u32(&lease->needed) != 0;
}
