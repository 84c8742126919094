// What a story says of its end, and of moments in between.
//
//   expect T1 committed on 1 2 3      also: prepared; aborted, where nothing is left of it
//   expect client of T1 told committed     also: aborted, prepared, unknown (its backend
//                                          is gone), nothing (it waits)
//   expect nodes 1 2 3 online in generation 2    also: node 1 ...; any status
//   expect node 1 isolated
//   expect all at rest                all online, nothing prepared or accepted, I7, I11
import { answer_of } from './words.ts';
import type { Transaction } from '../sim/transaction.ts';
import type { TracedCluster } from './traced_cluster.ts';

type Expect = (cluster: TracedCluster, words: readonly string[]) => void;

export const expectations: readonly (readonly [RegExp, Expect])[] = [
  [/^expect (\w+) (committed|aborted|prepared) on ([\d ]+)$/, (c, [name, state, nodes]) => {
    const tx = c.transaction(name!);
    for (const id of nodes!.split(' ').map(Number)) {
      demand(c, `${name} on node ${id}`, state_on(c, tx, id), state!);
    }
  }],
  [/^expect client of (\w+) told (\w+)$/, (c, [name, told]) => {
    demand(c, `what the client of ${name} was told`, told_of(c, c.transaction(name!)), told!);
  }],
  [/^expect nodes? ([\d ]+) (\w+)(?: in generation (\d+))?$/, (c, [nodes, status, number]) => {
    for (const id of nodes!.split(' ').map(Number)) {
      const { view } = c.node(id).data;
      demand(c, `the status of node ${id}`, view?.status ?? 'down', status!);
      if (number === undefined) continue;
      demand(c, `the generation of node ${id}`, String(view?.generation), number);
    }
  }],
  [/^expect all at rest$/, (c) => c.demand_rest()],
];

function demand(cluster: TracedCluster, what: string, is: string, expected: string): void {
  if (is === expected) return;
  throw new Error(`${what} is "${is}", not "${expected}":\n${cluster.lines.join('\n')}`);
}

function state_on(cluster: TracedCluster, tx: Transaction, id: number): string {
  if (cluster.node(id).data.prepared.get(tx.gid)?.tx === tx) return 'prepared';
  return tx.ended.get(id) === 'commit' ? 'committed' : 'aborted';
}

function told_of(cluster: TracedCluster, tx: Transaction): string {
  const waits = cluster.node(tx.coordinator).data.drivers.has(tx.gid);
  return answer_of(tx) ?? (waits ? 'nothing' : 'unknown');
}
