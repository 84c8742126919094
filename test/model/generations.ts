// Generations of the model: they are won at once. A vote that was given before is like a
// crash, as its node takes part in nothing any more; but it may say that the node was
// online last in an older generation than it is by now. Of lost proposals only that is
// left, and so all numbers are those of generations that were won.
import type { NodeId, NodeSet } from '../../ts-src/core/node_set.ts';
import { all_nodes, with_node, type Setting, type State, type Won } from './state.ts';
import { count_votes } from '../../ts-src/core/vote.ts';
import { is_half, is_quorum, meets_every_quorum, type Major } from '../../ts-src/core/quorum.ts';
import type { Generation } from '../../ts-src/core/generation.ts';
import type { Step } from './steps.ts';

export function enough(setting: Setting, set: NodeSet, major = setting.major): boolean {
  const configured = all_nodes(setting);
  if (setting.mutation === 'any_half' && is_half(configured, set)) return true;
  return is_quorum(configured, set, major);
}

/** I6: no quorum can be found without one of them. */
export function in_every_quorum(setting: Setting, set: NodeSet): boolean {
  return meets_every_quorum(all_nodes(setting), set, setting.major);
}

/** It voted for no newer generation, and is the same incarnation. */
export function acts_in(s: State, id: NodeId, number: number): boolean {
  return s.nodes[id]!.acts_in === number;
}

/** Have all members answered, or may they still? */
export function may_answer(s: State, { record, answers }: Won): boolean {
  return record.members.every((id) => answers[id] !== undefined || acts_in(s, id, record.number));
}

/** All sets that may be members of a generation. */
export function quorums(setting: Setting): readonly NodeSet[] {
  const sets = Array.from({ length: 2 ** setting.nodes }, (_, bits) =>
    all_nodes(setting).filter((id) => bits & (1 << (id - 1))),
  );
  return sets.filter((set) => enough(setting, set));
}

export function* generation_steps(
  setting: Setting,
  groups: readonly NodeSet[],
  s: State,
): Generator<Step> {
  for (const id of all_nodes(setting)) {
    if (s.nodes[id]!.acts_in > 0) yield [`${id} leaves`, with_node(s, id, { acts_in: 0 })];
  }
  const number = s.won.indexOf(null, 2);
  if (number < 0) return;
  for (const members of groups) {
    if (members.some((id) => s.nodes[id]!.acts_in > 0)) continue;
    const record = record_of(setting, s, number, members, setting.major);
    // A half is a quorum by the mutation only.
    if (count_votes(record, members, false) !== 'won' && setting.mutation !== 'any_half') continue;
    yield [`generation ${number} of ${members.join('')}`, with_generation(s, record)];
  }
}

export function record_of(
  setting: Setting,
  s: State,
  number: number,
  members: NodeSet,
  major: Major,
): Generation {
  const each = <T>(of: (id: NodeId) => T) => Object.fromEntries(members.map((id) => [id, of(id)]));
  return {
    number,
    campaigner: members[0]!,
    members,
    configured: all_nodes(setting),
    incarnations: each(() => 1),
    online_in: each((id) => s.nodes[id]!.voted_as ?? s.nodes[id]!.online_in),
    major,
  };
}

export function with_generation(s: State, record: Generation): State {
  const { members, number } = record;
  const won: Won = { record, answers: {}, value: null, accepted: [], settled: [] };
  const nodes = s.nodes.map((node, id) =>
    members.includes(id) ? { ...node, acts_in: number, voted_as: null } : node,
  );
  return { ...s, nodes, won: s.won.with(number, won) };
}

