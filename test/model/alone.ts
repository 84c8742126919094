// One of two nodes that goes on alone, as a referee chose it (docs/majority.md, 4.8).
// Its questions and their answers may be late or lost. When it asks and goes on is
// core/referee.ts; the referee is that of the simulator.
import { all_nodes, first_record, won_in, with_node } from './state.ts';
import { goes_on_alone, question } from '../../ts-src/core/referee.ts';
import { record_of, with_generation } from './generations.ts';
import { REFEREE } from '../../ts-src/core/quorum.ts';
import { ruled } from '../sim/referee.ts';
import { same_nodes, type NodeId } from '../../ts-src/core/node_set.ts';
import type { Setting, State } from './state.ts';
import type { Step } from './steps.ts';

export function* lone_steps(setting: Setting, s: State): Generator<Step> {
  if (setting.major !== REFEREE) return;
  for (const id of all_nodes(setting)) {
    yield* asking_steps(setting, s, id);
    const number = s.won.indexOf(null, 2);
    if (number < 0 || s.nodes[id]!.acts_in > 0 || !may_go_on(setting, s, id)) continue;
    const record = record_of(setting, s, number, [id], id);
    yield [`generation ${number} of ${id} alone`, with_generation(s, record)];
  }
}

function* asking_steps(setting: Setting, s: State, id: NodeId): Generator<Step> {
  const { asks, chosen } = s.nodes[id]!;
  const about = question(known(setting, s, id));
  if (about !== null) {
    const numbers = setting.mutation === 'asks_ahead' ? [about, about + 1] : [about];
    for (const number of numbers) {
      if (asks === number || chosen === number) continue;
      yield [`${id} asks about ${number}`, with_node(s, id, { asks: number })];
    }
  }
  if (asks === 0) return;
  const held = ruled(s.held, asks, id);
  const is_chosen = held.winner === id && held.number === asks;
  const next = with_node(s, id, is_chosen ? { asks: 0, chosen: asks } : { asks: 0 });
  yield [`${id} is ${is_chosen ? '' : 'not '}chosen for ${asks}`, { ...next, held }];
}

function may_go_on(setting: Setting, s: State, id: NodeId): boolean {
  // Its own generation is the newest that it voted for.
  if (s.won.some((_, number) => is_its_own(s, id, number))) return true;
  const now = known(setting, s, id);
  const { chosen } = s.nodes[id]!;
  const is_enough =
    (setting.mutation === 'old_choice' && chosen > 0) ||
    (setting.mutation === 'asks_ahead' && chosen > now.online_in);
  return goes_on_alone(id, now, { number: is_enough ? now.online_in : chosen, winner: id });
}

/** What the core goes by. */
function known(setting: Setting, s: State, id: NodeId) {
  const { online_in, settled } = s.nodes[id]!;
  const record = online_in === 1 ? first_record(setting) : won_in(s, online_in)!.record;
  const is_ignored = setting.mutation === 'alone_after_settling';
  return { history: [record], online_in, settled: is_ignored ? online_in : settled };
}

/** A generation of it alone, with no newer one of both. */
export function is_its_own(s: State, id: NodeId, number: number): boolean {
  const members = won_in(s, number)?.record.members ?? [];
  const newer = s.won.slice(number + 1).map((won) => (won === 'over' ? [id] : won?.record.members));
  return same_nodes(members, [id]) && !newer.some((others) => others?.includes(id));
}

/** Two nodes take part in generations that have no member in common (I1). */
export function is_split(s: State): boolean {
  const lone = s.nodes.filter(({ acts_in }, id) => {
    const won = id > 0 ? won_in(s, acts_in) : null;
    return won !== null && same_nodes(won.record.members, [id]);
  });
  return lone.length > 1;
}
