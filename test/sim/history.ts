// A history from one seed: a cluster starts, misfortune strikes while clients are at work,
// all is healed, and must come to rest.
import { change_the_list } from './list_changes.ts';
import { Cluster, type Options } from './cluster.ts';
import { demand_online, demand_rest, expected_nodes } from './demands.ts';
import { heal, misfortune } from './misfortune.ts';
import { is_quorum, REFEREE } from '../../ts-src/core/quorum.ts';
import { live } from './clients.ts';
import { Violation } from './observer.ts';

export interface Summary {
  readonly steps: number;
  readonly transactions: number;
  readonly committed: number;
  readonly aborted: number;
  readonly generations: number;
  /** Nodes that came to be online, of those that were added; and that were dropped. */
  readonly joined: number;
  readonly left: number;
}

export function run_seed(options: Options): Summary {
  return run(new Cluster(options), options);
}

export function run(cluster: Cluster, { faults_ms, spares }: Options): Summary {
  const { agenda, random } = cluster;
  for (const node of cluster.nodes) {
    if (node.exists) agenda.after(random.between(0, 300), () => cluster.start_server(node));
    live(cluster, node);
  }
  misfortune(cluster);
  if (spares > 0) change_the_list(cluster);
  agenda.run_until(faults_ms);
  heal(cluster);
  rest(cluster, faults_ms + 6_000, () => demand_online(cluster, 'clients are still at work'));
  if (random.chance(0.3)) lose_minority(cluster);
  cluster.busy_clients = false;
  agenda.run_until(agenda.now_ms + 300);
  end_users_transactions(cluster);
  rest(cluster, agenda.now_ms + 20_000, () => demand_rest(cluster));
  return summary(cluster);
}

/** Run until the demand holds, at most until then. */
function rest({ agenda }: Cluster, end_ms: number, demand: () => void): void {
  while (agenda.now_ms < end_ms) {
    agenda.run_until(agenda.now_ms + 250);
    try {
      demand();
      return;
    } catch (error) {
      if (!(error instanceof Violation) || !error.message.startsWith('liveness')) throw error;
    }
  }
  demand();
}

/** Some nodes stay down: the others go on without them. */
function lose_minority(cluster: Cluster): void {
  const { agenda, random, referee } = cluster;
  const configured = expected_nodes(cluster);
  const lost = configured.slice(-random.integer(1, configured.length));
  const left = configured.filter((id) => !lost.includes(id));
  const { major, number } = cluster.node(configured[0]!).control!.state.durable.generation!;
  // The referee chooses who is left, unless it had just chosen the other.
  const is_open = major === REFEREE && configured.length === 2 && left.length === 1 && referee?.held?.number !== number;
  if (!is_open && !is_quorum(configured, left, major)) return;
  cluster.down = lost.map((id) => cluster.node(id));
  for (const node of cluster.down) cluster.crash_server(node);
  const { committed } = summary(cluster);
  rest(cluster, agenda.now_ms + 8_000, () => {
    demand_online(cluster, 'a minority stays down');
    if (summary(cluster).committed > committed) return;
    throw new Violation('liveness: nothing is committed while a minority is down');
  });
  for (const node of cluster.down.splice(0)) agenda.after(0, () => cluster.start_server(node));
  rest(cluster, agenda.now_ms + 8_000, () => demand_online(cluster, 'they are back'));
}

/** All prepared by users is decided by somebody, as an administrator would do. */
function end_users_transactions({ agenda, nodes }: Cluster): void {
  for (const node of nodes) {
    for (const { tx } of [...node.data.prepared.values()]) {
      if (tx.user) node.data.user_decides(tx, [...tx.asked][0] === 'commit');
    }
  }
  agenda.after(4_000, () => {
    for (const node of nodes) {
      for (const { tx } of [...node.data.prepared.values()]) {
        node.data.waiting.delete(tx.gid);
        if (tx.user) node.data.user_decides(tx, false);
      }
    }
  });
}

function summary(cluster: Cluster): Summary {
  const { nodes, configured, observer } = cluster;
  const { transactions } = observer;
  const ended = (value: string) =>
    transactions.filter((tx) => [...tx.ended.values()].includes(value as 'commit')).length;
  return {
    steps: cluster.steps,
    transactions: transactions.length,
    committed: ended('commit'),
    aborted: ended('abort'),
    generations: Math.max(...nodes.map((n) => n.data.view?.generation ?? 0)),
    joined: nodes.filter(({ id, saved }) => !configured.includes(id) && (saved?.online_in ?? 0) > 0).length,
    left: configured.filter((id) => !expected_nodes(cluster).includes(id)).length,
  };
}
