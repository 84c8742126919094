// mtm.join_node(id, backup_end_lsn): a server that runs as the copy of this node is told so, and
// joins (docs/membership.md, part 4).
import { ask_node } from '../shell/ask_node.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { own_report } from '../shell/own_report.ts';
import { row, rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const SLOT = `
  SELECT confirmed_flush_lsn <= $2::pg_lsn AS early FROM pg_catalog.pg_replication_slots
  WHERE slot_name = 'mtm_slot_' || $1`;
const REACHES = 'SELECT $1::pg_lsn >= $2::pg_lsn AS reaches';
const WAL = 'SELECT mtm.shell_wal_before($1::pg_lsn, $2) AS wal';
const ARRIVED = 'SELECT mtm.copy_arrived() AS arrived';
const SPLIT_FROM = 'SELECT share_split_from AS node FROM mtm.cluster_nodes WHERE id = $1';
const NOWHERE = '0/0';

interface Arguments {
  readonly id: number;
  readonly backup_end: string;
}

/** What the new node says of itself. */
interface Arrived {
  readonly node: number;
  readonly waits: boolean;
  readonly listed: boolean;
  readonly replayed_to: string;
  readonly timeline: number;
  readonly wal: string;
  readonly prepared_change?: string;
}

export function join_node({ id, backup_end }: Arguments): null {
  const config = shell_config();
  const is_listed = listed_nodes(config).some((node) => node.id === id);
  if (!is_listed || id <= config.founders || id === config.node_id) {
    throw new SqlError('22023', `node ${id} is not in the list of nodes as a new one`, {
      hint: 'mtm.add_node() puts it there. It takes effect when its transaction commits.',
    });
  }
  if (!own_report().members_online.includes(config.node_id)) {
    throw new SqlError('55000', 'this node is not online', {
      hint: 'A new node begins as the copy of one that is online, and catches up from it.',
    });
  }
  const split_from = rows(SPLIT_FROM, ['int4'], [id])[0]?.['node'] ?? null;
  if (split_from !== null && split_from !== config.node_id) {
    throw new SqlError('55000', `node ${id} must begin as a copy of node ${String(split_from)}, which shares its sequence values with it`);
  }
  const arrived = ask(id, ARRIVED)['arrived'] as Arrived;
  if (arrived.node !== id) throw new SqlError('55000', `the server that runs there is node ${arrived.node}, not node ${id}`);
  if (!arrived.waits) return null;
  check_copy(config.node_id, id, arrived, backup_end);
  ask(id, `SELECT mtm.begin_copy(${config.node_id}, '${arrived.replayed_to}')`);
  return null;
}

function check_copy(source: number, id: number, arrived: Arrived, backup_end: string): void {
  const { replayed_to, timeline, wal, listed, prepared_change } = arrived;
  if (replayed_to === NOWHERE) {
    throw no_copy(id, 'it was started before as another server, and cannot tell how far it is a copy');
  }
  if (row(REACHES, ['text', 'text'], [replayed_to, backup_end])['reaches'] !== true) {
    throw no_copy(id, `it ends at ${replayed_to}, before the end of the backup`);
  }
  if (!listed) throw no_copy(id, 'its backup was made before mtm.add_node()');
  const [slot] = rows(SLOT, ['text', 'text'], [String(id), replayed_to]);
  if (slot?.['early'] !== true) {
    throw no_copy(id, `its backup was made before node ${source} kept its WAL for it, in slot mtm_slot_${id}`);
  }
  if (row(WAL, ['text', 'int4'], [replayed_to, timeline])['wal'] !== wal) {
    throw no_copy(id, `it is no copy of node ${source}, or was started before as another server`);
  }
  if (prepared_change !== undefined) {
    throw no_copy(id, `a user's prepared transaction "${prepared_change}" has changed the schema: end it`);
  }
}

function no_copy(id: number, why: string): SqlError {
  return new SqlError('55000', `node ${id} cannot join: ${why}`, {
    hint: 'Call mtm.join_node() on the node that was copied, or make another base backup.',
  });
}

function ask(id: number, query: string): Record<string, unknown> {
  const answer = ask_node(id, query, shell_config().connect_ms);
  if ('rows' in answer) return answer.rows[0]!;
  throw new SqlError('08001', `node ${id} cannot be asked: ${answer.failed.trim()}`, {
    hint: `Its server must run, with multimaster.node_id = ${id}.`,
  });
}
