// The node's settings, as the C side reads them.
import { node_set } from '../core/node_set.ts';
import { row } from './sql.ts';
import type { Config } from '../core/state.ts';

export interface ShellConfig {
  readonly node_id: number;
  /** Without passwords. */
  readonly nodes: readonly { readonly id: number; readonly conninfo: string }[];
  readonly cluster_name: string;
  readonly heartbeat_send_ms: number;
  readonly heartbeat_recv_ms: number;
  readonly connect_ms: number;
  readonly major_node: boolean;
  readonly min_recovery_lag_kb: number;
  readonly version: string;
}

export function shell_config(): ShellConfig {
  return row('SELECT mtm.shell_config() AS config')['config'] as ShellConfig;
}

export function core_config(config: ShellConfig): Config {
  return {
    node_id: config.node_id,
    configured: node_set(config.nodes.map(({ id }) => id)),
    cluster_name: config.cluster_name,
    heartbeat_send_ms: config.heartbeat_send_ms,
    heartbeat_recv_ms: config.heartbeat_recv_ms,
    major_node: config.major_node,
    // The server has no setting for one yet.
    referee: false,
    min_recovery_lag_bytes: config.min_recovery_lag_kb * 1024,
  };
}
