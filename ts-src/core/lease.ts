// Lease: until when a node may answer statements, also if it hears nothing new (I10,
// docs/majority.md, 5). A node that stands still believes what it knew before. So whoever
// hears it say that it is online *grants* it heartbeat_recv_ms from then on, in which it
// votes for no generation without it, and says so in its own heartbeats. The node counts
// from when it sent what was heard; it needs grants from so many that no quorum is left
// without one of them.
import { configured_nodes, may_decide, meets_every_quorum_here } from './configured.ts';
import { connected_words, peer_of, type Peer } from './connectivity.ts';
import { difference, intersection, type NodeId, type NodeSet } from './node_set.ts';
import { per_state } from './per_state.ts';
import { wanted_members, wants_same } from './wanted.ts';
import type { Heard, MessageOf } from './message.ts';
import type { State } from './state.ts';
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
export const leaves_out = per_state((state: State): NodeSet => {
  const wanted = wanted_members(state);
  const voters = intersection(wanted, configured_nodes(state));
  if (voters.length === 0 || !voters.every((id) => wants_same(state, id, wanted))) return [];
  return difference(configured_nodes(state), wanted);
});

/** Of a set: who may still answer by what this node has granted. No lease needs a learner. */
export function leased_of(state: State, set: NodeSet): NodeSet {
  if (!may_decide(state)) return [];
  return set.filter((id) => {
    if (id === state.config.node_id) return false;
    const { granted, incarnation, gone } = peer_of(state, id);
    // What an earlier life of this process granted it does not know.
    return granted !== null || (state.may_have_granted && incarnation === 0 && !gone);
  });
}

/** What becomes of the grant to a peer that has sent this. */
export function grant_for(turn: Turn, peer: Peer, from: NodeId, message: MessageOf<'heartbeat'>): Grant | null {
  const { state, clock } = turn;
  if (message.status !== 'online') return null;
  // It may be with others already that go on without the peer.
  const is_behind = message.promised < (state.durable.promised?.number ?? 0);
  if (is_behind || leaves_out(state).includes(from)) return peer.granted;
  return { seq: message.seq, heard_ms: clock.now_ms };
}

/** Told to all: which heartbeats of whom it grants leases for. */
export function grants(state: State): Readonly<Record<NodeId, Heard>> {
  const all: Record<NodeId, Heard> = {};
  for (const [id, { granted, incarnation }] of Object.entries(state.peers)) {
    if (granted !== null) all[Number(id)] = { incarnation, seq: granted.seq };
  }
  return all;
}

/** Told to all, as who is left out may not be heard by all: who has let go of its lease. */
export function let_go(state: State): Readonly<Record<NodeId, Heard>> {
  const all: Record<NodeId, Heard> = {};
  for (const [id, { said, incarnation }] of Object.entries(state.peers)) {
    if (said !== null && said.status !== 'online') all[Number(id)] = { incarnation, seq: said.seq };
  }
  return all;
}

/** A peer has told who has let go. */
export function take_back_grants(turn: Turn, message: MessageOf<'heartbeat'>): void {
  for (const [id, { incarnation, seq }] of Object.entries(message.let_go)) {
    const peer = peer_of(turn.state, Number(id));
    if (peer.granted === null || incarnation < peer.incarnation) continue;
    if (incarnation === peer.incarnation && seq < peer.granted.seq) continue;
    turn.set({ peers: { ...turn.state.peers, [id]: { ...peer, granted: null } } });
  }
}

/** Called on every tick. */
export function judge_grants(turn: Turn): void {
  const { state, clock } = turn;
  const { heartbeat_recv_ms } = state.config;
  if (state.may_have_granted && clock.now_ms - state.started_ms > heartbeat_recv_ms) {
    turn.set({ may_have_granted: false });
  }
  const over = Object.entries(state.peers).filter(
    ([, { granted }]) => granted !== null && clock.now_ms - granted.heard_ms > heartbeat_recv_ms,
  );
  if (over.length === 0) return;
  const change = over.map(([id, peer]) => [id, { ...peer, granted: null }] as const);
  turn.set({ peers: { ...turn.state.peers, ...Object.fromEntries(change) } });
}

// ---- who answers -------------------------------------------------------------------

/** Is a generation about to be formed without this node? Then it lets go of its lease. */
export function is_left_out(state: State): boolean {
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
  const { beats, peers } = turn.state;
  if (status === 'online' || beats.length === 0) return;
  const change = Object.entries(peers).map(([id, peer]) => [id, { ...peer, counted_ms: null }] as const);
  turn.set({ beats: [], peers: Object.fromEntries(change) });
}

/** When this node sent the newest of its heartbeats that the peer grants a lease for. */
export function counted_from(state: State, peer: Peer, message: MessageOf<'heartbeat'>): number | null {
  const heard = message.heard[state.config.node_id];
  if (heard === undefined || heard.incarnation !== state.durable.incarnation) return peer.counted_ms;
  const beat = state.beats.find(({ seq }) => seq === heard.seq);
  return beat === undefined ? peer.counted_ms : Math.max(beat.sent_ms, peer.counted_ms ?? beat.sent_ms);
}

/** Monotonic time until which statements may be answered here; 0: they may not. */
export function lease_end(state: State, now_ms: number): number {
  if (state.view?.status !== 'online') return 0;
  const { node_id, heartbeat_recv_ms } = state.config;
  // Clocks do not run at quite the same speed.
  const lasts_ms = heartbeat_recv_ms - Math.ceil(heartbeat_recv_ms / 100);
  const nodes = [node_id];
  if (meets_every_quorum_here(state, nodes)) return now_ms + lasts_ms;
  const counted = Object.entries(state.peers)
    .map(([id, { counted_ms }]) => ({ id: Number(id), counted_ms: counted_ms ?? -Infinity }))
    .sort((a, b) => b.counted_ms - a.counted_ms);
  for (const { id, counted_ms } of counted) {
    if (counted_ms === -Infinity) break;
    nodes.push(id);
    if (meets_every_quorum_here(state, nodes)) return counted_ms + lasts_ms;
  }
  return 0;
}
