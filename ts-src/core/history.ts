// History: the generations that were won, for as long as work of theirs may be open.
// Who was a member of a transaction's generation decides what its ballot may pick.
import { is_well_formed, same_generation, same_proposal, type Generation } from './generation.ts';
import type { Turn } from './turn.ts';

/** Take note of a generation that was won; every heartbeat repeats the newest. */
export function learn(turn: Turn, generation: Generation): void {
  const { config, durable } = turn.state;
  if (generation.number <= (durable.generation?.number ?? 0)) return;
  if (!is_well_formed(generation)) return;
  const vote = durable.promised;
  const voted = vote !== null && (vote.number > generation.number || same_proposal(vote, generation));
  if (generation.members.includes(config.node_id) && !voted) {
    turn.warn(
      `generation ${generation.number} counts on a vote of this node that its state does not ` +
        'have: was an older copy of the state restored?',
    );
    return;
  }
  // Another campaign of the number that it voted for may have been won.
  if (vote !== null && same_proposal(vote, generation) && !same_generation(vote, generation)) return;
  const pending = durable.pending.filter(({ number }) => number > generation.number);
  turn.save({ generation, pending, history: [...durable.history, generation] });
}

/** Work of generations before `number` is over on all its members. */
export function forget_before(turn: Turn, number: number): void {
  const { history } = turn.state.durable;
  const open = history.filter((generation) => generation.number >= number);
  if (open.length < history.length) turn.save({ history: open });
}
