// mtm.get_cluster_state(): the cluster as this node sees it, in one row.
import { bit_mask, difference } from '../core/node_set.ts';
import { in_doubt } from './in_doubt.ts';
import { own_report } from '../shell/own_report.ts';
import { row, rows, to_number } from '../shell/sql.ts';
import { time_of } from '../shell/wall_time.ts';
import type { NodeReport, Report } from '../shell/report.ts';

const POOL = `
  SELECT active, pending, size::text AS size, used::text AS used FROM mtm.shell_pool()`;

const COUNTERS = `
  SELECT commits::text AS commits, aborts::text AS aborts, conflicts::text AS conflicts,
         applied::text AS applied, refused::text AS refused, handed_over::text AS handed_over
  FROM mtm.shell_counters()`;

/** Peers that have no replication slot here any more. */
const STALLED = 'SELECT node_id FROM mtm.shell_peers() WHERE slot_lag IS NULL';

export function get_cluster_state() {
  const report = own_report();
  const pool = row(POOL);
  const counters = row(COUNTERS);
  const stalled = rows(STALLED).map(({ node_id }) => Number(node_id));
  return {
    id: report.node_id,
    status: report.status,
    reason: report.reason,
    ...masks(report),
    stalled_node_mask: bit_mask(stalled),
    live_nodes: report.connected.length,
    all_nodes: report.configured.length,
    generation: report.generation,
    gen_members: report.members,
    incarnation: report.incarnation,
    in_doubt: in_doubt().length,
    trans_count: to_number(counters['commits']) + to_number(counters['applied']),
    ...counters,
    n_active_queries: pool['active'],
    n_pending_queries: pool['pending'],
    queue_used: pool['used'],
    queue_size: pool['size'],
    last_status_change: time_of(report.status_since_wall_ms),
    config_changes: report.generations_seen,
  };
}

function masks(report: Report) {
  const where = (is: (node: NodeReport) => boolean) =>
    bit_mask(report.nodes.filter(is).map(({ id }) => id));
  return {
    disabled_node_mask: bit_mask(difference(report.configured, report.members)),
    disconnected_node_mask: bit_mask(difference(report.configured, report.connected)),
    catchup_node_mask: where(({ status }) => status === 'catchup'),
    // No node can be taken out for maintenance yet.
    stopped_node_mask: 0,
    dead_node_mask: where(({ link }) => !link),
  };
}
