/*
 * mtm.shell_pool(), mtm.shell_counters(): one row each.
 *
 * Runs in: any session.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "monitor/rows.h"
#include "monitor/shell_access.h"
#include "settings.h"
#include "shmem/peers.h"
#include "shmem/transactions.h"
#include "shmem/worker_pool.h"

PG_FUNCTION_INFO_V1(mtm_shell_pool);
PG_FUNCTION_INFO_V1(mtm_shell_counters);

Datum
mtm_shell_pool(PG_FUNCTION_ARGS)
{
	MtmPoolStats pool;
	MtmRow		row;

	MtmShellRequireConfigured();
	InitMaterializedSRF(fcinfo, 0);
	pool = MtmPoolStatsGet();
	MtmRowBegin(&row);
	MtmRowAddInt32(&row, pool.workers);
	MtmRowAddInt32(&row, pool.active);
	MtmRowAddInt32(&row, pool.pending);
	MtmRowAddInt64(&row, (int64) mtm_queue_size * 1024);
	MtmRowAddInt64(&row, MtmQueueUsed());
	MtmRowAddInt64(&row, pool.spilled);
	MtmRowAddInt32(&row, pool.max_workers);
	MtmRowPut(fcinfo, &row);
	return (Datum) 0;
}

Datum
mtm_shell_counters(PG_FUNCTION_ARGS)
{
	MtmCounters *counters;
	MtmRow		row;

	MtmShellRequireConfigured();
	InitMaterializedSRF(fcinfo, 0);
	counters = MtmCountersGet();
	MtmRowBegin(&row);
	MtmRowAddInt64(&row, pg_atomic_read_u64(&counters->commits));
	MtmRowAddInt64(&row, pg_atomic_read_u64(&counters->aborts));
	MtmRowAddInt64(&row, pg_atomic_read_u64(&counters->conflicts));
	MtmRowAddInt64(&row, pg_atomic_read_u64(&counters->applied));
	MtmRowAddInt64(&row, pg_atomic_read_u64(&counters->refused));
	MtmRowAddInt64(&row, pg_atomic_read_u64(&counters->handed_over));
	MtmRowPut(fcinfo, &row);
	return (Datum) 0;
}
