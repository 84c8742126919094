// The node's settings, as the C side reads them.
import { difference, node_set, type NodeId } from '../core/node_set.ts';
import { dropped_nodes } from './node_list.ts';
import { row } from './sql.ts';
import type { Config } from '../core/state.ts';

export interface NodeOfSettings {
  readonly id: NodeId;
  readonly conninfo: string;
}

export interface ShellConfig {
  readonly node_id: number;
  /** All nodes that the settings name; without passwords. */
  readonly nodes: readonly NodeOfSettings[];
  readonly cluster_name: string;
  readonly heartbeat_send_ms: number;
  readonly heartbeat_recv_ms: number;
  readonly connect_ms: number;
  readonly major_node: boolean;
  readonly referee: boolean;
  readonly min_recovery_lag_kb: number;
  readonly version: string;
}

export function shell_config(): ShellConfig {
  return row('SELECT mtm.shell_config() AS config')['config'] as ShellConfig;
}

/** The nodes in the list; this one in any case. */
export function listed_nodes({ nodes, node_id }: ShellConfig): readonly NodeOfSettings[] {
  const dropped = dropped_nodes();
  return nodes.filter(({ id }) => id === node_id || !dropped.includes(id));
}

export function core_config(config: ShellConfig): Config {
  const nodes = node_set(config.nodes.map(({ id }) => id));
  return {
    node_id: config.node_id,
    configured: nodes,
    listed: difference(nodes, dropped_nodes()),
    source: 0,
    cluster_name: config.cluster_name,
    heartbeat_send_ms: config.heartbeat_send_ms,
    heartbeat_recv_ms: config.heartbeat_recv_ms,
    major_node: config.major_node,
    referee: config.referee,
    min_recovery_lag_bytes: config.min_recovery_lag_kb * 1024,
  };
}
