// mtm.copy_table(relation, node): the table there becomes what it is here. That node
// fetches the rows; src/monitor/pull_rows.c.
import { close_sessions, open_sessions, serve_all } from '../shell/peer_sessions.ts';
import { own_tables } from '../shell/own_tables.ts';
import { require_online } from '../shell/checked_nodes.ts';
import { shell_config } from '../shell/shell_config.ts';
import { SqlError } from '../shell/sql_error.ts';
import type { NodeId } from '../core/node_set.ts';

interface Arguments {
  readonly relation: string | null;
  readonly node: NodeId | null;
}

export function copy_table({ relation, node }: Arguments): null {
  const here = shell_config().node_id;
  if (node === null) throw new SqlError('22004', 'the node must not be null');
  if (node === here) throw new SqlError('22023', `node ${node} is this node`);
  require_online([node]);
  const { tables } = own_tables(relation);
  open_sessions([node]);
  // Each table in a transaction of its own.
  for (const table of tables) serve_all([node], 'pull_table', { table, from: here });
  close_sessions();
  return null;
}
