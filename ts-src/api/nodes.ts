// mtm.nodes(), mtm.node_info(id): every node, and the processes that serve it here.
import { own_report } from '../shell/own_report.ts';
import { row, rows, type Row } from '../shell/sql.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { SqlError } from '../shell/sql_error.ts';

const PEERS = 'SELECT node_id, sender_pid, receiver_pid, stream FROM mtm.shell_peers()';

interface Arguments {
  readonly id: number | null;
}

/** All of them, or the one with this id. */
export function nodes({ id: wanted }: Arguments) {
  const config = shell_config();
  const listed = listed_nodes(config);
  if (wanted !== null && !listed.some(({ id }) => id === wanted)) {
    throw new SqlError('22023', `there is no node ${wanted}`);
  }
  const report = own_report();
  const peers = new Map(rows(PEERS).map((peer) => [Number(peer['node_id']), peer]));
  const { workers } = row('SELECT workers FROM mtm.shell_pool()');
  const all = listed.map(({ id, conninfo }) => {
    const peer = peers.get(id) ?? null;
    const enabled = report.members_online.includes(id);
    return {
      id,
      conninfo,
      is_self: id === config.node_id,
      enabled,
      connected: report.connected.includes(id),
      sender_pid: peer?.['sender_pid'] ?? null,
      receiver_pid: peer?.['receiver_pid'] ?? null,
      // One pool serves all peers.
      n_workers: peer === null ? null : workers,
      receiver_mode: peer === null ? null : receiver_mode(peer, report.status),
    };
  });
  return all.filter(({ id }) => wanted === null || id === wanted);
}

function receiver_mode(peer: Row, status: string): string {
  if (peer['stream'] !== true) return 'disabled';
  return status === 'catchup' || status === 'recovery' ? 'recovery' : 'normal';
}
