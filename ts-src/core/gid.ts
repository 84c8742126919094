// gid: the name of a distributed transaction on every node,
//   MTM-<coordinator>-<xid64>-<generation>-<incarnation>-<start_us>
// A user's own prepared transaction keeps the user's name, which never starts so.
import type { NodeId } from './node_set.ts';

export type Gid = string;

export interface GidParts {
  readonly coordinator: NodeId;
  /** The coordinator's 64 bit transaction id, as decimal text. */
  readonly xid: string;
  readonly generation: number;
  readonly incarnation: number;
  /** Microseconds, as decimal text: beyond 2^53 in principle. */
  readonly start_us: string;
}

const FORM = /^MTM-(\d{1,9})-(\d{1,20})-(\d{1,15})-(\d{1,15})-(-?\d{1,20})$/;

/** Did the cluster, not a user, name this transaction? */
export function is_ours(gid: Gid): boolean {
  return gid.startsWith('MTM-');
}

export function parse_gid(gid: Gid): GidParts | null {
  const match = FORM.exec(gid);
  if (match === null) return null;
  const [, coordinator, xid, generation, incarnation, start_us] = match as unknown as string[];
  return {
    coordinator: Number(coordinator),
    xid: xid!,
    generation: Number(generation),
    incarnation: Number(incarnation),
    start_us: start_us!,
  };
}

/** Whose clog answers for this gid; null for a user's gid, which has no such name in it. */
export function coordinator_of(gid: Gid): NodeId | null {
  return parse_gid(gid)?.coordinator ?? null;
}
