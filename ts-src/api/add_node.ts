// mtm.add_node(conninfo): put a new node into the list. As with mtm.drop_node(), the control
// plane of each node follows the list (docs/membership.md).
import { lock_list, numbers_given } from '../shell/node_list.ts';
import { row, rows } from '../shell/sql.ts';
import { shell_config } from '../shell/shell_config.ts';

const CHECK = 'SELECT mtm.shell_check_new_node($1, $2)';
const ADD = 'INSERT INTO mtm.cluster_nodes (id, dropped, conninfo) VALUES ($1, false, $2)';

interface Arguments {
  readonly conninfo: string;
}

/** Its number: the next one that was never given. */
export function add_node({ conninfo }: Arguments): number {
  lock_list();
  const id = Math.max(shell_config().founders, ...numbers_given()) + 1;
  row(CHECK, ['int4', 'text'], [id, conninfo]);
  rows(ADD, ['int4', 'text'], [id, conninfo]);
  return id;
}
