// Quorums: which sets of nodes may decide for all configured ones (I1). Any two of them
// meet: more than half; or exactly half, with the major node of the generation record
// in it. This is the one place that knows.
import { intersection, type NodeId, type NodeSet } from './node_set.ts';

export function majority(configured: NodeSet): number {
  return Math.floor(configured.length / 2) + 1;
}

/** `major`: the tie-breaker that the record of the generation names, 0 for none. */
export function is_quorum(configured: NodeSet, set: NodeSet, major: NodeId | 0): boolean {
  const inside = intersection(configured, set);
  return inside.length >= majority(configured) || is_major_half(configured, inside, major);
}

function is_major_half(configured: NodeSet, inside: NodeSet, major: NodeId | 0): boolean {
  return inside.length * 2 === configured.length && inside.includes(major);
}

/** Does every quorum hold a node of `set`? Then none can be found without it (I6). */
export function meets_every_quorum(
  configured: NodeSet,
  set: NodeSet,
  major: NodeId | 0,
): boolean {
  const rest = configured.filter((id) => !set.includes(id));
  return !is_quorum(configured, rest, major);
}
