// Ballots: (generation, round). All ballots of a generation have one proposer, its
// resolver, which starts a round only after the one before it is closed; so a ballot
// has one value for a gid, and ballots are ordered.
import type { Gid } from './gid.ts';

export type Value = 'commit' | 'abort';

export interface Ballot {
  readonly number: number;
  readonly seq: number;
}

export const NO_BALLOT: Ballot = { number: 0, seq: 0 };

export function compare_ballots(a: Ballot, b: Ballot): number {
  return a.number - b.number || a.seq - b.seq;
}

export function newest_ballot(ballots: Iterable<Ballot>): Ballot {
  let newest = NO_BALLOT;
  for (const ballot of ballots) if (compare_ballots(ballot, newest) > 0) newest = ballot;
  return newest;
}

/** A value this node accepted. Durable until every member has ended the gid. */
export interface Accepted {
  readonly ballot: Ballot;
  readonly value: Value;
  /**
   * The local xid that was prepared under the gid when it was first accepted, null if
   * none was. A user may give a name again once it is free: the xid says for which
   * transaction the value was meant.
   */
  readonly xid: string | null;
  /**
   * A commit of something that this node never had: it must get it from a donor, and is
   * not online before it has.
   */
  readonly lacks: boolean;
}

export type AcceptedValues = Readonly<Record<Gid, Accepted>>;

/** What stays of the accepted values without those of the ballots that are over. */
export function without_ballots(
  accepted: AcceptedValues,
  is_over: (ballot: Ballot) => boolean,
): AcceptedValues {
  const all = Object.entries(accepted);
  const open = all.filter(([, entry]) => !is_over(entry.ballot));
  return open.length === all.length ? accepted : Object.fromEntries(open);
}

/**
 * Accept `values` in `ballot`. What is newly meant is bound to what is prepared now; a
 * value that is carried on stays bound to the local transaction that it was meant for.
 */
export function with_accepted(
  accepted: AcceptedValues,
  ballot: Ballot,
  values: Readonly<Record<Gid, Value>>,
  newly_meant: (gid: Gid) => boolean,
  prepared_xid: (gid: Gid) => string | null,
  is_committed: (gid: Gid) => boolean,
): AcceptedValues {
  const next: Record<Gid, Accepted> = { ...accepted };
  for (const [gid, value] of Object.entries(values)) {
    const xid = newly_meant(gid) ? prepared_xid(gid) : (accepted[gid]?.xid ?? null);
    const lacks = value === 'commit' && xid === null && !is_committed(gid);
    next[gid] = { ballot, value, xid, lacks };
  }
  return next;
}
