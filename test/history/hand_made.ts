// Histories written by hand, for the checker's own tests: one transaction a line.
import type { History, Isolation, Operation, Outcome, Read, Transaction, Value, Version } from './history.ts';

export const append = (key: string, value: Value): Operation => ({ does: 'append', key, value });
export const list = (key: string, ...items: Value[]): Read => ({ does: 'read list', key, items });
export const write = (key: string, value: Value, over?: Version): Operation =>
  over === undefined ? { does: 'write', key, value } : { does: 'write', key, value, over };
export const register = (key: string, value: Version, over: Version = null): Read => ({
  does: 'read register',
  key,
  value,
  over,
});

interface Some {
  node?: number;
  outcome?: Outcome;
  /** Else it runs beside all others. */
  from_ms?: number;
  to_ms?: number;
}

/** A statement for each operation, or for each array of them. */
export function transaction(
  name: string,
  { node = 1, outcome = 'committed', from_ms = 0, to_ms = 100 }: Some,
  ...statements: (Operation | Operation[])[]
): Transaction {
  const each = (to_ms - from_ms) / (statements.length + 1);
  return {
    name,
    node,
    outcome,
    began_ms: from_ms,
    ended_ms: to_ms,
    statements: statements.map((one, i) => ({
      began_ms: from_ms + i * each,
      ended_ms: from_ms === 0 && to_ms === 100 ? to_ms : from_ms + (i + 1) * each,
      operations: [one].flat(),
    })),
  };
}

/** All nodes have the same at rest. */
export function history(isolation: Isolation, at_rest: Read[], ...transactions: Transaction[]): History {
  const nodes = [...new Set(transactions.map(({ node }) => node))];
  return { isolation, transactions, at_rest: nodes.map((node) => ({ node, reads: at_rest })) };
}
