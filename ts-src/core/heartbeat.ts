// Heartbeats: sent every heartbeat_send_ms, and at once when they have something new to
// say. They repeat all that others must know sooner or later, so that no other message
// has to arrive for it.
import { connected_nodes, newest_promise, peer_ids, peer_of, streaming_nodes } from './connectivity.ts';
import { learn } from './history.ts';
import { per_state } from './per_state.ts';
import { remind } from './round.ts';
import { status_of } from './status.ts';
import { next_configured, wanted_members } from './wanted.ts';
import { counted_from, give_up_lease, grant_for, grants, leased_of, leaves_out, let_go, note_beat, take_back_grants } from './lease.ts';
import { wants_newer } from './campaign.ts';
import { is_away, is_ready, learn_online, recovery_left } from './recovery.ts';
import type { Heartbeat, MessageOf } from './message.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { State } from './state.ts';
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
  const message = { ...present(state), seq };
  if (message.status === 'online') note_beat(turn, { seq, sent_ms: clock.now_ms });
  for (const to of linked_nodes(state)) turn.send(to, message);
}

const present = per_state((state: State): Heartbeat => {
  const { promised, generation } = state.durable;
  return {
    kind: 'heartbeat',
    seq: 0,
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
    let_go: let_go(state),
    heard: grants(state),
    listed: state.listed,
    major_node: state.config.major_node,
    referee: state.config.referee,
    newest: newest_promise(state),
    wants: wants_newer(state),
    closed: state.tenure.closed,
    open: state.tenure.open,
  };
});

function linked_nodes(state: State): NodeSet {
  return peer_ids(state).filter((id) => peer_of(state, id).link);
}

/** Two heartbeats that say the same to the same nodes have the same text. */
const in_short = per_state((state: State): string => {
  const said = present(state);
  const { status, connected, streams, promised, generation, wants, closed, open } = said;
  const { online_in, away, ready, wanted, wanted_configured, listed, newest } = said;
  const number = generation?.number ?? 0;
  const rounds = [status, connected, streams, promised, number, wants, closed, open];
  const { leaves_out: left_out, leased, heard, let_go: gone } = said;
  const leases = [left_out, leased, Object.keys(heard), Object.keys(gone)];
  const nodes = [wanted, wanted_configured, listed, linked_nodes(state), leases];
  return JSON.stringify([rounds, online_in, away, ready, newest, nodes]);
});

export function on_heartbeat(turn: Turn, from: NodeId, message: MessageOf<'heartbeat'>): void {
  const peer = peer_of(turn.state, from);
  if (peer.said !== null && message.seq <= peer.said.seq) return;
  turn.set({
    peers: {
      ...turn.state.peers,
      [from]: {
        ...peer,
        heard_ms: turn.clock.now_ms,
        silent: false,
        gone: false,
        granted: grant_for(turn, peer, from, message),
        counted_ms: counted_from(turn.state, peer, message),
        heard_wall_ms: turn.clock.wall_ms,
        heartbeats: peer.heartbeats + 1,
        status_since_wall_ms:
          peer.said?.status === message.status ? peer.status_since_wall_ms : turn.clock.wall_ms,
        said: message,
      },
    },
  });
  take_back_grants(turn, message);
  if (message.generation !== null) learn(turn, message.generation);
  learn_online(turn, message);
  remind(turn, from, message);
}
