// mtm.recover_node(id): a node that was dropped is listed again, under a new number, as its
// old one is never given again.
import { add_node } from './add_node.ts';
import { dropped_nodes } from '../shell/node_list.ts';
import { row, rows } from '../shell/sql.ts';
import { shell_config } from '../shell/shell_config.ts';
import { SqlError } from '../shell/sql_error.ts';

const LISTED = 'SELECT id FROM mtm.cluster_nodes WHERE conninfo = $1 AND NOT dropped';
const CONN_STRING = 'SELECT mtm.shell_conn_string($1) AS conninfo';

interface Arguments {
  readonly id: number;
}

export function recover_node({ id }: Arguments): number {
  if (!shell_config().nodes.some((node) => node.id === id)) {
    throw new SqlError('22023', `there is no node ${id}`);
  }
  if (!dropped_nodes().includes(id)) {
    throw new SqlError('55000', `node ${id} was not dropped: what it needs is kept for it`, {
      hint: 'Start it, or mtm.resume_node() it. If its data are lost, drop it first: mtm.drop_node().',
    });
  }
  const conninfo = String(row(CONN_STRING, ['int4'], [id])['conninfo']);
  const [again] = rows(LISTED, ['text'], [conninfo]);
  if (again !== undefined) throw new SqlError('55000', `node ${id} is to be node ${String(again['id'])} already`);
  const added = add_node({ conninfo });
  plv8.elog(
    NOTICE,
    `node ${id} is to be node ${added} now: start it from a base backup of an online node with ` +
      `multimaster.node_id = ${added}, then call mtm.join_node() there`,
  );
  return added;
}
