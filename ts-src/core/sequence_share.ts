// Shares of sequence values: a node gives the values start + k * increment for which
// k mod modulus = remainder (docs/membership.md, part 6).
import type { NodeId } from './node_set.ts';

export interface Share {
  readonly remainder: number;
  /** A power of two. */
  readonly modulus: number;
}

/** What a node that was added got, whether it is still there or not. */
export interface GivenShare extends Share {
  readonly id: NodeId;
  /** Whose share was split for it; null: nobody had this one. */
  readonly split_from: NodeId | null;
}

export interface Shares {
  /** Those of the founders have the remainders 0, 1, ... of founder_modulus. */
  readonly founders: number;
  readonly founder_modulus: number;
  /** In the order in which they were given. */
  readonly given: readonly GivenShare[];
}

/** A sequence of integers has two values left then. */
export const LARGEST_MODULUS = 2 ** 30;

/** What the node has now: half of it was given away each time when it was split. */
export function share_of(id: NodeId, { founders, founder_modulus, given }: Shares): Share | null {
  const first: Share | undefined =
    id <= founders
      ? { remainder: id - 1, modulus: founder_modulus }
      : given.find((each) => each.id === id);
  if (first === undefined) return null;
  const splits = given.filter(({ split_from }) => split_from === id).length;
  return { remainder: first.remainder, modulus: first.modulus * 2 ** splits };
}

/**
 * For a new node, which begins as a copy of `source`: one that nobody ever had; else a half
 * of the source's. Null: that is too small to be split.
 */
export function next_share(id: NodeId, source: NodeId, shares: Shares): GivenShare | null {
  const { founders, founder_modulus: modulus, given } = shares;
  const whole = founders + given.filter(({ split_from }) => split_from === null).length;
  if (whole < modulus) return { id, remainder: whole, modulus, split_from: null };
  const split = share_of(source, shares);
  if (split === null || split.modulus >= LARGEST_MODULUS) return null;
  return {
    id,
    remainder: split.remainder + split.modulus,
    modulus: 2 * split.modulus,
    split_from: source,
  };
}

/** Of these nodes, those that have more values than the source has. */
export function better_sources(source: NodeId, nodes: readonly NodeId[], shares: Shares): NodeId[] {
  const modulus_of = (id: NodeId) => share_of(id, shares)?.modulus ?? Infinity;
  return nodes.filter((id) => modulus_of(id) < modulus_of(source));
}
