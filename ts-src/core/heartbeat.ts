// Heartbeats: sent every heartbeat_send_ms, and at once when they have something new to
// say. They repeat all that others must know sooner or later, so that no other message
// has to arrive for it.
import { change_hearing, change_peer, hearing_of, peer_ids, peer_of } from './connectivity.ts';
import { connected_nodes, newest_promise, streaming_nodes } from './connectivity.ts';
import { learn } from './history.ts';
import { per_state } from './per_state.ts';
import { remind } from './round.ts';
import { status_of } from './status.ts';
import { next_configured, wanted_members } from './wanted.ts';
import { counted_from, give_up_lease, grant_by, note_beat, take_back_grants } from './lease.ts';
import { granted_nodes, grants, leased_of, leaves_out, let_go, not_online } from './lease.ts';
import { wants_newer } from './campaign.ts';
import { is_away, is_ready, learn_online, recovery_left } from './recovery.ts';
import type { Heartbeat, MessageOf, Words } from './message.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { Standing } from './state.ts';
import type { Turn } from './turn.ts';

/** Called at the end of every step, when all else is settled. */
export function beat(turn: Turn): void {
  give_up_lease(turn, status_of(turn.state));
  const { state, clock } = turn;
  const said = in_short(state);
  if (said === state.heartbeat_said && clock.now_ms < state.heartbeat_after_ms) return;
  const seq = state.heartbeat_seq + 1;
  turn.set({
    heartbeat_seq: seq,
    heartbeat_said: said,
    heartbeat_after_ms: clock.now_ms + state.config.heartbeat_send_ms,
  });
  const message = { ...present(state), seq, heard: grants(state), let_go: let_go(state) };
  if (message.status === 'online') note_beat(turn, { seq, sent_ms: clock.now_ms });
  for (const to of linked_nodes(state)) turn.send(to, message);
}

const present = per_state((state: Standing): Words => {
  const { promised, generation } = state.durable;
  return {
    kind: 'heartbeat',
    status: status_of(state),
    connected: connected_nodes(state),
    streams: streaming_nodes(state),
    promised: promised?.number ?? 0,
    generation,
    online_in: state.durable.online_in,
    born: state.durable.born,
    away: is_away(state),
    ready: is_ready(state),
    recovery: recovery_left(state),
    wanted: wanted_members(state),
    wanted_configured: next_configured(state),
    leaves_out: leaves_out(state),
    leased: leased_of(state, leaves_out(state)),
    listed: state.listed,
    major_node: state.config.major_node,
    referee: state.config.referee,
    newest: newest_promise(state),
    wants: wants_newer(state),
    closed: state.tenure.closed,
    open: state.tenure.open,
  };
});

function linked_nodes(state: Standing): NodeSet {
  return peer_ids(state).filter((id) => peer_of(state, id).link);
}

/** Two heartbeats that say the same to the same nodes have the same text. */
const in_short = per_state((state: Standing): string => {
  const said = present(state);
  const { status, connected, streams, promised, generation, wants, closed, open } = said;
  const { online_in, away, ready, wanted, wanted_configured, listed, newest } = said;
  const number = generation?.number ?? 0;
  const rounds = [status, connected, streams, promised, number, wants, closed, open];
  const leases = [said.leaves_out, said.leased, granted_nodes(state), not_online(state)];
  const nodes = [wanted, wanted_configured, listed, linked_nodes(state), leases];
  return JSON.stringify([rounds, online_in, away, ready, newest, nodes]);
});

export function on_heartbeat(turn: Turn, from: NodeId, message: MessageOf<'heartbeat'>): void {
  const { said, granted } = peer_of(turn.state, from);
  const before = hearing_of(turn.state, from);
  if (message.seq <= before.seq) return;
  const { now_ms, wall_ms } = turn.clock;
  const by = grant_by(turn.state, from, message);
  change_hearing(turn, from, {
    heartbeats: before.heartbeats + 1,
    seq: message.seq,
    heard_ms: now_ms,
    heard_wall_ms: wall_ms,
    status_since_wall_ms: said?.status === message.status ? before.status_since_wall_ms : wall_ms,
    grant: by === 'renewed' ? { seq: message.seq, heard_ms: now_ms } : before.grant,
    counted_ms: counted_from(turn.state, from, message),
  });
  change_peer(turn, from, {
    heard: true,
    silent: false,
    gone: false,
    said: words_of(message, said),
    granted: by === 'renewed' || (by === 'kept' && granted),
  });
  take_back_grants(turn, message);
  if (message.generation !== null) learn(turn, message.generation);
  learn_online(turn, message);
  remind(turn, from, message);
}

/** Nearly always they repeat what was said before: then it is the same object. */
function words_of({ seq, heard, let_go: gone, ...words }: Heartbeat, before: Words | null): Words {
  return before !== null && is_same(words, before) ? before : words;
}

/** Of values that came as JSON. */
function is_same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => is_same((a as Fields)[key], (b as Fields)[key]));
}

type Fields = Readonly<Record<string, unknown>>;
