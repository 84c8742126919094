// Forget what nobody can act on any more, so that states that differ in it are one.
import { acts_in, may_answer } from './generations.ts';
import { is_its_own } from './alone.ts';
import { all_nodes, COORDINATOR, first_members, with_node, with_won } from './state.ts';
import { REFEREE } from '../../ts-src/core/quorum.ts';
import type { Setting, State, Won } from './state.ts';

export function tidied(setting: Setting, s: State): State {
  let next = s;
  for (let number = 2; number < s.won.length; number++) {
    const won = s.won[number];
    if (won != null && won !== 'over') next = with_round_tidied(setting, next, number, won);
  }
  next = with_replies_tidied(setting, with_driver_tidied(setting, next));
  return setting.major === REFEREE ? with_questions_tidied(setting, next) : next;
}

function with_round_tidied(setting: Setting, s: State, number: number, won: Won): State {
  const { record, answers, value, accepted, settled } = won;
  if (record.members.some((id) => s.nodes[id]!.acts_in === number)) {
    if (Object.keys(answers).length === 0 || may_answer(s, won)) return s;
    return with_won(s, number, { ...won, answers: {} });
  }
  // The record still says who is a donor of it.
  const is_needed =
    s.nodes.some((node) => node.online_in === number) ||
    (setting.major === REFEREE && record.members.some((id) => is_its_own(s, id, number)));
  if (!is_needed) return with_won(s, number, 'over');
  const is_clean = value === null && Object.keys(answers).length === 0;
  if (is_clean && accepted.length === 0 && settled.length === 0) return s;
  return with_won(s, number, { record, value: null, answers: {}, accepted: [], settled: [] });
}

/** A coordinator that left its generation only waits. */
function with_driver_tidied(setting: Setting, s: State): State {
  const waits = !acts_in(s, COORDINATOR, 1) && setting.mutation !== 'old_driver';
  const driver = waits ? 'gone' : s.driver;
  const participants = first_members(setting).filter((id) => id !== COORDINATOR);
  const asked = s.asked && participants.some((id) => acts_in(s, id, 1));
  return driver === s.driver && asked === s.asked ? s : { ...s, driver, asked };
}

/** A reply that nobody counts, of who never gives another. */
function with_replies_tidied(setting: Setting, s: State): State {
  if (s.driver !== 'gone') return s;
  let next = s;
  for (const id of all_nodes(setting)) {
    const { has, reply } = s.nodes[id]!;
    const is_over = has !== 'none' || !acts_in(s, id, 1);
    if (is_over && reply !== null) next = with_node(next, id, { reply: null });
  }
  return next;
}

/** Questions that the referee refuses for good, and choices for what is past. */
function with_questions_tidied(setting: Setting, s: State): State {
  let next = s;
  for (const id of all_nodes(setting)) {
    const { asks, chosen, online_in } = s.nodes[id]!;
    const is_past = chosen < online_in && setting.mutation !== 'old_choice';
    const change = {
      asks: asks <= (s.held?.number ?? 0) ? 0 : asks,
      chosen: is_past ? 0 : chosen,
    };
    if (change.asks !== asks || change.chosen !== chosen) next = with_node(next, id, change);
  }
  return next;
}
