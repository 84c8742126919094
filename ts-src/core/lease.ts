// Lease: until when a node may answer statements, also if it hears nothing new (I10,
// docs/majority.md, 5). A node that stands still believes what it knew before. So whoever
// hears it say that it is online *grants* it heartbeat_recv_ms from then on, in which it
// votes for no generation without it, and says so in its own heartbeats. The node counts
// from when it sent what was heard; it needs grants from so many that no quorum is left
// without one of them.
import { configured_nodes, may_decide, meets_every_quorum_here } from './configured.ts';
import { change_peer, connected_words, hearing_of, peer_of, type Peer } from './connectivity.ts';
import { difference, intersection, node_set, type NodeId, type NodeSet } from './node_set.ts';
import { per_state } from './per_state.ts';
import { wanted_members, wants_same } from './wanted.ts';
import type { Heard, MessageOf } from './message.ts';
import type { Standing, State } from './state.ts';
import type { Status } from './status.ts';
import type { Turn } from './turn.ts';

/** A heartbeat in which this node said that it is online. */
export interface Beat {
  readonly seq: number;
  readonly sent_ms: number;
}

/** To a peer: it may answer statements because of this heartbeat of it. */
export interface Grant {
  readonly seq: number;
  readonly heard_ms: number;
}

// ---- who grants --------------------------------------------------------------------

/** Whom the next generation will leave out, if this node has its way and all agree. */
export const leaves_out = per_state((state: Standing): NodeSet => {
  const wanted = wanted_members(state);
  const voters = intersection(wanted, configured_nodes(state));
  if (voters.length === 0 || !voters.every((id) => wants_same(state, id, wanted))) return [];
  return difference(configured_nodes(state), wanted);
});

/** Of a set: who may still answer by what this node has granted. No lease needs a learner. */
export function leased_of(state: Standing, set: NodeSet): NodeSet {
  if (!may_decide(state)) return [];
  return set.filter((id) => {
    if (id === state.config.node_id) return false;
    const { granted, incarnation, gone } = peer_of(state, id);
    // What an earlier life of this process granted it does not know.
    return granted || (state.may_have_granted && incarnation === 0 && !gone);
  });
}

/** What a peer's heartbeat does to its grant. */
export function grant_by(state: Standing, from: NodeId, message: MessageOf<'heartbeat'>): 'renewed' | 'kept' | 'over' {
  if (message.status !== 'online') return 'over';
  // It may be with others already that go on without the peer.
  const is_behind = message.promised < (state.durable.promised?.number ?? 0);
  return is_behind || leaves_out(state).includes(from) ? 'kept' : 'renewed';
}

/** Told to all: which heartbeats of whom it grants leases for. */
export function grants(state: State): Readonly<Record<NodeId, Heard>> {
  return heard_of(state, granted_nodes(state), (id) => hearing_of(state, id).grant.seq);
}

export function granted_nodes(state: Standing): NodeSet {
  return those_of(state, ({ granted }) => granted);
}

/** Told to all, as who is left out may not be heard by all: who has let go of its lease. */
export function let_go(state: State): Readonly<Record<NodeId, Heard>> {
  return heard_of(state, not_online(state), (id) => hearing_of(state, id).seq);
}

/** Who said so last. */
export function not_online(state: Standing): NodeSet {
  return those_of(state, ({ said }) => said !== null && said.status !== 'online');
}

function those_of(state: Standing, is_so: (peer: Peer) => boolean): NodeSet {
  return node_set(Object.keys(state.peers).map(Number)).filter((id) => is_so(peer_of(state, id)));
}

function heard_of(state: State, ids: NodeSet, seq_of: (id: NodeId) => number): Readonly<Record<NodeId, Heard>> {
  const all: Record<NodeId, Heard> = {};
  for (const id of ids) all[id] = { incarnation: peer_of(state, id).incarnation, seq: seq_of(id) };
  return all;
}

/** A peer has told who has let go. */
export function take_back_grants(turn: Turn, message: MessageOf<'heartbeat'>): void {
  for (const [key, { incarnation, seq }] of Object.entries(message.let_go)) {
    const id = Number(key);
    const peer = peer_of(turn.state, id);
    if (!peer.granted || incarnation < peer.incarnation) continue;
    if (incarnation === peer.incarnation && seq < hearing_of(turn.state, id).grant.seq) continue;
    change_peer(turn, id, { granted: false });
  }
}

/** Called on every tick. */
export function judge_grants(turn: Turn): void {
  const { state, clock } = turn;
  const { heartbeat_recv_ms } = state.config;
  if (state.may_have_granted && clock.now_ms - state.started_ms > heartbeat_recv_ms) {
    turn.set({ may_have_granted: false });
  }
  for (const id of granted_nodes(state)) {
    if (clock.now_ms - hearing_of(state, id).grant.heard_ms > heartbeat_recv_ms) change_peer(turn, id, { granted: false });
  }
}

// ---- who answers -------------------------------------------------------------------

/** Is a generation about to be formed without this node? Then it lets go of its lease. */
export function is_left_out(state: Standing): boolean {
  const { config, durable } = state;
  const newest = durable.promised?.number ?? 0;
  // Who is behind may believe anything.
  return connected_words(state).some(
    ({ promised, leaves_out: left_out }) => promised >= newest && left_out.includes(config.node_id),
  );
}

/** Is the heartbeat that is being sent one that others may grant a lease for? */
export function note_beat(turn: Turn, beat: Beat): void {
  const since_ms = beat.sent_ms - turn.state.config.heartbeat_recv_ms;
  const fresh = turn.state.beats.filter(({ sent_ms }) => sent_ms >= since_ms);
  turn.set({ beats: [...fresh, beat] });
}

/** At the end of each step: what was granted to a node that was online is over when it is not. */
export function give_up_lease(turn: Turn, status: Status): void {
  const { beats, hearing } = turn.state;
  if (status === 'online' || beats.length === 0) return;
  const change = Object.entries(hearing).map(([id, each]) => [id, { ...each, counted_ms: null }] as const);
  turn.set({ beats: [], hearing: Object.fromEntries(change) });
}

/** When this node sent the newest of its heartbeats that the peer grants a lease for. */
export function counted_from(state: State, from: NodeId, message: MessageOf<'heartbeat'>): number | null {
  const { counted_ms } = hearing_of(state, from);
  const heard = message.heard[state.config.node_id];
  if (heard === undefined || heard.incarnation !== state.durable.incarnation) return counted_ms;
  const beat = state.beats.find(({ seq }) => seq === heard.seq);
  return beat === undefined ? counted_ms : Math.max(beat.sent_ms, counted_ms ?? beat.sent_ms);
}

/** Monotonic time until which statements may be answered here; 0: they may not. */
export function lease_end(state: State, now_ms: number): number {
  if (state.view?.status !== 'online') return 0;
  const { node_id, heartbeat_recv_ms } = state.config;
  // Clocks do not run at quite the same speed.
  const lasts_ms = heartbeat_recv_ms - Math.ceil(heartbeat_recv_ms / 100);
  const nodes = [node_id];
  if (meets_every_quorum_here(state, nodes)) return now_ms + lasts_ms;
  const counted = Object.entries(state.hearing)
    .map(([id, { counted_ms }]) => ({ id: Number(id), counted_ms: counted_ms ?? -Infinity }))
    .sort((a, b) => b.counted_ms - a.counted_ms);
  for (const { id, counted_ms } of counted) {
    if (counted_ms === -Infinity) break;
    nodes.push(id);
    if (meets_every_quorum_here(state, nodes)) return counted_ms + lasts_ms;
  }
  return 0;
}
