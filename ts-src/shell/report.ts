// The report: what other sessions of this server are told of the control plane. At most
// 32 kB, so what could be long is cut.
import { bit_mask, contains, type NodeId, type NodeSet } from '../core/node_set.ts';
import { connected_nodes, hearing_of, is_connected, peer_of } from '../core/connectivity.ts';
import { configured_nodes, known_nodes } from '../core/configured.ts';
import { in_force } from '../core/force.ts';
import { recovery_left } from '../core/recovery.ts';
import type { RecoveryLeft } from '../core/message.ts';
import type { State } from '../core/state.ts';
import type { Status } from '../core/status.ts';

const LONGEST_TEXT = 1_000;
const MOST_GIDS = 20;

export interface NodeReport {
  readonly id: NodeId;
  /** What it says of itself; null: nothing yet. */
  readonly status: Status | null;
  readonly connected: boolean;
  readonly link: boolean;
  readonly generation: number;
  readonly incarnation: number;
  readonly connectivity_mask: string;
  readonly heartbeats: number;
  readonly heard_wall_ms: number | null;
  readonly status_since_wall_ms: number | null;
  readonly recovery: RecoveryLeft | null;
}

export interface Report {
  readonly node_id: NodeId;
  readonly wall_ms: number;
  readonly status: Status;
  /** Why it is not online; empty when it is. */
  readonly reason: string;
  readonly status_since_wall_ms: number;
  readonly incarnation: number;
  readonly generation: number;
  readonly members: NodeSet;
  readonly members_online: NodeSet;
  readonly configured: NodeSet;
  /** The tie-breaker of halves, 0: none. */
  readonly major: NodeId | 0;
  readonly connected: NodeSet;
  /** Generations that the node moved to since its server started. */
  readonly generations_seen: number;
  readonly nodes: readonly NodeReport[];
  /** gid -> why no outcome can be found for it. */
  readonly undecided: Readonly<Record<string, string>>;
  /** Members that have not answered the resolver here, and what. */
  readonly waiting_for: NodeSet;
  readonly phase: string | null;
}

export function make_report(state: State, wall_ms: number): Report {
  const { config, durable, view, tenure } = state;
  const { round } = tenure;
  const members = durable.promised?.members ?? [];
  const answered = Object.keys(round?.answered ?? {}).map(Number);
  return {
    node_id: config.node_id,
    wall_ms,
    status: view?.status ?? 'disabled',
    reason: (state.reason + lag_of(state)).slice(0, LONGEST_TEXT),
    status_since_wall_ms: state.view_since_wall_ms,
    incarnation: durable.incarnation,
    generation: durable.promised?.number ?? 0,
    members,
    members_online: members_online(state),
    configured: configured_nodes(state),
    major: durable.generation?.major ?? 0,
    connected: connected_nodes(state),
    generations_seen: state.generations_seen,
    nodes: known_nodes(state).map((id) => node_report(state, id)),
    undecided: Object.fromEntries(Object.entries(tenure.undecided).slice(0, MOST_GIDS)),
    waiting_for: round === null ? [] : members.filter((id) => !answered.includes(id)),
    phase: round?.phase ?? null,
  };
}

/** How much of the donor's WAL is left to read; not part of the reason, which is logged. */
function lag_of(state: State): string {
  const left = recovery_left(state);
  if (left === null) return '';
  const mb = (left.lag_bytes / 1024 / 1024).toFixed(1);
  const { time_left_ms: ms } = left;
  return `, ${mb} MB of its WAL are left${ms === null ? '' : `, about ${Math.ceil(ms / 1000)} s`}`;
}

/** As far as this node knows. */
function members_online(state: State): NodeSet {
  const generation = in_force(state);
  if (generation === null) return [];
  return generation.members.filter((id) => {
    if (id === state.config.node_id) return state.view?.status === 'online';
    const { said } = peer_of(state, id);
    const same = said?.promised === generation.number && said.status === 'online';
    return is_connected(state, id) && same;
  });
}

function node_report(state: State, id: NodeId): NodeReport {
  if (id === state.config.node_id) return own_report(state);
  const peer = peer_of(state, id);
  const { said } = peer;
  const { heartbeats, heard_wall_ms, status_since_wall_ms } = hearing_of(state, id);
  return {
    id,
    status: said?.status ?? null,
    connected: is_connected(state, id),
    link: peer.link,
    generation: said?.promised ?? 0,
    incarnation: peer.incarnation,
    connectivity_mask: bit_mask(said?.connected ?? []),
    heartbeats,
    heard_wall_ms,
    status_since_wall_ms,
    recovery: is_connected(state, id) ? (said?.recovery ?? null) : null,
  };
}

function own_report(state: State): NodeReport {
  const { config, durable, view } = state;
  return {
    id: config.node_id,
    status: view?.status ?? null,
    connected: true,
    link: true,
    generation: durable.promised?.number ?? 0,
    incarnation: durable.incarnation,
    connectivity_mask: bit_mask(connected_nodes(state)),
    heartbeats: state.heartbeat_seq,
    heard_wall_ms: null,
    status_since_wall_ms: state.view_since_wall_ms,
    recovery: recovery_left(state),
  };
}

/** Do all members know each other online in this generation? */
export function all_members_online({ members, members_online }: Report): boolean {
  return members.length > 0 && contains(members_online, members);
}
