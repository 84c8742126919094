// Every interleaving of one transaction's commit: all reachable states, breadth first, up
// to the first that is wrong; so its trace is a shortest one.
//
// Votes and cancels of the coordinator, crashes, generations of any quorum, lost votes,
// answers, ballots, settling, being online, recovery from a donor, a referee's choices: any
// number of each, but for the generations. Messages are never lost, but may arrive as late
// as can be, or never: so each step is only possible, not due.
//
// The rules are the core's: who is a quorum, counting votes, donors, what a node holds,
// what is picked out of the answers (recover() of round.ts, which calls pick()), accepting
// and forgetting, when a node goes on alone. What the core does as the reaction to
// messages is here a step with the same condition.
//
// Bolder than the core: any quorum may be made members at any time; who crashed is voted
// in at once; a proposal is made although the resolver crashed since it asked; a decision
// that all have accepted reaches everybody; the coordinator's stream is read by who was
// away, too. Left out: more transactions than one, and users' own; that the major node
// changes; a donor that reads on past the mark of its reader's generation. That it ends
// at all is for test/sim: here numbers of generations run out.
import { first_state, type Setting, type State } from './state.ts';
import { is_over, steps, violation } from './steps.ts';
import { quorums } from './generations.ts';
import { setImmediate as turn_of_others } from 'node:timers/promises';
import { state_keys } from './state_key.ts';
import { tidied } from './tidy.ts';

export interface Explored {
  readonly states: number;
  /** What is wrong, and how to get there. */
  readonly found: { readonly what: string; readonly trace: readonly string[] } | null;
}

interface Origin {
  readonly from: Origin | null;
  readonly name: string;
}

export async function explore(setting: Setting): Promise<Explored> {
  const key_of = state_keys(setting);
  const groups = quorums(setting);
  const first = first_state(setting);
  const seen = new Set([key_of(first)]);
  let level: (readonly [State, Origin])[] = [[first, { from: null, name: '1 prepares' }]];
  while (level.length > 0) {
    const next_level: typeof level = [];
    for (const [i, [s, from]] of level.entries()) {
      if (i % 1_000 === 0) await turn_of_others();
      for (const [name, reached] of steps(setting, groups, s)) {
        const next = tidied(setting, reached);
        const key = key_of(next);
        if (seen.has(key)) continue;
        seen.add(key);
        const origin = { from, name };
        const what = violation(next);
        if (what !== null) return { states: seen.size, found: { what, trace: trace(origin) } };
        if (!is_over(setting, next)) next_level.push([next, origin]);
      }
    }
    level = next_level;
  }
  return { states: seen.size, found: null };
}

function trace(origin: Origin): string[] {
  const names: string[] = [];
  for (let at: Origin | null = origin; at !== null; at = at.from) names.unshift(at.name);
  return names;
}
