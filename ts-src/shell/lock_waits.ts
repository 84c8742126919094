// Who waits for whose lock, as the nodes tell it.
import { ask_node } from './ask_node.ts';
import { rows } from './sql.ts';
import { of_interest, type LockWait } from '../core/lock_graph.ts';
import type { NodeId } from '../core/node_set.ts';

const WAITS = 'SELECT pg_catalog.to_jsonb(w) AS wait FROM mtm.lock_waits_here() AS w';

/** Those that do not answer in time are left out. */
export function lock_waits(
  self: NodeId,
  nodes: readonly NodeId[],
  timeout_ms: number,
): readonly LockWait[] {
  return of_interest(
    nodes.flatMap((id) => {
      if (id === self) return waits_of(rows(WAITS));
      const answer = ask_node(id, WAITS, timeout_ms);
      return 'rows' in answer ? waits_of(answer.rows) : [];
    }),
  );
}

const waits_of = (found: readonly Record<string, unknown>[]) =>
  found.map((row) => row['wait'] as LockWait);
