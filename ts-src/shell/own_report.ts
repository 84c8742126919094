// What this server's monitor published last. While it does not run, a node is disabled
// and knows nothing: that is said, too, and is no error.
import { node_set } from '../core/node_set.ts';
import { row } from './sql.ts';
import { shell_config, type ShellConfig } from './shell_config.ts';
import type { Report } from './report.ts';

export function own_report(): Report {
  const text = row('SELECT mtm.shell_report() AS report')['report'] as string | null;
  return text === null ? without_monitor(shell_config()) : (JSON.parse(text) as Report);
}

function without_monitor(config: ShellConfig): Report {
  return {
    node_id: config.node_id,
    wall_ms: Date.now(),
    status: 'disabled',
    reason: config.waits_to_join
      ? `waits for mtm.join_node(${config.node_id}, ...) on the node that it is a copy of`
      : 'the multimaster monitor of this server is not running',
    status_since_wall_ms: 0,
    incarnation: 0,
    generation: 0,
    members: [],
    members_online: [],
    configured: node_set(config.nodes.map(({ id }) => id)),
    major: 0,
    connected: [],
    generations_seen: 0,
    nodes: [],
    undecided: {},
    waiting_for: [],
    phase: null,
  };
}
