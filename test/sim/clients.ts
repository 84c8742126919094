// What happens on a node without its control plane: clients begin, cancel and decide
// transactions, streams are read, backends repeat what they wish.
import { KEYS } from './database.ts';
import type { Cluster } from './cluster.ts';
import type { ListChange } from './transaction.ts';
import type { Node } from './node.ts';

export function live(cluster: Cluster, node: Node): void {
  const { agenda, random } = cluster;
  const soon = (low: number, high: number, act: () => void): void => {
    const again = (): void => {
      try {
        if (node.server_up) act();
      } finally {
        // It may have crashed in the middle of it.
        agenda.after(random.between(low, high), again);
      }
    };
    agenda.after(random.between(low, high), again);
  };
  soon(50, 400, () => client(cluster, node));
  soon(2, 30, () => read_streams(cluster, node));
  soon(200, 700, () => node.data.repeat());
}

function client(cluster: Cluster, node: Node): void {
  if (!cluster.busy_clients) return;
  const { random, options } = cluster;
  const { data } = node;
  const kind = random.next();
  const [ours, users] = options.eager_users === true ? [0.2, 0.6] : [0.7, 0.8];
  if (kind < ours!) begin_some(cluster, node, null);
  else if (kind < users!) begin_users(cluster, node, `u${random.integer(1, 3)}`);
  else if (kind < 0.95) decide_something(cluster, node);
  else if (data.drivers.size > 0) {
    const gid = random.pick([...data.drivers.keys()]);
    data.cancel(gid);
    if (random.chance(0.5)) data.give_up(gid);
  }
}

/** Users give a name again once it is free, but not to two transactions at a time. */
function begin_users(cluster: Cluster, node: Node, gid: string): void {
  if (cluster.nodes.some(({ data }) => data.prepared.has(gid))) return;
  // Who was left behind does not know that the name was used since: its lease is over.
  if (!cluster.answering().includes(node)) return;
  begin_some(cluster, node, gid);
}

function begin_some(cluster: Cluster, node: Node, gid: string | null): void {
  const { random } = cluster;
  const keys = [random.integer(0, KEYS - 1)];
  if (random.chance(0.3)) keys.push((keys[0]! + 1) % KEYS);
  begin(cluster, node, gid, keys, null);
}

export function begin(
  cluster: Cluster,
  node: Node,
  gid: string | null,
  keys: readonly number[],
  list: ListChange | null,
): void {
  const tx = node.data.begin(gid, keys, list);
  if (tx === null) return;
  cluster.trace(node.id, `begins ${tx.gid} in generation ${tx.generation}`);
  cluster.observer.transactions.push(tx);
}

function decide_something({ random, options }: Cluster, { data }: Node): void {
  const own = [...data.prepared.values()].filter(({ tx }) => tx.user);
  if (own.length === 0) return;
  const { tx } = random.pick(own);
  if (tx.told === null && options.eager_users !== true && random.chance(0.8)) return;
  data.user_decides(tx, random.chance(0.6));
}

function read_streams({ nodes, network, random, held }: Cluster, node: Node): void {
  const { data } = node;
  for (const from of nodes) {
    if (from === node || !network.is_linked(node, from) || random.chance(0.3)) continue;
    const count = random.integer(1, 4);
    if (held.has(`${from.id}>${node.id}`)) continue;
    if (data.reads_streams()) data.read_stream(from.data, count);
    else if (data.recovery?.donor === from.id) data.recovery.step(from.data, count * 3);
  }
}
