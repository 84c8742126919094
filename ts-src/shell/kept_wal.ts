// What the monitor does about WAL that is kept for nodes that are away (core/kept_wal.ts).
import { judge_kept_wal, type Watches } from '../core/kept_wal.ts';
import { row, rows, to_number } from './sql.ts';
import type { Control } from '../core/control.ts';
import type { ServerWorld } from './server_world.ts';

const MOST = `
  SELECT pg_catalog.pg_size_bytes(
    pg_catalog.current_setting('multimaster.max_recovery_lag'))::text AS most`;
const KEPT = `
  SELECT node_id, slot_lag::text AS kept FROM mtm.shell_peers() WHERE slot_lag IS NOT NULL`;
const START_DROP = 'SELECT mtm.shell_start_drop($1) AS started';

let watches: Watches = {};

/** multimaster.max_recovery_lag in bytes. */
export function most_kept(): number {
  return to_number(row(MOST)['most']);
}

export function follow_kept_wal({ state }: Control, world: ServerWorld): void {
  const kept = Object.fromEntries(
    rows(KEPT).map(({ node_id, kept }) => [Number(node_id), to_number(kept)]),
  );
  const judged = judge_kept_wal(state, watches, {
    now_ms: world.now_ms,
    most: most_kept(),
    kept,
  });
  watches = judged.watches;
  for (const warning of judged.warnings) world.log('warning', warning);
  for (const id of judged.drop) {
    if (row(START_DROP, ['int4'], [id])['started'] === true) continue;
    world.log('warning', `node ${id} cannot be dropped now: increase max_worker_processes`);
  }
}
