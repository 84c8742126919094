// mtm.lock_graph(): who waits for whose lock, on every node that can be reached.
import type { LockWait } from '../core/lock_graph.ts';
import { ask_node } from '../shell/ask_node.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { rows } from '../shell/sql.ts';

const WAITS = 'SELECT to_jsonb(w) AS wait FROM mtm.lock_waits_here() AS w';

export function lock_graph(): LockWait[] {
  const config = shell_config();
  return listed_nodes(config).flatMap(({ id }) => {
    if (id === config.node_id) return waits_of(rows(WAITS));
    const answer = ask_node(id, WAITS, config.connect_ms);
    return 'rows' in answer ? waits_of(answer.rows) : [];
  });
}

const waits_of = (found: readonly Record<string, unknown>[]) =>
  found.map((row) => row['wait'] as LockWait);
