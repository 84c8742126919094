// The checker: which claims of docs/isolation.md a history breaks.
import { differing_nodes, lost_writes } from './at_rest.ts';
import type { Anomaly } from './anomaly.ts';
import { cycles } from './cycles.ts';
import { EventGraph } from './events.ts';
import type { History } from './history.ts';
import { dirty_reads, dirty_writes, internal } from './reads.ts';
import { Versions } from './versions.ts';
import { Writers } from './writers.ts';

export function check(history: History): Anomaly[] {
  const writers = new Writers(history);
  const versions = new Versions(writers);
  return [
    ...versions.anomalies,
    ...dirty_reads(writers),
    ...dirty_writes(writers),
    ...internal(writers),
    ...lost_writes(writers, versions),
    ...differing_nodes(writers),
    ...cycles(new EventGraph(writers, versions).graph),
  ];
}

/**
 * The same history, as if all had been on one node. What is found then and not otherwise is
 * what the cluster does not claim: its nodes show commits in different orders.
 */
export function as_one_node(history: History): History {
  const transactions = history.transactions.map((transaction) => ({ ...transaction, node: 1 }));
  return { ...history, transactions };
}
