// mtm.get_nodes_state(): every node as this one sees it, and the streams between them.
import { bit_mask } from '../core/node_set.ts';
import { lost_nodes } from '../shell/node_list.ts';
import { own_report } from '../shell/own_report.ts';
import { rows, type Row } from '../shell/sql.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { time_of } from '../shell/wall_time.ts';
import type { NodeReport } from '../shell/report.ts';

const PEERS = `
  SELECT node_id, slot_active, slot_lag::text AS slot_lag, stream,
         sender_pid, sender_started::text AS sender_started,
         receiver_pid, receiver_started::text AS receiver_started
  FROM mtm.shell_peers()`;

export function get_nodes_state() {
  const report = own_report();
  const peers = new Map(rows(PEERS).map((peer) => [Number(peer['node_id']), peer]));
  const nodes = listed_nodes(shell_config()).map(({ id, conninfo }) => {
    const node = report.nodes.find((each) => each.id === id) ?? null;
    return {
      id,
      enabled: report.members_online.includes(id),
      connected: report.connected.includes(id),
      ...stream_columns(peers.get(id) ?? null),
      stopped: false,
      ...heartbeat_columns(node),
      conn_str: conninfo,
    };
  });
  const lost = lost_nodes().filter(({ id }) => !nodes.some((node) => node.id === id));
  return [...nodes, ...lost.map(lost_columns)];
}

/** It needs to be rebuilt. */
function lost_columns({ id, reason }: { readonly id: number; readonly reason: string }) {
  const out = { enabled: false, connected: false, slot_active: false, stopped: false, catchup: false };
  return { id, ...out, status: 'dropped', reason };
}

/** Of the node itself there are none. */
function stream_columns(peer: Row | null) {
  return {
    slot_active: peer?.['slot_active'] ?? null,
    slot_lag: peer?.['slot_lag'] ?? null,
    sender_pid: peer?.['sender_pid'] ?? null,
    sender_start_time: peer?.['sender_started'] ?? null,
    receiver_pid: peer?.['receiver_pid'] ?? null,
    receiver_start_time: peer?.['receiver_started'] ?? null,
    // The data plane does not measure it yet.
    avg_trans_delay: null,
  };
}

function heartbeat_columns(node: NodeReport | null) {
  const heard_ms = node?.heard_wall_ms ?? null;
  return {
    status: node?.status ?? null,
    catchup: node?.status === 'catchup',
    generation: node === null || node.generation === 0 ? null : node.generation,
    last_status_change: time_of(node?.status_since_wall_ms ?? null),
    connectivity_mask: node?.connectivity_mask ?? bit_mask([]),
    n_heartbeats: node?.heartbeats ?? 0,
    recovery_lag: node?.recovery?.lag_bytes ?? null,
    recovery_time_left_ms: node?.recovery?.time_left_ms ?? null,
    heartbeat_age_ms: heard_ms === null ? null : Math.max(0, Date.now() - heard_ms),
  };
}
