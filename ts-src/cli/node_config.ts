// The configuration of one node's server: the only place that knows it. `up`, the
// container's entrypoint and the cluster tests take their postgresql.conf and
// pg_hba.conf from here. The server checks the same minimums when it starts.

/** Commit lanes of a receiver; the same number as in the server. */
export const LANES = 4;

/** Outcomes that a lane may have before it; the same number as in the server. */
const LANE_RING = 16;

/** The server's defaults, which the minimums depend on. */
const DEFAULT_MAX_CONNECTIONS = 100;
const DEFAULT_MAX_WORKERS = 100;

export type Settings = Record<string, string | number>;

export interface NodeConfig {
  node_id: number;
  node_count: number;
  /** The value of multimaster.conn_strings; also '@file'. */
  conn_strings: string;
  port: number;
  listen_addresses: string;
  /** null: no socket at all, for a folder whose path is too long for one. */
  socket_dir: string | null;
  /**
   * What output_plugin_libraries is by default on this server; null where the
   * server has no such setting (it came with minor releases).
   */
  output_plugin_libraries: string | null;
  /** Further settings; they win over those from here, and the minimums follow. */
  extra?: Settings;
}

/** So that nodes can be added later without a restart of the others. */
export const ROOM_FOR_NODES = 8;

export function required_settings(
  node_count: number,
  max_connections = DEFAULT_MAX_CONNECTIONS,
  max_workers = DEFAULT_MAX_WORKERS,
): Settings {
  const peers = node_count - 1;
  return {
    wal_level: 'logical',
    max_prepared_transactions: node_count * max_connections + peers * LANES * LANE_RING,
    max_wal_senders: peers + 2,
    max_replication_slots: peers * LANES + 2,
    max_worker_processes: 12 + peers * (1 + LANES) + max_workers,
  };
}

export function node_settings(config: NodeConfig): Settings {
  const extra = config.extra ?? {};
  const max_connections = Number(extra['max_connections'] ?? DEFAULT_MAX_CONNECTIONS);
  const max_workers = Number(extra['multimaster.max_workers'] ?? DEFAULT_MAX_WORKERS);
  return {
    listen_addresses: config.listen_addresses,
    port: config.port,
    unix_socket_directories: config.socket_dir ?? '',
    max_connections,
    password_encryption: 'scram-sha-256',
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] ',
    shared_preload_libraries: 'multimaster',
    ...required_settings(Math.max(config.node_count, ROOM_FOR_NODES), max_connections, max_workers),
    ...trusted_plugins(config.output_plugin_libraries),
    'multimaster.node_id': config.node_id,
    'multimaster.conn_strings': config.conn_strings,
    ...extra,
  };
}

/** Peers, who are not superusers, decode with our plugin: it must be named as trusted. */
function trusted_plugins(defaults: string | null): Settings {
  if (defaults === null) return {};
  return { output_plugin_libraries: `${defaults}, multimaster` };
}

export function node_config_lines(config: NodeConfig): string[] {
  return Object.entries(node_settings(config)).map(
    ([name, value]) => `${name} = ${quote_setting(value)}`,
  );
}

function quote_setting(value: string | number): string {
  if (typeof value === 'number') return String(value);
  return `'${value.replace(/\\/g, '\\\\').replace(/'/g, "''")}'`;
}

/** Passwords for everyone, over the socket and from the given addresses. */
export function hba_lines(addresses: string[], replication_role: string): string[] {
  const lines = ['# type database user address method', 'local all all scram-sha-256'];
  lines.push(`local replication ${replication_role} scram-sha-256`);
  for (const address of addresses) {
    lines.push(`host all all ${address} scram-sha-256`);
    lines.push(`host replication ${replication_role} ${address} scram-sha-256`);
  }
  return lines;
}
