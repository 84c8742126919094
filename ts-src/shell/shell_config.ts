// The node's settings, as the C side reads them.
import { difference, node_set, type NodeId, type NodeSet } from '../core/node_set.ts';
import { dropped_nodes } from './node_list.ts';
import { row } from './sql.ts';
import type { Config } from '../core/state.ts';

export interface NodeOfSettings {
  readonly id: NodeId;
  readonly conninfo: string;
}

export interface ShellConfig {
  readonly node_id: number;
  /** All nodes that the settings name, and those that were added; without passwords. */
  readonly nodes: readonly NodeOfSettings[];
  /** So many of them the settings name. */
  readonly founders: number;
  /** The modulus of shares of sequence values, before one is split. */
  readonly founder_modulus: number;
  /** Of a new node: whose copy it is; 0: it is none. */
  readonly source: NodeId | 0;
  /** A new node that was not told yet whose copy it is. */
  readonly waits_to_join: boolean;
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

/** The first nodes, which the settings name. */
export function founders({ nodes, founders }: ShellConfig): NodeSet {
  return node_set(nodes.map(({ id }) => id).filter((id) => id <= founders));
}

export function core_config(config: ShellConfig): Config {
  return {
    node_id: config.node_id,
    configured: founders(config),
    listed: difference(founders(config), dropped_nodes()),
    source: config.source,
    cluster_name: config.cluster_name,
    heartbeat_send_ms: config.heartbeat_send_ms,
    heartbeat_recv_ms: config.heartbeat_recv_ms,
    major_node: config.major_node,
    referee: config.referee,
    referee_grace_ms: config.heartbeat_recv_ms,
    min_recovery_lag_bytes: config.min_recovery_lag_kb * 1024,
  };
}
