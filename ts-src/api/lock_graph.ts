// mtm.lock_graph(): who waits for whose lock, on every node that can be reached.
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { lock_waits } from '../shell/lock_waits.ts';
import type { LockWait } from '../core/lock_graph.ts';

export function lock_graph(): readonly LockWait[] {
  const config = shell_config();
  const nodes = listed_nodes(config).map(({ id }) => id);
  return lock_waits(config.node_id, nodes, config.connect_ms);
}
