// What must hold of a cluster in which nothing fails any more: all listed nodes online
// together, and, once clients are gone, nothing left anywhere.
import { added, difference, intersection, type NodeSet } from '../../ts-src/core/node_set.ts';
import { is_quorum, type Major } from '../../ts-src/core/quorum.ts';
import { Violation } from './observer.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';

/** The nodes in the list, by who was online last. */
export function expected_nodes({ nodes }: Cluster): readonly number[] {
  const alive = nodes.filter(({ exists }) => exists);
  const online_in = ({ saved }: Node) => saved?.online_in ?? 0;
  const newest = Math.max(...alive.map(online_in));
  return alive.find((node) => online_in(node) === newest)!.data.listed;
}

/**
 * Where the changes of the set come to rest while nodes are down: who is dropped stays while
 * the others are no quorum without it (docs/membership.md, 2.2).
 */
function reachable_set(listed: NodeSet, configured: NodeSet, major: Major, down: NodeSet): NodeSet {
  const leaving = difference(configured, listed).map((id) => difference(configured, [id]));
  const joining = difference(difference(listed, configured), down).map((id) => added(configured, id));
  const is_possible = (next: NodeSet) => {
    const voters = difference(next, down);
    return is_quorum(configured, intersection(voters, configured), major) && is_quorum(next, voters, major);
  };
  const next = [...leaving, ...joining].find(is_possible);
  return next === undefined ? configured : reachable_set(listed, next, major, down);
}

export function demand_online(cluster: Cluster, when: string): void {
  const listed = expected_nodes(cluster);
  const down = cluster.down.map(({ id }) => id);
  const view = cluster.node(difference(listed, down)[0]!).data.view;
  const expected = down.length === 0 || view === null ? listed : reachable_set(listed, view.configured, view.major, down);
  const up = difference(expected, down).map((id) => cluster.node(id));
  const ids = up.map(({ id }) => id).join();
  const first = up[0]!.data.view;
  const all = up.every(
    ({ data: { view } }) =>
      view?.status === 'online' &&
      view.generation === first!.generation &&
      view.configured.join() === expected.join() &&
      view.members.join() === ids,
  );
  const mute = difference(up.map(({ id }) => id), cluster.answering().map(({ id }) => id));
  if (all && mute.length > 0) throw new Violation(`liveness: node ${mute} is online, and answers nothing (${when})`);
  if (all) {
    demand_offline(cluster, expected);
    return;
  }
  const each = up.map(({ id, data: { view }, control }) => {
    const now = `${view?.status}/${view?.generation} of ${view?.configured} donor ${view?.donor}`;
    return `${id}: ${now} (${control?.state.reason})`;
  });
  throw new Violation(`liveness: not all of ${expected} online (${when}): ${each.join('; ')}`);
}

/** A dropped node may be online for a moment, until it hears of it, or nothing any more. */
function demand_offline({ nodes }: Cluster, listed: readonly number[]): void {
  const dropped = nodes.filter(({ id }) => !listed.includes(id));
  const online = dropped.find(({ data }) => data.view?.status === 'online');
  if (online !== undefined) throw new Violation(`liveness: node ${online.id} is online, though dropped`);
}

export function demand_rest(cluster: Cluster): void {
  demand_online(cluster, 'at rest');
  const expected = expected_nodes(cluster);
  const nodes = expected.map((id) => cluster.node(id));
  for (const { id, data } of nodes) {
    const left = [...data.prepared.keys()];
    if (left.length > 0) throw new Violation(`liveness, I11: prepared on node ${id}: ${left}`);
    const waiting = [...data.waiting.keys()];
    if (waiting.length > 0) throw new Violation(`liveness: node ${id} waits for ${waiting}`);
    const driven = [...data.drivers.keys()];
    if (driven.length > 0) throw new Violation(`liveness: a client of node ${id} waits: ${driven}`);
  }
  for (const { id, control } of nodes) {
    const { durable } = control!.state;
    const kept = Object.keys(durable.accepted);
    if (kept.length > 0) throw new Violation(`liveness: node ${id} keeps ${kept}`);
  }
  for (const tx of cluster.observer.transactions) cluster.observer.check_ended(tx, expected);
}
