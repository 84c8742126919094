// mtm.drop_node(id): take a node out of the list. The list is replicated with the transaction
// that changes it; the control plane of each node follows it (docs/membership.md).
import { difference, intersection } from '../core/node_set.ts';
import { is_quorum } from '../core/quorum.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { LOCK_LIST } from '../shell/node_list.ts';
import { own_report } from '../shell/own_report.ts';
import { rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const DROP = `
  INSERT INTO mtm.cluster_nodes (id, dropped) VALUES ($1, true)
  ON CONFLICT (id) DO UPDATE SET dropped = true`;

interface Arguments {
  readonly id: number;
}

export function drop_node({ id }: Arguments): null {
  rows(LOCK_LIST);
  const config = shell_config();
  const listed = listed_nodes(config).map((node) => node.id);
  if (!listed.includes(id)) throw new SqlError('22023', `there is no node ${id}`);
  check_quorum(id, listed);
  rows(DROP, ['int4'], [id]);
  return null;
}

/** The members without it must be a quorum of the old set as well as of the new one. */
function check_quorum(id: number, listed: readonly number[]): void {
  const { members_online, configured, major } = own_report();
  const staying = intersection(difference(members_online, [id]), listed);
  const left = intersection(difference(configured, [id]), listed);
  if (is_quorum(configured, staying, major) && is_quorum(left, staying, major)) return;
  const nodes = staying.length === 0 ? 'nobody' : `node ${staying.join(', ')}`;
  throw new SqlError('55000', `without node ${id} no quorum would be left`, {
    detail: `Online are then ${nodes}, of the nodes ${configured.join(', ')}.`,
    hint: 'Bring other nodes back first. Of two nodes, only the one that is no major_node can be dropped.',
  });
}
