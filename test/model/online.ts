// Who becomes online in a generation: donors by its round, or because another one is; who
// was away by reading a donor, which ends what it has prepared (docs/majority.md, 1.8, 3).
import { all_nodes, with_node, with_outcome, won_in } from './state.ts';
import { base, donors } from '../../ts-src/core/generation.ts';
import { forgotten, is_open } from './rounds.ts';
import type { Node, Setting, State } from './state.ts';
import type { NodeId } from '../../ts-src/core/node_set.ts';
import type { Step } from './steps.ts';

export function* online_steps(setting: Setting, s: State): Generator<Step> {
  for (const id of all_nodes(setting)) {
    const node = s.nodes[id]!;
    const number = open_generation(s, id);
    if (number > node.online_in && is_donor(s, id, number) && !lacks(node)) {
      yield [`${id} is online in ${number}`, with_online(s, id, number)];
    }
    for (const other of all_nodes(setting)) {
      const heard = s.nodes[other]!.online_in;
      if (heard <= node.online_in) continue;
      if (is_donor(s, id, heard) && !lacks(node)) yield* hearing_steps(s, id, other);
      if (is_away(s, id, heard)) yield* recovery_steps(s, id, other, number);
    }
  }
}

/** The generation in which the node takes part, if nothing older is left; else 0. */
function open_generation(s: State, id: NodeId): number {
  const { acts_in } = s.nodes[id]!;
  const won = won_in(s, acts_in);
  return won !== null && is_open(won) ? acts_in : 0;
}

function is_donor(s: State, id: NodeId, number: number): boolean {
  const won = won_in(s, number);
  return won !== null && donors(won.record).includes(id);
}

function lacks({ accepted }: Node): boolean {
  return accepted?.lacks === true;
}

function with_online(s: State, id: NodeId, number: number): State {
  const end = { number, seq: 1 };
  return with_node(s, id, { online_in: number, ...forgotten(s.nodes[id]!, end) });
}

/** A donor that hears that another one is online; it may have voted before it heard so. */
function* hearing_steps(s: State, id: NodeId, other: NodeId): Generator<Step> {
  const node = s.nodes[id]!;
  const heard = s.nodes[other]!.online_in;
  const settled = Math.max(node.settled, heard);
  const change = { online_in: heard, settled, ...forgotten(node, { number: heard, seq: 0 }) };
  const name = `${id} hears that ${other} is online in ${heard}`;
  yield [name, with_node(s, id, change)];
  if (node.acts_in > 0 || node.voted_as !== null) return;
  yield [`${id} votes, ${name}`, with_node(s, id, { ...change, voted_as: node.online_in })];
}

/**
 * As in core/recovery.ts: somebody was online in `heard`, which this node missed. It may
 * have voted for a proposal that was not won, which made it away.
 */
function is_away(s: State, id: NodeId, heard: number): boolean {
  const { acts_in, online_in } = s.nodes[id]!;
  if (heard >= acts_in) return true;
  const won = won_in(s, acts_in);
  return won !== null && online_in < base(won.record);
}

/** At the donor's mark all of generation 1 has ended there. */
function* recovery_steps(s: State, id: NodeId, donor: NodeId, number: number): Generator<Step> {
  const { has } = s.nodes[id]!;
  const is_committed = s.nodes[donor]!.has === 'commit';
  let next = s;
  if (has === 'prepared') next = with_outcome(s, id, is_committed ? 'commit' : 'abort');
  else if (has === 'none' && is_committed) next = with_outcome(s, id, 'commit');
  if (next !== s) yield [`${id} reads ${donor}`, next];
  if (number > 1 && s.nodes[donor]!.online_in === number) {
    yield [`${id} has read ${donor}, is online in ${number}`, with_online(next, id, number)];
  }
}
