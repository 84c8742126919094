// Wanted: which nodes should be the members now (docs/majority.md, 4). All nodes of the
// best clique compute the same from the rows in each other's heartbeats, and say so;
// nobody proposes what not all of them want.
import { best_clique } from './clique.ts';
import { changes, configured_nodes, is_quorum_here, tie_breaker } from './configured.ts';
import { connected_nodes, missing_edges, newest_promise, peer_of } from './connectivity.ts';
import { added, contains, difference, intersection, node_set, same_nodes, type NodeId, type NodeSet } from './node_set.ts';
import { is_half, is_quorum, REFEREE, type Major } from './quorum.ts';
import { is_ready, online_in_of } from './recovery.ts';
import { per_state } from './per_state.ts';
import type { Generation } from './generation.ts';
import type { Config, Standing } from './state.ts';

export const hears_quorum = per_state((state: Standing): boolean => {
  return is_quorum_here(state, connected_nodes(state));
});

/** What each node found last, and of what: it is asked for many times in a step. */
const found: { readonly of: readonly unknown[]; readonly group: NodeSet }[] = [];

/** The best set of nodes that all hear each other, this one among them. */
export function group_of(state: Standing): NodeSet {
  const { config, peers, durable, ruling } = state;
  const of = [config, peers, durable, ruling];
  const last = found[config.node_id];
  if (last?.of.every((part, i) => part === of[i])) return last.group;
  const group = find_group(state);
  found[config.node_id] = { of, group };
  return group;
}

function find_group(state: Standing): NodeSet {
  const { node_id } = state.config;
  const row = (id: NodeId) => peer_of(state, id).said?.connected ?? [];
  const hears = (a: NodeId, b: NodeId) => a === node_id || row(a).includes(b);
  const rank = (set: NodeSet) => {
    const all = set.map((id) => online_in_of(state, id));
    const newest = Math.max(...all);
    const count = all.filter((number) => number === newest).length;
    return [is_quorum_here(state, set) ? 1 : 0, newest, count];
  };
  const linked = (a: NodeId, b: NodeId) => hears(a, b) && hears(b, a);
  return best_clique(node_id, intersection(connected_nodes(state), configured_nodes(state)), linked, rank);
}

/** The members that this node wants; none while its group is no quorum. */
export const wanted_members = per_state((state: Standing): NodeSet => {
  const configured = configured_nodes(state);
  const { generation } = state.durable;
  const all = group_of(state);
  if (generation === null) return same_nodes(all, configured) ? configured : [];
  if (!is_quorum_here(state, all)) return [];
  const group = without_stopped(state, all);
  const next = next_configured(state);
  const staying = intersection(group, next);
  const donors = donors_in(state, staying);
  const up_to_date = staying.filter((id) => donors.includes(id) || is_ready_node(state, id));
  if (!is_quorum_here(state, up_to_date)) return staying;
  const present = (id: NodeId) => up_to_date.includes(id) || generation.members.includes(id);
  return node_set([...staying.filter(present), ...difference(next, configured)]);
});

/** Does a peer, or this node, want just these members, of the same configured set? */
export function wants_same(state: Standing, id: NodeId, set: NodeSet): boolean {
  if (id === state.config.node_id) return true;
  const { said } = peer_of(state, id);
  return (
    same_nodes(said?.wanted ?? [], set) && same_nodes(said!.wanted_configured, next_configured(state))
  );
}

/** A stopped node is no member as long as the others are a quorum. */
function without_stopped(state: Standing, group: NodeSet): NodeSet {
  const left = difference(group, state.stopped);
  return is_quorum_here(state, left) ? left : group;
}

/**
 * The configured set that the next generation should have. All that vote on it compute the
 * same: it changes only while all members here are online and nothing is being voted on.
 */
export const next_configured = per_state((state: Standing): NodeSet => {
  const configured = configured_nodes(state);
  const { generation } = state.durable;
  if (generation === null || newest_promise(state) > generation.number) return configured;
  const group = group_of(state);
  const members = intersection(group, generation.members);
  if (members.some((id) => online_in_of(state, id) !== generation.number)) return configured;
  // One that has the new list alone waits: a ballot may have to end its transaction first.
  const list_of = (id: NodeId) =>
    id === state.config.node_id ? state.listed : (peer_of(state, id).said?.listed ?? []);
  if (members.some((id) => !same_nodes(list_of(id), state.listed))) return configured;
  const is_possible = (next: NodeSet) => {
    const staying = intersection(members, next);
    const joining = difference(next, configured);
    const voters = node_set([...staying, ...joining]);
    return (
      is_quorum_here(state, staying) &&
      is_quorum(next, voters, generation.major) &&
      joining.every((id) => is_ready_node(state, id) && is_heard(state, id, group))
    );
  };
  return changes(state, configured).find(is_possible) ?? configured;
});

/** Does every node of the set hear it, and it them? */
function is_heard(state: Standing, id: NodeId, set: NodeSet): boolean {
  return missing_edges(state, added(set, id)).length === 0;
}

/** Those of the set that would be its donors. */
export function donors_in(state: Standing, set: NodeSet): NodeSet {
  const newest = Math.max(...set.map((id) => online_in_of(state, id)));
  return set.filter((id) => online_in_of(state, id) === newest);
}

/** Donors and present members that this node wants: it votes for nothing without them. */
export function kept_members(state: Standing): NodeSet {
  const wanted = wanted_members(state);
  const members = state.durable.generation?.members ?? [];
  const donors = wanted.length === 0 ? [] : donors_in(state, wanted);
  return wanted.filter((id) => donors.includes(id) || members.includes(id));
}

/** The tie-breaker of a record: only all together name another one than before. */
export function major_for(state: Standing, members: NodeSet): Major {
  const configured = next_configured(state);
  if (!contains(members, configured)) {
    return is_half(configured, members) ? tie_breaker(state) : (state.durable.generation?.major ?? 0);
  }
  const claimed = configured.find((id) => claims_of(state, id)?.major_node === true);
  if (claimed !== undefined) return claimed;
  const with_referee = configured.filter((id) => claims_of(state, id)?.referee === true);
  return configured.length === 2 && with_referee.length === 2 ? REFEREE : 0;
}

/** A referee that only one of two nodes has decides nothing: said before it is missed. */
export function lone_referee(state: Standing, { configured, members, major }: Generation): string | null {
  const with_referee = configured.filter((id) => claims_of(state, id)?.referee === true);
  const of_two = configured.length === 2 && members.length === 2;
  if (!of_two || major !== 0 || with_referee.length !== 1) return null;
  const [without] = difference(configured, with_referee);
  return `node ${without} has no referee, so that of node ${with_referee[0]} will not be asked`;
}

/** A node's own settings about ties. */
function claims_of(state: Standing, id: NodeId): Pick<Config, 'major_node' | 'referee'> | null {
  return id === state.config.node_id ? state.config : peer_of(state, id).said;
}

function is_ready_node(state: Standing, id: NodeId): boolean {
  if (id === state.config.node_id) return is_ready(state);
  return peer_of(state, id).said?.ready === true;
}
