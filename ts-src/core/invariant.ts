// Invariants, checked after every step, in production too. A broken one stops the step
// before anything of it is saved or sent; the monitor then starts again from what is on
// disk. Each names the rule of PROTOCOL.md that it holds.
import { compare_ballots } from './ballot.ts';
import { contains } from './node_set.ts';
import { in_force } from './force.ts';
import { is_quorum } from './quorum.ts';
import { lacks_something } from './recovery.ts';
import { is_well_formed, same_generation, same_proposal } from './generation.ts';
import type { State } from './state.ts';

type Check = (before: State, after: State) => boolean;

export const INVARIANTS: Readonly<Record<string, Check>> = {
  'I1: a generation contains a quorum': (_, { durable }) =>
    [durable.promised, durable.generation, ...durable.history].every(
      (g) => g === null || (is_well_formed(g) && is_quorum(g.configured, g.members, g.major)),
    ),

  'I1: a generation is learned as it was voted for': (_, { durable }) => {
    const { promised, generation } = durable;
    if (promised === null || generation === null) return true;
    return !same_proposal(promised, generation) || same_generation(promised, generation);
  },

  'I2: a node never goes back to an older generation': (before, { durable }) =>
    (durable.promised?.number ?? 0) >= (before.durable.promised?.number ?? 0) &&
    (durable.generation?.number ?? 0) >= (before.durable.generation?.number ?? 0),

  'I2: the data plane acts by the newest generation': (_, { view, durable }) =>
    view === null ||
    (view.generation === (durable.promised?.number ?? 0) &&
      view.incarnation === durable.incarnation),

  'I7: a node is online in ever newer generations, of those it voted for': (before, { durable }) =>
    durable.online_in >= before.durable.online_in &&
    durable.settled >= Math.max(before.durable.settled, durable.online_in) &&
    durable.online_in <= (durable.promised?.number ?? 0),

  'I3: one vote per number': (before, { durable }) => {
    const [then, now] = [before.durable.promised, durable.promised];
    if (then === null || now === null) return then === null;
    return then.number !== now.number || same_generation(then, now);
  },

  'I4: online only in a generation in force, after its recovery': (_, after) => {
    if (after.view?.status !== 'online') return true;
    const generation = in_force(after);
    const { tenure, durable } = after;
    if (generation === null || !tenure.open) return false;
    if (durable.online_in !== generation.number || lacks_something(after)) return false;
    return Object.values(durable.accepted).every((a) => a.ballot.number === generation.number);
  },

  'I5: executed only what is accepted': (_, { tenure, durable }) =>
    tenure.execution === null || contains_all(durable.accepted, tenure.execution.left),

  'a ballot has one value, of a generation this node moved to': (before, { durable }) =>
    Object.entries(durable.accepted).every(([gid, entry]) => {
      if (entry.ballot.number > (durable.promised?.number ?? 0)) return false;
      const earlier = before.durable.accepted[gid];
      if (earlier === undefined) return true;
      const order = compare_ballots(entry.ballot, earlier.ballot);
      return order > 0 || (order === 0 && entry.value === earlier.value);
    }),

  'an incarnation lasts as long as its process': (before, after) =>
    before.durable.incarnation === after.durable.incarnation && after.durable.incarnation > 0,

  'a campaign counts only the votes of members': (_, { campaign }) =>
    campaign === null || contains(campaign.proposal.members, campaign.votes),
};

function contains_all(of: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  return keys.every((key) => of[key] !== undefined);
}

/** All parts of the state that the invariants speak of. */
function speaks_of({ durable, view, tenure, campaign }: State): readonly unknown[] {
  return [durable, view, tenure, campaign];
}

export class BrokenInvariant extends Error {
  constructor(readonly invariant: string) {
    super(`invariant broken: ${invariant}`);
    this.name = 'BrokenInvariant';
  }
}

export function check_invariants(before: State, after: State): void {
  if (speaks_of(before).every((part, i) => part === speaks_of(after)[i])) return;
  for (const [name, holds] of Object.entries(INVARIANTS)) {
    if (!holds(before, after)) throw new BrokenInvariant(name);
  }
}
