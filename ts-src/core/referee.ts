// Referee: of two nodes that lost each other at most one goes on alone, the one that the
// referee chose (docs/majority.md, 4.8). It is asked about the newest generation in
// which this node was online, of both nodes, and keeps one thing: the newest generation
// it was asked about, with the node that asked first. Its answer is just that.
//
// Whoever goes on alone is the major node of its own generation, and stays it until both
// have settled another one together.
import { configured_nodes } from './configured.ts';
import { connected_nodes } from './connectivity.ts';
import { difference, intersection, type NodeId } from './node_set.ts';
import { REFEREE } from './quorum.ts';
import type { Durable, Standing } from './state.ts';
import type { EventOf } from './event.ts';
import type { Generation } from './generation.ts';
import type { Turn } from './turn.ts';

/** What the referee has said last. */
export interface Ruling {
  readonly number: number;
  readonly winner: NodeId;
}

type Known = Pick<Durable, 'history' | 'online_in' | 'settled'>;

/**
 * The generation from which this node may go on; null: the other node may be online in a
 * newer one, which both have settled.
 */
export function starting_point({ history, online_in, settled }: Known): Generation | null {
  if (settled > online_in) return null;
  return history.find(({ number }) => number === online_in) ?? null;
}

/** May this node go on without the other? */
export function goes_on_alone(self: NodeId, known: Known, ruling: Ruling | null): boolean {
  const from = starting_point(known);
  if (from === null) return false;
  const was_alone = from.major === self && from.members.length === 1;
  const is_chosen = ruling?.number === from.number && ruling.winner === self;
  return was_alone || (from.major === REFEREE && is_chosen);
}

/** The generation to ask the referee about; null: none. */
export function question(known: Known): number | null {
  const from = starting_point(known);
  return from?.major === REFEREE ? from.number : null;
}

/** At a start: both may be starting, and none of the two need be left out. */
export function spare_referee(turn: Turn): void {
  const { clock, state } = turn;
  turn.set({ ask_referee_after_ms: clock.now_ms + state.config.referee_grace_ms });
}

/** Ask, again and again, while this node is alone. */
export function ask_referee(turn: Turn): void {
  const { config, durable, ruling, ask_referee_after_ms } = turn.state;
  if (turn.clock.now_ms < ask_referee_after_ms) return;
  const others = difference(connected_nodes(turn.state), [config.node_id]);
  if (!config.referee || intersection(others, configured_nodes(turn.state)).length > 0) return;
  const number = question(durable);
  if (number === null || goes_on_alone(config.node_id, durable, ruling)) return;
  turn.set({ asked_about: number });
  turn.durable.push({ kind: 'ask_referee', number });
}

export function on_referee(turn: Turn, { number, winner }: EventOf<'referee'>): void {
  const { config, durable, ruling } = turn.state;
  // A late answer says nothing new.
  if (goes_on_alone(config.node_id, durable, ruling)) return;
  if (number === ruling?.number && winner === ruling.winner) return;
  turn.log(`the referee chose node ${winner}, asked about generation ${number}`);
  turn.set({ ruling: { number, winner } });
}

/** Why this node does not go on alone; null where it has no referee. */
export function referee_reason({ config, durable, ruling }: Standing): string | null {
  const { generation } = durable;
  if (!config.referee || generation === null) return null;
  if (generation.major === 0 && generation.configured.length === 2) {
    return 'no referee is asked, as not both nodes had one';
  }
  if (generation.major !== REFEREE) return null;
  const number = question(durable);
  if (number === null) return 'the referee is not asked, as the other may have gone on since';
  if (ruling === null || ruling.number < number) return 'waiting for the referee';
  const newer = ruling.number > number ? `, asked about the newer generation ${ruling.number}` : '';
  return `the referee chose node ${ruling.winner}${newer}`;
}
