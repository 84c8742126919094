// All that can happen next in a state, and what must never be true of one.
import { answered_before, round_steps } from './rounds.ts';
import { coordinator_steps } from './coordinator.ts';
import { generation_steps } from './generations.ts';
import { is_split, lone_steps } from './alone.ts';
import { online_steps } from './online.ts';
import { REFEREE } from '../../ts-src/core/quorum.ts';
import type { NodeSet } from '../../ts-src/core/node_set.ts';
import type { Node, Setting, State } from './state.ts';

export type Step = readonly [name: string, next: State];

export function* steps(setting: Setting, groups: readonly NodeSet[], s: State): Generator<Step> {
  for (const step of bare_steps(setting, groups, s)) yield* answered_before(step, s);
}

function* bare_steps(setting: Setting, groups: readonly NodeSet[], s: State): Generator<Step> {
  yield* generation_steps(setting, groups, s);
  yield* lone_steps(setting, s);
  yield* coordinator_steps(setting, s);
  yield* round_steps(setting, s);
  yield* online_steps(setting, s);
}

/**
 * It ended the same way everywhere, and nothing is left that speaks for another one. With
 * a referee there is still to see that two nodes do not go on alone.
 */
export function is_over({ major }: Setting, s: State): boolean {
  if (major === REFEREE) return false;
  const nodes = s.nodes.slice(1);
  if (nodes.every(({ has }) => has === 'commit')) return true;
  const may_prepare = ({ acts_in, reply }: Node) => acts_in === 1 && reply === null;
  const is_dead = (node: Node) =>
    (node.has === 'none' && !may_prepare(node) && node.accepted?.value !== 'commit') ||
    (node.has === 'abort' && node.accepted?.value !== 'commit');
  const is_quiet = (won: State['won'][number]) =>
    won == null || won === 'over' ||
    (won.value !== 'commit' && Object.keys(won.answers).length === 0);
  return nodes.every(is_dead) && s.won.every(is_quiet);
}

/** What is wrong in this state; null for nothing. What its client is told, node 1 has. */
export function violation(s: State): string | null {
  const nodes = s.nodes.slice(1);
  const ended = nodes.map((node) => node.has);
  const has = { commit: ended.includes('commit'), abort: ended.includes('abort') };
  if (has.commit && has.abort) return 'two nodes ended it differently';
  if (is_split(s)) return 'I1: both go on alone';
  const newer = nodes.filter((node) => node.online_in > 1);
  if (newer.some((node) => node.has === 'prepared')) return 'I7: online with it prepared';
  if (has.commit && newer.some((node) => node.has !== 'commit')) return 'I7: online without it';
  return null;
}
