// mtm.deadlock_step(): what the deadlock detector's process calls as long as somebody on this
// node waits. What it saw last is kept in its session, on this module.
import { deadlocks, described, unchanged } from '../core/deadlock.ts';
import { lock_waits } from './lock_waits.ts';
import { own_report } from './own_report.ts';
import { rows } from './sql.ts';
import { shell_config } from './shell_config.ts';
import type { LockWait } from '../core/lock_graph.ts';

/** After what may be a circle, and otherwise. */
const CONFIRM_MS = 50;
const LOOK_MS = 1_000;
/** Longer than a session goes on waiting for one of another node that has given up. */
const LASTED_MS = 200;

const END_WAIT = 'SELECT mtm.shell_end_wait($1, $2::timestamptz, $3)';

let before: readonly LockWait[] = [];

/** After how many milliseconds it is to be called again. */
export function deadlock_step(): number {
  const { node_id, heartbeat_recv_ms } = shell_config();
  const nodes = [...new Set([node_id, ...own_report().connected])];
  const now = lock_waits(node_id, nodes, heartbeat_recv_ms, LASTED_MS);
  for (const deadlock of deadlocks(unchanged(before, now))) {
    const { node, waiter_pid, waits_since } = deadlock.victim;
    if (node !== node_id) continue;
    rows(END_WAIT, ['int4', 'text', 'text'], [waiter_pid, waits_since, described(deadlock)]);
  }
  before = now;
  return deadlocks(now).length > 0 ? CONFIRM_MS : LOOK_MS;
}
