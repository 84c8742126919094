// Cliques: sets of nodes that all hear each other. Every node computes the best one that
// it is part of; the order is a total one over sets, so the members of the best clique
// of all agree on it, whatever else each of them sees.
import type { NodeId, NodeSet } from './node_set.ts';

/** Larger first; then by `rank`, higher first; then lower ids. */
export function best_clique(
  self: NodeId,
  nodes: NodeSet,
  linked: (a: NodeId, b: NodeId) => boolean,
  rank: (set: NodeSet) => readonly number[],
): NodeSet {
  let best: NodeSet = [self];
  let best_rank = rank(best);
  const others = nodes.filter((id) => id !== self && linked(self, id));
  // From low to high ids: of equal ones the first found has the lower ids.
  const grow = (set: NodeSet, rest: NodeSet): void => {
    if (set.length + rest.length < best.length) return;
    if (rest.length === 0) {
      const sorted = [...set].sort((a, b) => a - b);
      const its_rank = rank(sorted);
      if (is_better(sorted, its_rank, best, best_rank)) [best, best_rank] = [sorted, its_rank];
      return;
    }
    const [next, ...left] = rest as [NodeId, ...NodeId[]];
    grow([...set, next], left.filter((id) => linked(next, id)));
    // Without `next` a clique can only be better if it has somebody `next` does not hear.
    if (left.some((id) => !linked(next, id))) grow(set, left);
  };
  grow([self], others);
  return best;
}

function is_better(
  a: NodeSet,
  a_rank: readonly number[],
  b: NodeSet,
  b_rank: readonly number[],
): boolean {
  if (a.length !== b.length) return a.length > b.length;
  const differing = a_rank.findIndex((value, i) => value !== b_rank[i]);
  if (differing >= 0) return a_rank[differing]! > b_rank[differing]!;
  const lower = a.findIndex((id, i) => id !== b[i]);
  return lower >= 0 && a[lower]! < b[lower]!;
}
