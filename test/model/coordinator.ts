// The coordinator and its participants in generation 1, and the coordinator's stream.
import { acts_in, enough, in_every_quorum } from './generations.ts';
import { all_nodes, COORDINATOR, first_members, with_node, with_outcome } from './state.ts';
import type { Setting, State } from './state.ts';
import type { Step } from './steps.ts';

export function* coordinator_steps(setting: Setting, s: State): Generator<Step> {
  yield* participant_steps(setting, s);
  if (s.driver === 'gone') return;
  if (acts_in(s, COORDINATOR, 1)) {
    if (s.driver === 'driving') yield ['cancel', { ...s, driver: 'aborting', asked: true }];
  } else if (setting.mutation !== 'old_driver') {
    // It left the gate of its generation: only a ballot decides.
    return;
  }
  const others = first_members(setting).filter((id) => id !== COORDINATOR);
  const yes = others.filter((id) => s.nodes[id]!.reply === 'yes');
  const majority = setting.mutation === 'majority_commit' && enough(setting, [COORDINATOR, ...yes]);
  if (s.driver === 'driving' && (yes.length === others.length || majority)) {
    yield ['1 commits', with_outcome(s, COORDINATOR, 'commit')];
  }
  const never = others.filter((id) => s.nodes[id]!.reply === 'no');
  const has_reason = never.length > 0 || s.driver === 'aborting';
  const alone = setting.mutation === 'lone_abort';
  if (has_reason && (alone || in_every_quorum(setting, [COORDINATOR, ...never]))) {
    yield ['1 aborts', with_outcome(s, COORDINATOR, 'abort')];
  }
}

function* participant_steps(setting: Setting, s: State): Generator<Step> {
  const outcome = s.nodes[COORDINATOR]!.has;
  for (const id of all_nodes(setting)) {
    const { has, reply } = s.nodes[id]!;
    if (id === COORDINATOR) continue;
    if (has === 'prepared' && (outcome === 'commit' || outcome === 'abort')) {
      yield [`${id} reads the ${outcome}`, with_node(s, id, { has: outcome })];
    }
    if (!acts_in(s, id, 1)) continue;
    if (has === 'none' && reply === null) {
      yield [`${id} prepares`, with_node(s, id, { has: 'prepared', reply: 'yes' })];
      yield [`${id} says no`, with_node(s, id, { reply: 'no' })];
    }
    if (s.asked && reply !== 'no' && (has === 'none' || has === 'prepared')) {
      yield [`${id} rolls back at its request`, with_node(s, id, { has: 'none', reply: 'no' })];
    }
  }
}
