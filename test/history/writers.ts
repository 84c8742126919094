// Who wrote a value, and which transactions count as committed.
import {
  is_read,
  is_write,
  operations_of,
  values_shown,
  type History,
  type Key,
  type Transaction,
  type Value,
  type Write,
} from './history.ts';

export interface Writer {
  transaction: Transaction;
  write: Write;
  /** Number of the statement. */
  statement: number;
  /** Its transaction wrote the key once more later. */
  is_intermediate: boolean;
}

export class Writers {
  private readonly by_value = new Map<string, Writer>();
  private readonly committed = new Set<Transaction>();

  constructor(readonly history: History) {
    for (const transaction of history.transactions) this.take(transaction);
    this.judge();
  }

  of(key: Key, value: Value): Writer | undefined {
    return this.by_value.get(`${key}=${value}`);
  }

  is_committed(transaction: Transaction): boolean {
    return this.committed.has(transaction);
  }

  all(): Writer[] {
    return [...this.by_value.values()];
  }

  private take(transaction: Transaction): void {
    const latest = new Map<Key, Writer>();
    for (const [statement, { operations }] of transaction.statements.entries()) {
      for (const write of operations.filter(is_write)) {
        const before = latest.get(write.key);
        if (before !== undefined) before.is_intermediate = true;
        const writer = { transaction, write, statement, is_intermediate: false };
        latest.set(write.key, writer);
        this.by_value.set(`${write.key}=${write.value}`, writer);
      }
    }
  }

  /** Of what the client was not told, it is committed if somebody else saw it. */
  private judge(): void {
    const { transactions, at_rest } = this.history;
    for (const transaction of transactions) {
      if (transaction.outcome === 'committed') this.committed.add(transaction);
    }
    for (const { reads } of at_rest) {
      for (const read of reads) this.seen(read.key, values_shown(read), null);
    }
    for (const reader of transactions) {
      for (const operation of operations_of(reader)) {
        if (is_read(operation)) this.seen(operation.key, values_shown(operation), reader);
        else if (operation.does === 'write') this.seen(operation.key, [operation.over ?? null], reader);
      }
    }
  }

  private seen(key: Key, values: (Value | null)[], by: Transaction | null): void {
    for (const value of values) {
      const writer = value === null ? undefined : this.of(key, value)?.transaction;
      if (writer?.outcome === 'unknown' && writer !== by) this.committed.add(writer);
    }
  }
}
