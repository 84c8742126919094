// Connectivity: who hears whom. A peer is connected when its link is up both ways and
// it was heard of within heartbeat_recv_ms. Silence is judged at ticks only, when all
// that was queued is read: a node that stood still does not take that for silence. So a
// tick at which nothing happens leaves the state as it is. Each heartbeat carries its
// sender's own set, so that everybody sees the whole matrix.
import { known_nodes } from './configured.ts';
import { added, contains, difference, type NodeId, type NodeSet } from './node_set.ts';
import type { Grant } from './lease.ts';
import type { Words } from './message.ts';
import { per_state } from './per_state.ts';
import type { Standing, State } from './state.ts';
import type { Turn } from './turn.ts';

/** What a node knows of a peer. */
export interface Peer {
  readonly link: boolean;
  readonly stream: boolean;
  /** Since its link came up. */
  readonly heard: boolean;
  /** That was too long ago, at the last tick. */
  readonly silent: boolean;
  /** The newest incarnation heard of; 0: none yet. */
  readonly incarnation: number;
  /** Monotonic time at which that was heard of first. */
  readonly since_ms: number | null;
  readonly said: Words | null;
  /** This node votes for no generation without it for now (lease.ts). */
  readonly granted: boolean;
  /** Its server did not run when it was looked at last. */
  readonly gone: boolean;
  /** Why its last message was refused. */
  readonly refused: string | null;
}

export const UNKNOWN_PEER: Peer = {
  link: false,
  stream: false,
  heard: false,
  silent: false,
  incarnation: 0,
  since_ms: null,
  said: null,
  granted: false,
  gone: false,
  refused: null,
};

/** What each of its heartbeats changes. */
export interface Hearing {
  readonly heartbeats: number;
  /** Of this incarnation; 0: none yet. */
  readonly seq: number;
  /** Monotonic time of its newest heartbeat. */
  readonly heard_ms: number;
  readonly heard_wall_ms: number | null;
  readonly status_since_wall_ms: number | null;
  /** The newest heartbeat that this node granted it a lease for, while `granted`. */
  readonly grant: Grant;
  /** Monotonic time at which this node sent what the peer granted it a lease for. */
  readonly counted_ms: number | null;
}

const UNHEARD: Hearing = {
  heartbeats: 0,
  seq: 0,
  heard_ms: 0,
  heard_wall_ms: null,
  status_since_wall_ms: null,
  grant: { seq: 0, heard_ms: 0 },
  counted_ms: null,
};

export function peer_of(state: Standing, id: NodeId): Peer {
  return state.peers[id] ?? UNKNOWN_PEER;
}

export function hearing_of(state: State, id: NodeId): Hearing {
  return state.hearing[id] ?? UNHEARD;
}

/** Also of who is not listed yet: its link is told once, when it comes up. */
export function change_peer(turn: Turn, id: NodeId, change: Partial<Peer>): void {
  const { config, peers } = turn.state;
  const before = peer_of(turn.state, id);
  const keys = Object.keys(change) as (keyof Peer)[];
  if (id === config.node_id || keys.every((key) => change[key] === before[key])) return;
  turn.set({ peers: { ...peers, [id]: { ...before, ...change } } });
}

export function change_hearing(turn: Turn, id: NodeId, change: Partial<Hearing>): void {
  const { hearing } = turn.state;
  turn.set({ hearing: { ...hearing, [id]: { ...hearing_of(turn.state, id), ...change } } });
}

export function peer_ids(state: Standing): NodeSet {
  return known_nodes(state).filter((id) => id !== state.config.node_id);
}

export function is_connected(state: Standing, id: NodeId): boolean {
  if (id === state.config.node_id) return true;
  const { link, heard, silent } = peer_of(state, id);
  return link && heard && !silent;
}

/** Called on every tick: of whom was nothing heard for too long? */
export function judge_silence(turn: Turn): void {
  const { state, clock } = turn;
  const { heartbeat_recv_ms } = state.config;
  for (const [id, { heard, silent }] of Object.entries(state.peers)) {
    if (!heard || silent) continue;
    const { heard_ms } = hearing_of(state, Number(id));
    if (clock.now_ms - heard_ms > heartbeat_recv_ms) change_peer(turn, Number(id), { silent: true });
  }
}

/** This node and all it is connected with: its row of the matrix. */
export const connected_nodes = per_state((state: Standing): NodeSet => {
  return with_self(state, (id) => is_connected(state, id));
});

/** This node, and the peers that are so. */
function with_self(state: Standing, is_so: (id: NodeId) => boolean): NodeSet {
  const self = state.config.node_id;
  return added(known_nodes(state).filter((id) => id === self || is_so(id)), self);
}

export function streaming_nodes(state: Standing): NodeSet {
  return with_self(state, (id) => peer_of(state, id).stream);
}

/** Whose row lacks a node of `set`; empty when all of them hear each other. */
export function missing_edges(
  state: Standing,
  set: NodeSet,
): readonly { readonly from: NodeId; readonly to: NodeSet }[] {
  return rows(state, set, set, connected_nodes(state), (said) => said.connected);
}

/** Who of `readers` does not read the replication stream of which node of `set`. */
export function missing_streams(
  state: Standing,
  readers: NodeSet,
  set: NodeSet,
): readonly { readonly from: NodeId; readonly to: NodeSet }[] {
  return rows(state, readers, set, streaming_nodes(state), (said) => said.streams);
}

function rows(
  state: Standing,
  of: NodeSet,
  set: NodeSet,
  own: NodeSet,
  row: (said: Words) => NodeSet,
): readonly { readonly from: NodeId; readonly to: NodeSet }[] {
  const missing = [];
  for (const from of of) {
    const said = peer_of(state, from).said;
    const seen = from === state.config.node_id ? own : said === null ? [] : row(said);
    if (!contains(seen, set)) missing.push({ from, to: difference(set, seen) });
  }
  return missing;
}

/** Incarnations of this node and of the peers heard of. */
export function known_incarnations(state: Standing): Readonly<Record<NodeId, number>> {
  const known: Record<NodeId, number> = { [state.config.node_id]: state.durable.incarnation };
  for (const id of peer_ids(state)) {
    const { incarnation } = peer_of(state, id);
    if (incarnation > 0) known[id] = incarnation;
  }
  return known;
}

/** What the peers that are connected now have said last. */
export function connected_words(state: Standing): readonly Words[] {
  return peer_ids(state)
    .filter((id) => is_connected(state, id))
    .map((id) => peer_of(state, id).said)
    .filter((said) => said !== null);
}

/** Passed on in heartbeats: the campaigner may not hear the node that gave the promise. */
export function newest_promise(state: Standing): number {
  const own = state.durable.promised?.number ?? 0;
  return Math.max(own, ...connected_words(state).map((said) => said.promised));
}
