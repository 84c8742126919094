// Recovery: a node that was away gets what it missed from one donor (docs/majority.md,
// 3). The data plane reads the donor's stream; here is who is away, whom it reads, when
// it is ready to be a member again, and when a member of a generation is online in it.
import { compare_ballots, without_ballots, type Ballot } from './ballot.ts';
import { connected_nodes, peer_of } from './connectivity.ts';
import { reaches_back } from './configured.ts';
import { donors, type Generation } from './generation.ts';
import { forget_before } from './history.ts';
import { forget_orphans } from './orphan.ts';
import { group_of, hears_quorum } from './wanted.ts';
import { in_force } from './force.ts';
import type { Heartbeat, RecoveryLeft } from './message.ts';
import type { EventOf } from './event.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import { per_state } from './per_state.ts';
import { time_left_ms, with_sample, type Sample } from './recovery_rate.ts';
import type { Standing } from './state.ts';
import type { Turn } from './turn.ts';

export interface Recovery {
  readonly donor: NodeId;
  readonly lag_bytes: number;
  /** Number of the donor's newest mark up to which everything is applied here. */
  readonly passed: number;
  /** What was left in the last seconds. */
  readonly samples: readonly Sample[];
}

export function online_in_of(state: Standing, id: NodeId): number {
  if (id === state.config.node_id) return state.durable.online_in;
  return peer_of(state, id).said?.online_in ?? 0;
}

/** Is it still only the copy that it began as? It reads its source, and nobody else. */
export function is_copy({ config, durable }: Standing): boolean {
  return config.source !== 0 && durable.online_in === 0;
}

/**
 * Was somebody online in a generation that this node missed? A donor of a newer one is
 * not away: its rounds decide what becomes of the one missed.
 */
export const is_away = per_state((state: Standing): boolean => {
  if (is_copy(state)) return true;
  const { online_in, promised } = state.durable;
  const newest = newest_online(state);
  if (newest <= online_in) return false;
  return promised === null || newest >= promised.number || !is_donor(state, promised);
});

function is_donor(state: Standing, generation: Generation): boolean {
  return donors(generation).includes(state.config.node_id);
}

/** The nodes that this one goes by: those that it could form a generation with. */
function company(state: Standing): NodeSet {
  const all = hears_quorum(state) ? group_of(state) : connected_nodes(state);
  return all.filter((id) => id !== state.config.node_id);
}

function newest_online(state: Standing): number {
  return Math.max(0, ...company(state).map((id) => online_in_of(state, id)));
}

/** Whose streams the data plane reads: see View. */
export const donor_for = per_state((state: Standing): NodeId | 0 | -1 => {
  if (!is_away(state)) return 0;
  const { online_in } = state.durable;
  const able = company(state).filter((id) => {
    const { said } = peer_of(state, id);
    if (said?.away !== false) return false;
    // What it was copied with is known to be whole only up to a position of its source.
    return is_copy(state) ? id === state.config.source : reaches_back(said.born, online_in);
  });
  const before = state.view?.donor ?? 0;
  // It begins anew with another one, so it stays with one that will be online, too.
  if (able.includes(before) && online_in_of(state, before) > state.durable.online_in) return before;
  const newest = newest_online(state);
  const online = able.filter((id) => online_in_of(state, id) === newest);
  return online[0] ?? -1;
});

/** May the others wait for this node in every commit, although it is not done? */
export function is_ready(state: Standing): boolean {
  const { recovery, config } = state;
  if (recovery === null || !is_away(state) || recovery.donor !== donor_for(state)) return false;
  return recovery.lag_bytes < config.min_recovery_lag_bytes;
}

export function recovery_left({ recovery, view }: Standing): RecoveryLeft | null {
  if (recovery === null || recovery.donor !== view?.donor) return null;
  const { lag_bytes, samples } = recovery;
  return { lag_bytes, time_left_ms: time_left_ms(samples) };
}

export function on_recovering(turn: Turn, event: EventOf<'recovering'>): void {
  const { donor, lag_bytes, passed } = event;
  const { view, recovery } = turn.state;
  if (view?.donor !== donor) return;
  const { now_ms } = turn.clock;
  const samples = with_sample(recovery?.samples ?? [], { now_ms, lag_bytes });
  turn.set({ recovery: { donor, lag_bytes, passed, samples } });
}

/** Did this node accept a commit of something that it must get from a donor? */
export function lacks_something(state: Standing): boolean {
  return Object.values(state.durable.accepted).some(({ lacks }) => lacks);
}

/** Called at the end of every step: may this node be online in the generation in force? */
export function consider_online(turn: Turn): void {
  const generation = in_force(turn.state);
  if (generation === null || !turn.state.tenure.open) return;
  const { number } = generation;
  if (turn.state.durable.online_in < number && has_all(turn.state, generation)) {
    const { born } = turn.state.durable;
    turn.save({ online_in: number, born: is_copy(turn.state) ? number : born });
    forget_before(turn, number);
    forget_orphans(turn, number);
  }
  if (turn.state.durable.online_in === number) {
    forget_ballots(turn, { number, seq: turn.state.tenure.closed });
  }
}

/** A donor ended all of it in the rounds; who was away has read it from a donor. */
function has_all(state: Standing, generation: Generation): boolean {
  if (is_donor(state, generation) && !lacks_something(state)) return true;
  const { recovery, view } = state;
  return recovery?.passed === generation.number && recovery.donor === view?.donor;
}

/**
 * A donor of B that hears of a node online in B has ended everything older than B as
 * well, even if it has voted for a newer generation before it heard so (1.8).
 */
export function learn_online(turn: Turn, said: Heartbeat): void {
  const { durable } = turn.state;
  const number = said.online_in;
  if (number <= durable.online_in || lacks_something(turn.state)) return;
  // Only of those that were won: a lost proposal may have the same number.
  const records = [said.generation, durable.generation, ...durable.history];
  const record = records.find((generation) => generation?.number === number);
  if (record == null || !is_donor(turn.state, record)) return;
  turn.save({ online_in: number, settled: Math.max(durable.settled, number) });
  forget_before(turn, number);
  forget_orphans(turn, number);
  forget_ballots(turn, { number, seq: 0 });
}

/**
 * Accepted values are forgotten only by a node that is online in their generation, or a
 * newer one: whoever is asked without having been so still answers with them.
 */
function forget_ballots(turn: Turn, end: Ballot): void {
  const { accepted, closed } = turn.state.durable;
  if (compare_ballots(closed, end) >= 0) return;
  const left = without_ballots(accepted, (ballot) => compare_ballots(ballot, end) <= 0);
  turn.save({ accepted: left, closed: end });
}
