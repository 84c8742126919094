// Sets of nodes: ascending node ids without repetition, so that two equal sets are
// equal text too. C sees them as bit masks (bit node_id-1).

export type NodeId = number;
export type NodeSet = readonly NodeId[];

export function node_set(ids: Iterable<NodeId>): NodeSet {
  return [...new Set(ids)].sort((a, b) => a - b);
}

/** Is every node of `inner` in `outer`? */
export function contains(outer: NodeSet, inner: NodeSet): boolean {
  return inner.every((id) => outer.includes(id));
}

export function same_nodes(a: NodeSet, b: NodeSet): boolean {
  return a.length === b.length && contains(a, b);
}

export function intersection(a: NodeSet, b: NodeSet): NodeSet {
  return a.filter((id) => b.includes(id));
}

export function difference(a: NodeSet, b: NodeSet): NodeSet {
  return a.filter((id) => !b.includes(id));
}

export function added(set: NodeSet, id: NodeId): NodeSet {
  return set.includes(id) ? set : node_set([...set, id]);
}

export function without(set: NodeSet, id: NodeId): NodeSet {
  return set.filter((each) => each !== id);
}

/** Of a mask of 63 bits. */
export function set_of_mask(mask: bigint): NodeSet {
  const ids = Array.from({ length: 63 }, (_, i) => i + 1);
  return ids.filter((id) => ((mask >> BigInt(id - 1)) & 1n) === 1n);
}

/** In decimal digits. */
export function bit_mask(set: NodeSet): string {
  return String(set.reduce((mask, id) => mask | (1n << BigInt(id - 1)), 0n));
}
