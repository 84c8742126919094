// The round of a generation: what core/round.ts and core/acceptor.ts do with messages,
// here as steps. What is picked is the core's own recover(), out of real answers.
import {
  compare_ballots,
  with_accepted,
  without_ballots,
  type Ballot,
} from '../../ts-src/core/ballot.ts';
import { added, contains, type NodeId } from '../../ts-src/core/node_set.ts';
import { acts_in, enough, may_answer } from './generations.ts';
import { COORDINATOR, first_record, GID, won_in, XID } from './state.ts';
import { donors, type Generation } from '../../ts-src/core/generation.ts';
import { holding, type Look } from '../../ts-src/core/holding.ts';
import { recover } from '../../ts-src/core/round.ts';
import { with_node, with_outcome, with_won } from './state.ts';
import type { Answer } from '../../ts-src/core/message.ts';
import type { Node, Setting, State, Won } from './state.ts';
import type { Step } from './steps.ts';

export function* round_steps(setting: Setting, s: State): Generator<Step> {
  for (let number = 2; number < s.won.length; number++) {
    const won = won_in(s, number);
    if (won === null) continue;
    if (won.value === null && may_answer(s, won)) yield* propose(setting, s, won);
    for (const id of won.record.members) {
      if (acts_in(s, id, number)) yield* member_steps(setting, s, won, id);
    }
  }
}

function* member_steps(setting: Setting, s: State, won: Won, id: NodeId): Generator<Step> {
  const { record, value, accepted, settled } = won;
  const { number, members } = record;
  if (value === null) return;
  if (value !== 'nothing') {
    if (!accepted.includes(id)) {
      const next = with_node(s, id, { accepted: accept(s.nodes[id]!, { number, seq: 1 }, value) });
      const by_it = { ...won, accepted: added(accepted, id) };
      yield [`${id} accepts ${value} in ${number}`, with_won(next, number, by_it)];
      return;
    }
    const chosen = contains(accepted, members) && enough(setting, accepted, record.major);
    if (!chosen && setting.mutation !== 'early_execution') return;
    if (s.nodes[id]!.has === 'prepared') yield [`${id} executes ${value}`, with_outcome(s, id, value)];
    // All have executed it.
    if (!chosen || members.some((member) => s.nodes[member]!.has === 'prepared')) return;
  }
  if (settled.includes(id)) return;
  const next = setting.mutation === 'not_settled' ? s : with_node(s, id, { settled: number });
  const by_it = { ...won, settled: added(settled, id) };
  yield [`${id} settles ${number}`, with_won(next, number, by_it)];
}

/** All members have saved that nothing older is left. */
export function is_open({ record, settled }: Won): boolean {
  return contains(settled, record.members);
}

/**
 * The next state, and the same when the node had answered in its generation before: a
 * change of what it has is the only thing that makes a difference to when it answered.
 */
export function* answered_before([name, next]: Step, s: State): Generator<Step> {
  yield [name, next];
  const id = s.nodes.findIndex((node, i) => i > 0 && node !== next.nodes[i]);
  if (id < 0) return;
  const node = s.nodes[id]!;
  const won = won_in(next, node.acts_in);
  if (won === null || won.value !== null || won.answers[id] !== undefined) return;
  if (is_same_answer(node, next.nodes[id]!)) return;
  const answers = { ...won.answers, [id]: answer(id, node) };
  yield [`${id} answers in ${node.acts_in}, ${name}`, with_won(next, node.acts_in, { ...won, answers })];
}

function is_same_answer(a: Node, b: Node): boolean {
  return (
    a.acts_in === b.acts_in &&
    a.has === b.has &&
    a.accepted === b.accepted &&
    a.closed === b.closed &&
    a.settled === b.settled
  );
}

/** What the node's server shows: also what its WAL remembers. */
function look(id: NodeId, { has }: Node): Look {
  const status = { none: 'unknown', prepared: 'in progress', commit: 'committed', abort: 'aborted' };
  const outcome = status[has] as Look['outcomes'][string];
  // A participant's rollback may have been a mere refusal.
  const is_known = id === COORDINATOR || has === 'commit';
  return {
    prepared: has === 'prepared' ? { [GID]: XID } : {},
    driven: [],
    outcomes: is_known ? { [GID]: outcome } : {},
  };
}

/** All of it but the history, which is the same for all. */
function answer(id: NodeId, node: Node): Answer {
  const { acts_in, accepted, closed, settled, online_in } = node;
  const entry = accepted && { ballot: accepted.ballot, value: accepted.value, had: accepted.xid !== null };
  return {
    kind: 'answer',
    number: acts_in,
    seq: 1,
    holdings: { [GID]: holding(id, GID, look(id, node)) },
    accepted: entry === null ? {} : { [GID]: entry },
    closed,
    online_in,
    settled,
    history: [],
  };
}

type Answers = Readonly<Record<NodeId, Answer>>;

function* propose(setting: Setting, s: State, won: Won): Generator<Step> {
  const { members, number } = won.record;
  const won_records = s.won.flatMap((other) => (other === 'over' ? [] : (other?.record ?? [])));
  const history = [first_record(setting), ...won_records];
  const of = (id: NodeId): Answer => ({ ...(won.answers[id] ?? answer(id, s.nodes[id]!)), history });
  const given = Object.fromEntries(members.map((id) => [id, of(id)]));
  const { record, answers } = mutated(setting, won.record, given);
  // The names come from what donors have prepared and from what anybody accepted.
  const is_named = members.some((id) => {
    const { holdings, accepted } = answers[id]!;
    const has = donors(record).includes(id) && holdings[GID]!.state === 'prepared';
    return has || accepted[GID] !== undefined;
  });
  const { values, undecided } = recover(record, is_named ? [GID] : [], answers);
  // The resolver waits and asks again.
  if (undecided[GID] !== undefined) return;
  const value = values[GID] ?? 'nothing';
  yield [`propose ${value} in ${number}`, with_won(s, number, { ...won, value, answers: {} })];
}

/** The broken rules about evidence, as what the core is made to believe. */
function mutated(setting: Setting, record: Generation, answers: Answers) {
  const changed = (change: (answer: Answer, id: NodeId) => Partial<Answer>): Answers =>
    Object.fromEntries(
      record.members.map((id) => [id, { ...answers[id]!, ...change(answers[id]!, id) }]),
    );
  const all_donors = {
    ...record,
    online_in: Object.fromEntries(record.members.map((id) => [id, 1])),
  };
  switch (setting.mutation) {
    case 'away_none_counts': {
      const history = [{ ...first_record(setting), members: record.members }];
      return { record: all_donors, answers: changed(() => ({ history })) };
    }
    case 'away_prepared_counts':
      return { record: all_donors, answers: changed(() => ({ settled: 0 })) };
    case 'settled_closes':
      return { record, answers: changed(({ settled }) => ({ closed: { number: settled, seq: 0 } })) };
    case 'forgotten_outcome': {
      const none = { [GID]: { state: 'none', xid: null } } as const;
      const forgets = ({ holdings }: Answer, id: NodeId) =>
        id !== COORDINATOR && holdings[GID]!.state === 'committed' ? { holdings: none } : {};
      return { record, answers: changed(forgets) };
    }
    default:
      return { record, answers };
  }
}

function accept(node: Node, ballot: Ballot, value: 'commit' | 'abort') {
  const before = node.accepted === null ? {} : { [GID]: node.accepted };
  const is_new = () => node.accepted === null;
  const xid = () => (node.has === 'prepared' ? XID : null);
  const done = () => node.has === 'commit';
  return with_accepted(before, ballot, { [GID]: value }, is_new, xid, done)[GID]!;
}

/** What the node does not forget when ballots up to `end` are over. */
export function forgotten(node: Node, end: Ballot): Partial<Node> {
  if (compare_ballots(node.closed, end) >= 0) return {};
  const before = node.accepted === null ? {} : { [GID]: node.accepted };
  const left = without_ballots(before, (ballot) => compare_ballots(ballot, end) <= 0);
  return { accepted: left[GID] ?? null, closed: end };
}
