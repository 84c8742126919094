// Nodes that join and leave: transactions that change the list, and base backups.
import { begin } from './clients.ts';
import { LIST_KEY } from './database.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';

export function change_the_list(cluster: Cluster): void {
  const { agenda, random, nodes, network } = cluster;
  const change = (): void => {
    if (network.faulty) change_list(cluster, random.pick(nodes));
    agenda.after(random.between(100, 900), change);
  };
  const join_all = (): void => {
    for (const node of nodes) if (!node.exists) join(cluster, node);
    agenda.after(random.between(50, 300), join_all);
  };
  agenda.after(random.between(300, 900), change);
  agenda.after(0, join_all);
}

function change_list(cluster: Cluster, node: Node): void {
  const { random, nodes } = cluster;
  const { listed } = node.data;
  const spares = nodes.filter(({ id, exists }) => !exists && !listed.includes(id));
  if (spares.length > 0 && random.chance(0.6)) {
    begin(cluster, node, null, [LIST_KEY], { change: 'add', node: spares[0]!.id });
    return;
  }
  const victim = random.pick(listed);
  if (listed.length < 3 || is_needed(cluster, victim)) return;
  begin(cluster, node, null, [LIST_KEY], { change: 'drop', node: victim });
}

/** Who still gets its copy's rest from it could never join. */
function is_needed({ nodes, configured }: Cluster, id: number): boolean {
  return nodes.some(
    (node) => !configured.includes(node.id) && (node.saved?.online_in ?? 0) === 0 &&
      (node.source === id || node.id === id),
  );
}

function is_leaving({ observer }: Cluster, id: number): boolean {
  return observer.transactions.some(
    ({ list, ended, told }) =>
      list?.change === 'drop' && list.node === id && told !== 'abort' && ![...ended.values()].includes('abort'),
  );
}

/** As soon as a node that stays is online, it is made. */
function join(cluster: Cluster, node: Node): void {
  const { agenda, random, nodes } = cluster;
  const able = nodes.filter(
    ({ id, data }) =>
      data.view?.status === 'online' && data.listed.includes(node.id) && !is_leaving(cluster, id),
  );
  if (able.length === 0) return;
  copy(cluster, node, random.pick(able));
  agenda.after(random.between(0, 500), () => cluster.start_server(node));
}

/** A copy of a node that is online, which goes on while it is made. */
export function copy(cluster: Cluster, node: Node, source: Node): void {
  node.exists = true;
  node.source = source.id;
  node.data.copy(source.data);
  for (const { ended } of cluster.observer.transactions) {
    const value = ended.get(source.id);
    if (value !== undefined) ended.set(node.id, value);
  }
  cluster.trace(node.id, `begins as a copy of node ${source.id}`);
}
