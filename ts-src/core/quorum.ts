// Quorums: which sets of nodes may decide for all configured ones (I1). Any two
// quorums meet. This is the one place that knows how many are enough.
import { intersection, type NodeSet } from './node_set.ts';

export function majority(configured: NodeSet): number {
  return Math.floor(configured.length / 2) + 1;
}

export function is_quorum(configured: NodeSet, set: NodeSet): boolean {
  return intersection(configured, set).length >= majority(configured);
}

/** Does every quorum hold a node of `set`? Then none can be found without it (I6). */
export function meets_every_quorum(configured: NodeSet, set: NodeSet): boolean {
  const rest = configured.length - intersection(configured, set).length;
  return rest < majority(configured);
}
