// mtm.resume_node(id): what mtm.stop_node() did is taken back.
import { dropped_nodes, lock_list, stopped_nodes } from '../shell/node_list.ts';
import { rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const RESUME = 'UPDATE mtm.cluster_nodes SET stopped = false WHERE id = $1';

interface Arguments {
  readonly id: number;
}

export function resume_node({ id }: Arguments): null {
  lock_list();
  if (dropped_nodes().includes(id)) {
    throw new SqlError('55000', `node ${id} was dropped and cannot be resumed`, {
      hint: 'Nothing is kept for it any more: let a new node join ("multimaster join").',
    });
  }
  if (!stopped_nodes().includes(id)) throw new SqlError('22023', `node ${id} is not stopped`);
  rows(RESUME, ['int4'], [id]);
  return null;
}
