// Horizons: how far the slots of this node may be confirmed on the others (H in
// docs/majority.md, 3). A node says: what ended here before my position M came, of each
// stream, from before these positions. Whoever has done all of that may let the slot it
// reads here forget what is older than M.
import { in_force } from './force.ts';
import { status_of } from './status.ts';
import type { Generation } from './generation.ts';
import type { MessageOf } from './message.ts';
import type { NodeId } from './node_set.ts';
import type { Standing } from './state.ts';
import type { Turn } from './turn.ts';

/** Positions in WAL streams, as decimal text. */
export interface Positions {
  /** Of this node's own WAL; read before the others. */
  readonly insert: string;
  readonly peers: Readonly<Record<NodeId, { readonly received: string; readonly done: string }>>;
}

export interface Horizon {
  readonly number: number;
  readonly position: string;
  readonly received: Readonly<Record<NodeId, string>>;
}

/** By sender: the one to be taken, which is not replaced until it is, and the newest. */
export type Horizons = Readonly<
  Record<NodeId, { readonly first: Horizon; readonly newest: Horizon | null }>
>;

/** Called on every tick. */
export function consider_measure(turn: Turn): void {
  const { state, clock } = turn;
  if (clock.now_ms < state.measure_after_ms || status_of(state) !== 'online') return;
  turn.set({ measure_after_ms: clock.now_ms + state.config.heartbeat_send_ms });
  turn.now.push({ kind: 'measure' });
}

export function on_horizon(turn: Turn, from: NodeId, message: MessageOf<'horizon'>): void {
  const generation = in_force(turn.state);
  if (generation === null || !generation.members.includes(from)) return;
  const { number, position, received } = message;
  const horizon = { number, position, received };
  const before = turn.state.horizons[from];
  const pending =
    before === undefined || before.first.number !== number
      ? { first: horizon, newest: null }
      : { first: before.first, newest: horizon };
  turn.set({ horizons: { ...turn.state.horizons, [from]: pending } });
}

export function on_measured(turn: Turn, positions: Positions): void {
  const generation = in_force(turn.state);
  if (generation === null || status_of(turn.state) !== 'online') return;
  take_horizons(turn, generation, positions);
  const others = generation.members.filter((id) => id !== turn.state.config.node_id);
  const received = Object.fromEntries(
    others.map((id) => [id, positions.peers[id]?.received ?? '0']),
  );
  const { number } = generation;
  for (const to of others) {
    turn.send(to, { kind: 'horizon', number, position: positions.insert, received });
  }
}

function take_horizons(turn: Turn, generation: Generation, positions: Positions): void {
  const { state } = turn;
  if (!has_executed_all(state, generation.number)) return;
  const left: Record<NodeId, Horizons[NodeId]> = {};
  for (const [id, { first, newest }] of Object.entries(state.horizons)) {
    const peer = Number(id);
    if (first.number !== generation.number) continue;
    if (!is_done(state, peer, first, positions)) {
      left[peer] = { first, newest };
      continue;
    }
    turn.now.push({ kind: 'confirm', peer, position: first.position });
    if (newest !== null) left[peer] = { first: newest, newest: null };
  }
  turn.set({ horizons: left });
}

function is_done(state: Standing, from: NodeId, horizon: Horizon, { peers }: Positions): boolean {
  const done = (id: NodeId, position: string) =>
    BigInt(peers[id]?.done ?? '0') >= BigInt(position);
  if (!done(from, horizon.position)) return false;
  return Object.entries(horizon.received).every(
    ([id, position]) => Number(id) === state.config.node_id || done(Number(id), position),
  );
}

/** Users' decisions are executed out of the streams, too. */
function has_executed_all({ durable, tenure }: Standing, number: number): boolean {
  const { seq, phase } = tenure.executed;
  const through = phase === 'conclude' ? seq : seq - 1;
  return Object.values(durable.accepted).every(
    ({ ballot }) => ballot.number === number && ballot.seq <= through,
  );
}
