// mtm.drop_node(id): take a node out of the list. The list is replicated with the transaction
// that changes it; the control plane of each node follows it (docs/membership.md).
import { difference, intersection, node_set } from '../core/node_set.ts';
import { may_leave } from '../core/configured.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { added_nodes, lock_list } from '../shell/node_list.ts';
import { own_report } from '../shell/own_report.ts';
import { rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const DROP = `
  INSERT INTO mtm.cluster_nodes (id, dropped, reason) VALUES ($1, true, $2)
  ON CONFLICT (id) DO UPDATE SET dropped = true, reason = EXCLUDED.reason`;

export interface Arguments {
  readonly id: number;
}

export function drop_node({ id }: Arguments): null {
  lock_list();
  const listed = node_set([...listed_nodes(shell_config()).map((node) => node.id), ...added_nodes()]);
  if (!listed.includes(id)) throw new SqlError('22023', `there is no node ${id}`);
  check_quorum(id, listed);
  drop(id, null);
  return null;
}

export function drop(id: number, reason: string | null): void {
  rows(DROP, ['int4', 'text'], [id, reason]);
}

export function check_quorum(id: number, listed: readonly number[]): void {
  const { members_online, configured, major } = own_report();
  if (may_leave(id, { online: members_online, configured, listed, major })) return;
  const staying = intersection(difference(members_online, [id]), listed);
  throw no_quorum(
    `without node ${id} no quorum would be left`,
    'Bring other nodes back first. Of two nodes, only the one that is no major_node can be dropped.',
    { staying, configured },
  );
}

export function no_quorum(
  message: string,
  hint: string,
  { staying, configured }: { readonly staying: readonly number[]; readonly configured: readonly number[] },
): SqlError {
  const nodes = staying.length === 0 ? 'nobody' : `node ${staying.join(', ')}`;
  const detail = `Online are then ${nodes}, of the nodes ${configured.join(', ')}.`;
  return new SqlError('55000', message, { detail, hint });
}
