// Quorums: which sets of nodes may decide for all configured ones (I1). Any two of them
// meet: more than half; or exactly half, with the major node of the generation record
// in it. Where a referee breaks the tie, one of two nodes becomes the major node of its
// own generation (referee.ts). This is the one place that knows.
import { intersection, type NodeId, type NodeSet } from './node_set.ts';

/** In place of a major node: the referee says which half goes on. */
export const REFEREE = -1;

/** Who breaks the tie of two halves, as the record of a generation names it; 0: nobody. */
export type Major = NodeId | 0 | typeof REFEREE;

export function majority(configured: NodeSet): number {
  return Math.floor(configured.length / 2) + 1;
}

export function is_quorum(configured: NodeSet, set: NodeSet, major: Major): boolean {
  const inside = intersection(configured, set);
  return inside.length >= majority(configured) || is_major_half(configured, inside, major);
}

function is_major_half(configured: NodeSet, inside: NodeSet, major: Major): boolean {
  return inside.length * 2 === configured.length && inside.includes(major);
}

/** Is it exactly half of them, which is a quorum only by a tie-breaker? */
export function is_half(configured: NodeSet, set: NodeSet): boolean {
  return intersection(configured, set).length * 2 === configured.length;
}

/** Does every quorum hold a node of `set`? Then none can be found without it (I6). */
export function meets_every_quorum(
  configured: NodeSet,
  set: NodeSet,
  major: Major,
): boolean {
  const rest = configured.filter((id) => !set.includes(id));
  // The referee may choose any half.
  if (major === REFEREE && is_half(configured, rest)) return false;
  return !is_quorum(configured, rest, major);
}
