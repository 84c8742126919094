// mtm.collect_cluster_info(): get_cluster_state() of every node that can be reached.
import { ask_node } from '../shell/ask_node.ts';
import { get_cluster_state } from './get_cluster_state.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';

const STATE = 'SELECT pg_catalog.to_jsonb(s) AS state FROM mtm.get_cluster_state() s';

export function collect_cluster_info() {
  const config = shell_config();
  const states: unknown[] = [];
  for (const { id } of listed_nodes(config)) {
    if (id === config.node_id) {
      states.push(get_cluster_state());
      continue;
    }
    const answer = ask_node(id, STATE, config.connect_ms);
    if ('rows' in answer && answer.rows.length === 1) states.push(answer.rows[0]!['state']);
  }
  return states;
}
