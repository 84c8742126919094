// mtm.stop_node(id, drop_slot): out of the members for now, but not out of the cluster. As with
// mtm.drop_node(), the list says so, and the control plane of each node follows it.
import { difference } from '../core/node_set.ts';
import { drop_node, no_quorum } from './drop_node.ts';
import { is_quorum } from '../core/quorum.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { lock_list, stopped_nodes } from '../shell/node_list.ts';
import { own_report } from '../shell/own_report.ts';
import { rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const STOP = `
  INSERT INTO mtm.cluster_nodes (id, dropped, stopped) VALUES ($1, false, true)
  ON CONFLICT (id) DO UPDATE SET stopped = true`;

interface Arguments {
  readonly id: number;
  readonly drop_slot: boolean;
}

export function stop_node({ id, drop_slot }: Arguments): null {
  if (drop_slot) return drop_node({ id });
  lock_list();
  if (!listed_nodes(shell_config()).some((node) => node.id === id)) {
    throw new SqlError('22023', `there is no node ${id}`);
  }
  check_quorum(id);
  rows(STOP, ['int4'], [id]);
  return null;
}

function check_quorum(id: number): void {
  const { members_online, configured, major } = own_report();
  const staying = difference(members_online, [id, ...stopped_nodes()]);
  if (is_quorum(configured, staying, major)) return;
  throw no_quorum(
    `without node ${id} the others would be no quorum`,
    'Bring other nodes back first, or resume those that were stopped.',
    { staying, configured },
  );
}
