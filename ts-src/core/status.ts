// Status: what a node promises about itself. Only `online` lets transactions commit.
//
//     isolated   hears no quorum
//     disabled   hears one, but there is no generation for it: none yet, or it was away
//                and has no donor
//     catchup    was away, reads a donor; the others do not wait for it
//     recovery   voted for the newest generation: it is not won yet, work of older ones is
//                not over, or this node was away and reads a donor while the others wait
//     online     has every transaction of older generations
//
//     isolated <--> disabled --> catchup --> recovery --> online
//
// From each of them to isolated, and to recovery with a vote; from online also as soon as
// the node learns that a newer generation may go on without it.
import { connected_words } from './connectivity.ts';
import { is_dropped } from './configured.ts';
import { donor_for } from './recovery.ts';
import { same_proposal } from './generation.ts';
import { hears_quorum } from './wanted.ts';
import { in_force, is_current } from './force.ts';
import { is_left_out } from './lease.ts';
import { per_state } from './per_state.ts';
import type { Standing } from './state.ts';

export type Status = 'isolated' | 'disabled' | 'catchup' | 'recovery' | 'online';

export const status_of = per_state((state: Standing): Status => {
  if (is_dropped(state)) return 'disabled';
  if (!hears_quorum(state)) return 'isolated';
  if (is_online(state)) return 'online';
  const donor = donor_for(state);
  if (donor > 0) return in_force(state) === null ? 'catchup' : 'recovery';
  const { promised, generation } = state.durable;
  if (donor < 0 || promised === null) return 'disabled';
  // Its vote was for a generation that was not won, or is over.
  const is_over = generation !== null && promised.number <= generation.number;
  return is_over && !same_proposal(promised, generation) ? 'disabled' : 'recovery';
});

function is_online(state: Standing): boolean {
  const generation = in_force(state);
  if (generation === null || !state.tenure.open) return false;
  if (state.durable.online_in !== generation.number || !is_current(state, generation)) return false;
  if (is_left_out(state)) return false;
  // Who promised a newer number may be with others that go on without this node.
  return connected_words(state).every((said) => said.promised <= generation.number);
}
