// What befalls a cluster until it is healed: crashes, pauses, cuts of links in both
// directions or in one, a referee that is not reached, all servers at once.
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';

export function misfortune(cluster: Cluster): void {
  const { agenda, random, nodes, network } = cluster;
  const again = (): void => {
    if (!network.faulty) return;
    strike(cluster, random.pick(nodes));
    agenda.after(random.between(50, 1_500), again);
  };
  agenda.after(random.between(300, 1_500), again);
}

function strike(cluster: Cluster, node: Node): void {
  const { agenda, random, nodes, network, referee } = cluster;
  const other = random.pick(nodes);
  if (referee !== null && random.chance(0.2)) {
    const until_ms = agenda.now_ms + random.between(100, 4_000);
    referee.fail(random.chance(0.5) ? null : node.id, until_ms);
    return;
  }
  const kind = random.next();
  if (kind < 0.25) cluster.crash_server(node);
  else if (kind < 0.4) cluster.crash_monitor(node);
  else if (kind < 0.55) {
    node.paused_until_ms = agenda.now_ms + random.between(100, 4_000);
  } else if (kind < 0.75) cut_edge(cluster, node, other);
  else if (kind < 0.9) {
    const way = `${node.id}>${other.id}`;
    network.deaf.add(way);
    agenda.after(random.between(100, 4_000), () => network.deaf.delete(way));
  } else for (const each of nodes) cluster.crash_server(each);
}

function cut_edge(cluster: Cluster, a: Node, b: Node): void {
  if (a === b) return;
  const { agenda, random, network } = cluster;
  network.cut.add(network.edge(a, b));
  agenda.after(random.between(0, 100), () => cluster.disconnect(a, b));
  agenda.after(random.between(200, 3_000), () => {
    network.cut.delete(network.edge(a, b));
    cluster.connect(a, b);
  });
}

export function heal(cluster: Cluster): void {
  const { agenda, nodes, network, referee } = cluster;
  network.heal();
  referee?.heal();
  for (const node of nodes) {
    node.paused_until_ms = 0;
    agenda.after(0, () => {
      cluster.start_server(node);
      if (node.control === null) cluster.start_monitor(node);
      for (const other of nodes) if (other !== node) cluster.connect(node, other);
    });
  }
}
