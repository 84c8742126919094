// Who waits for whose lock, as the nodes tell it.
import { ask_node } from './ask_node.ts';
import { rows } from './sql.ts';
import { of_interest, type LockWait } from '../core/lock_graph.ts';
import type { NodeId } from '../core/node_set.ts';

const WAITS = 'SELECT pg_catalog.to_jsonb(w) AS wait FROM mtm.lock_waits_here() AS w';

/** By the clock of the node where somebody waits. */
const lasted = (ms: number) =>
  `w.waits_since <= pg_catalog.clock_timestamp() - '${ms} ms'::pg_catalog.interval`;

/** Nodes that do not answer in time are left out; so are waits that have not lasted so long. */
export function lock_waits(
  self: NodeId,
  nodes: readonly NodeId[],
  timeout_ms: number,
  lasted_ms = 0,
): readonly LockWait[] {
  const query = lasted_ms === 0 ? WAITS : `${WAITS} WHERE ${lasted(lasted_ms)}`;
  return of_interest(
    nodes.flatMap((id) => {
      if (id === self) return waits_of(rows(query));
      const answer = ask_node(id, query, timeout_ms);
      return 'rows' in answer ? waits_of(answer.rows) : [];
    }),
  );
}

const waits_of = (found: readonly Record<string, unknown>[]) =>
  found.map((row) => row['wait'] as LockWait);
