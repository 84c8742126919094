// Wanted: which nodes should be the members now (docs/majority.md, 4). All nodes of the
// best clique compute the same from the rows in each other's heartbeats, and say so;
// nobody proposes what not all of them want.
import { best_clique } from './clique.ts';
import { connected_nodes, peer_of } from './connectivity.ts';
import { contains, same_nodes, type NodeId, type NodeSet } from './node_set.ts';
import { goes_on_alone } from './referee.ts';
import { is_half, is_quorum, REFEREE, type Major } from './quorum.ts';
import { is_ready, online_in_of } from './recovery.ts';
import type { Config, State } from './state.ts';

/**
 * Who breaks the tie of two halves. After a vote for a record that names another one,
 * which may have been won, nobody does until this node knows better. In place of the
 * referee it is a node that goes on alone.
 */
export function known_major({ config, durable, ruling }: State): Major {
  const self = config.node_id;
  const major = durable.generation?.major ?? 0;
  const named = [major, ...durable.pending.map((vote) => vote.major)];
  if (named.includes(REFEREE) && named.every((other) => other === REFEREE || other === self)) {
    return goes_on_alone(self, durable, ruling) ? self : REFEREE;
  }
  return named.every((other) => other === major) ? major : 0;
}

export function hears_quorum(state: State): boolean {
  return is_quorum(state.config.configured, connected_nodes(state), known_major(state));
}

/** What was found last, and of what: it is asked for many times in a step. */
let last: { readonly of: readonly unknown[]; readonly group: NodeSet } | null = null;

/** The best set of nodes that all hear each other, this one among them. */
export function group_of(state: State): NodeSet {
  const { config, peers, ticked_ms, durable, ruling } = state;
  const of = [config, peers, ticked_ms, durable, ruling];
  if (last === null || of.some((part, i) => part !== last!.of[i])) {
    last = { of, group: find_group(state) };
  }
  return last.group;
}

function find_group(state: State): NodeSet {
  const { configured, node_id } = state.config;
  const major = known_major(state);
  const row = (id: NodeId) => peer_of(state, id).said?.connected ?? [];
  const hears = (a: NodeId, b: NodeId) => a === node_id || row(a).includes(b);
  const rank = (set: NodeSet) => {
    const all = set.map((id) => online_in_of(state, id));
    const newest = Math.max(...all);
    const count = all.filter((number) => number === newest).length;
    return [is_quorum(configured, set, major) ? 1 : 0, newest, count];
  };
  const linked = (a: NodeId, b: NodeId) => hears(a, b) && hears(b, a);
  return best_clique(node_id, connected_nodes(state), linked, rank);
}

/** The members that this node wants; none while its group is no quorum. */
export function wanted_members(state: State): NodeSet {
  const { configured } = state.config;
  const { generation } = state.durable;
  const group = group_of(state);
  if (generation === null) return same_nodes(group, configured) ? configured : [];
  const major = known_major(state);
  if (!is_quorum(configured, group, major)) return [];
  const donors = donors_in(state, group);
  const up_to_date = group.filter((id) => donors.includes(id) || is_ready_node(state, id));
  if (!is_quorum(configured, up_to_date, major)) return group;
  return group.filter((id) => up_to_date.includes(id) || generation.members.includes(id));
}

/** Those of the set that would be its donors. */
export function donors_in(state: State, set: NodeSet): NodeSet {
  const newest = Math.max(...set.map((id) => online_in_of(state, id)));
  return set.filter((id) => online_in_of(state, id) === newest);
}

/** Donors and present members that this node wants: it votes for nothing without them. */
export function kept_members(state: State): NodeSet {
  const wanted = wanted_members(state);
  const members = state.durable.generation?.members ?? [];
  const donors = wanted.length === 0 ? [] : donors_in(state, wanted);
  return wanted.filter((id) => donors.includes(id) || members.includes(id));
}

/** The tie-breaker of a record: only all together name another one than before. */
export function major_for(state: State, members: NodeSet): Major {
  const { configured } = state.config;
  if (!contains(members, configured)) {
    return is_half(configured, members) ? known_major(state) : (state.durable.generation?.major ?? 0);
  }
  const claimed = configured.find((id) => claims_of(state, id)?.major_node === true);
  if (claimed !== undefined) return claimed;
  const with_referee = configured.filter((id) => claims_of(state, id)?.referee === true);
  return configured.length === 2 && with_referee.length === 2 ? REFEREE : 0;
}

/** A node's own settings about ties. */
function claims_of(state: State, id: NodeId): Pick<Config, 'major_node' | 'referee'> | null {
  return id === state.config.node_id ? state.config : peer_of(state, id).said;
}

function is_ready_node(state: State, id: NodeId): boolean {
  if (id === state.config.node_id) return is_ready(state);
  return peer_of(state, id).said?.ready === true;
}
