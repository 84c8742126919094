// The rule by which a resolver picks a transaction's value from what every member of
// its generation answered (PROTOCOL.md, "The safety argument").
import { compare_ballots, type Value } from './ballot.ts';
import type { AcceptedHere } from './message.ts';
import type { Holding } from './holding.ts';
import type { NodeId, NodeSet } from './node_set.ts';

/** One member's answer about one gid. */
export interface MemberAnswer {
  readonly holding: Holding;
  /** Accepted in a ballot that is not closed, else null. */
  readonly accepted: AcceptedHere | null;
}

export type Answers = ReadonlyMap<NodeId, MemberAnswer>;

export type Picked =
  | { readonly value: Value }
  | { readonly undecided: string };

/**
 * A transaction of the cluster. `members` are those of the generation it ran in; a member
 * that was away since never voted yes in it. `settled`: this newer generation is over
 * with it, either way, and nobody who was online in that one is here; 0: none is.
 */
export function pick(answers: Answers, members: NodeSet | null, settled = 0): Picked {
  const executed = executed_value(answers);
  if (executed !== null) return { value: executed };
  const accepted = highest_accepted(answers);
  if (accepted !== null) {
    const { value, ballot } = accepted;
    // A commit that was not chosen there may have been left behind.
    return value === 'commit' && ballot.number < settled ? ENDED_BY_OTHERS : { value };
  }
  const lost = nodes_in(answers, 'unknown');
  if (lost.length > 0) {
    return { undecided: `node ${lost.join(', ')} cannot tell its outcome any more` };
  }
  if (members === null) return { undecided: 'no node knows the members of its generation' };
  const asked = [...answers].filter(([id]) => members.includes(id));
  const unanimous = asked.every(([, answer]) => answer.holding.state === 'prepared');
  if (asked.length === 0 || !unanimous) return { value: 'abort' };
  return settled > 0 ? ENDED_BY_OTHERS : { value: 'commit' };
}

const ENDED_BY_OTHERS: Picked = {
  undecided: 'a newer generation ended it, and its donors are not here',
};

export type Ruling =
  | { readonly value: Value }
  /** Nobody has it. */
  | { readonly absent: true }
  /** Not now: it is still being prepared, or the request is about another transaction. */
  | { readonly later: string };

/** A user's decision on the user's own prepared transaction. */
export interface Decision {
  readonly value: Value;
  /** What the asking node had prepared under the gid when it was asked. */
  readonly xid: string | null;
}

export function rule(answers: Answers, asker: NodeId, decision: Decision): Ruling {
  // What its recovery will still bring it must not outlive the decision.
  const away = nodes_in(answers, 'away');
  if (away.length > 0) return { later: `node ${away.join(', ')} is recovering` };
  const accepted = highest_accepted(answers);
  if (accepted !== null) return { value: accepted.value };
  if (answers.get(asker)?.holding.xid !== decision.xid) {
    return { later: 'it is not the transaction that the request meant' };
  }
  const preparing = nodes_in(answers, 'preparing');
  if (preparing.length > 0) return { later: `node ${preparing.join(', ')} is preparing it` };
  const missing = nodes_in(answers, 'none');
  if (missing.length === answers.size) return { absent: true };
  // Its PREPARE is over and did not succeed: it was never promised to anybody.
  return { value: missing.length > 0 ? 'abort' : decision.value };
}

function executed_value(answers: Answers): Value | null {
  const committed = nodes_in(answers, 'committed');
  const aborted = nodes_in(answers, 'aborted');
  if (committed.length > 0 && aborted.length > 0) {
    throw new Error(`committed on node ${committed.join(', ')}, aborted on ${aborted.join(', ')}`);
  }
  if (committed.length > 0) return 'commit';
  return aborted.length > 0 ? 'abort' : null;
}

function highest_accepted(answers: Answers): AcceptedHere | null {
  let highest: MemberAnswer['accepted'] = null;
  for (const { accepted } of answers.values()) {
    if (accepted === null) continue;
    if (highest === null || compare_ballots(accepted.ballot, highest.ballot) > 0) {
      highest = accepted;
    }
  }
  return highest;
}

function nodes_in(answers: Answers, state: Holding['state']): NodeId[] {
  return [...answers].filter(([, a]) => a.holding.state === state).map(([id]) => id);
}
