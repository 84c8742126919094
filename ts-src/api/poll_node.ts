// mtm.poll_node(id, nowait): wait until a node is online, as this node sees it.
import { own_report } from '../shell/own_report.ts';
import { row } from '../shell/sql.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { SqlError } from '../shell/sql_error.ts';

interface Arguments {
  readonly id: number;
  readonly nowait: boolean;
}

/** The sleep is where the wait can be cancelled. */
const SLEEP = 'SELECT pg_catalog.pg_sleep(0.1)';

export function poll_node({ id, nowait }: Arguments): boolean {
  if (!listed_nodes(shell_config()).some((node) => node.id === id)) {
    throw new SqlError('22023', `there is no node ${id}`);
  }
  for (;;) {
    if (own_report().members_online.includes(id)) return true;
    if (nowait) return false;
    row(SLEEP);
  }
}
