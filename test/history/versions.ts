// The order in which the versions of a key replaced each other, as the reads tell it.
//
// A list tells it itself: the longest one is the order, and every other read must be a
// beginning of it. A register's row tells which value its own replaced, and so does the
// answer to a write; where that answer was lost and nobody read the row, a gap stays, and
// there is more than one chain.
import { named, type Anomaly } from './anomaly.ts';
import {
  is_read,
  type History,
  type Key,
  type Read,
  type Transaction,
  type Value,
  type Version,
} from './history.ts';
import type { Writers } from './writers.ts';

/** Each version replaced the one before it. The first is null, but behind a gap. */
export type Chain = Version[];

export interface SomeRead {
  read: Read;
  /** null: nobody's, at rest. */
  reader: Transaction | null;
  /** As a line names it. */
  by: string;
}

export function all_reads(history: History): SomeRead[] {
  const at_rest = history.at_rest.flatMap(({ node, reads }) =>
    reads.map((read) => ({ read, reader: null, by: `node ${node} at rest` })),
  );
  const others = history.transactions.flatMap((transaction) =>
    transaction.statements.flatMap(({ operations }) =>
      operations.filter(is_read).map((read) => ({ read, reader: transaction, by: named(transaction) })),
    ),
  );
  return [...at_rest, ...others];
}

export class Versions {
  readonly chains = new Map<Key, Chain[]>();
  readonly anomalies: Anomaly[] = [];

  constructor(private readonly writers: Writers) {
    const reads = all_reads(writers.history);
    const lists = grouped(reads.filter(({ read }) => read.does === 'read list'));
    for (const [key, of_key] of lists) this.chains.set(key, [this.list_order(key, of_key)]);
    for (const [key, after] of this.replacements(reads)) this.chains.set(key, this.chain_up(key, after));
  }

  /** What replaced this version; undefined where nobody knows. */
  after(key: Key, version: Version): Version | undefined {
    for (const chain of this.chains.get(key) ?? []) {
      const index = chain.indexOf(version);
      if (index >= 0) return chain[index + 1];
    }
    return undefined;
  }

  private list_order(key: Key, reads: SomeRead[]): Chain {
    let longest: Value[] = [];
    let whose = '';
    for (const some of reads) {
      const { by } = some;
      const items = this.items_of_others(some);
      if (new Set(items).size < items.length) {
        this.anomalies.push({ name: 'duplicate', because: [`${by} read ${key} as ${items}`] });
      }
      if (items.length > longest.length) [longest, whose] = [items, by];
    }
    for (const some of reads) {
      const { by } = some;
      const items = this.items_of_others(some);
      if (items.every((value, index) => value === longest[index])) continue;
      const because = [`${whose} read ${key} as ${longest}`, `${by} read it as ${items}`];
      this.anomalies.push({ name: 'incompatible order', because });
    }
    return [null, ...new Set(longest)];
  }

  /** Without what only its reader ever saw: what it appended itself, and is not committed. */
  private items_of_others({ read, reader }: SomeRead): Value[] {
    const { items } = read as Extract<Read, { does: 'read list' }>;
    if (reader === null || this.writers.is_committed(reader)) return items;
    return items.filter((value) => this.writers.of(read.key, value)?.transaction !== reader);
  }

  /** By key: what replaced what, of all that is committed. */
  private replacements(reads: SomeRead[]): Map<Key, Map<Version, Set<Value>>> {
    const of_keys = new Map<Key, Map<Version, Set<Value>>>();
    const note = (key: Key, over: Version | undefined, value: Version) => {
      const after = of_keys.get(key) ?? new Map<Version, Set<Value>>();
      of_keys.set(key, after);
      if (value === null || over === undefined) return;
      after.set(over, (after.get(over) ?? new Set()).add(value));
    };
    for (const { transaction, write } of this.writers.all()) {
      if (write.does !== 'write' || !this.writers.is_committed(transaction)) continue;
      note(write.key, write.over, write.value);
    }
    for (const { read } of reads) {
      if (read.does !== 'read register') continue;
      const writer = read.value === null ? undefined : this.writers.of(read.key, read.value);
      if (writer === undefined || this.writers.is_committed(writer.transaction)) {
        note(read.key, read.over, read.value);
      }
    }
    return of_keys;
  }

  private chain_up(key: Key, after: Map<Version, Set<Value>>): Chain[] {
    const replacing = new Set([...after.values()].flatMap((values) => [...values]));
    const heads = [...after.keys()].filter((version) => version !== null && !replacing.has(version));
    const seen = new Set<Version>();
    return [null, ...heads].map((head) => {
      const chain: Chain = [];
      for (let version: Version | undefined = head; version !== undefined && !seen.has(version); ) {
        seen.add(version);
        chain.push(version);
        const next: Value[] = [...(after.get(version) ?? [])];
        if (next.length > 1) this.forked(key, version, next);
        version = next[0];
      }
      return chain;
    });
  }

  private forked(key: Key, version: Version, next: Value[]): void {
    const because = next.map((value) => {
      const writer = this.writers.of(key, value);
      const who = writer === undefined ? 'somebody' : named(writer.transaction);
      return `${who} wrote ${value} over ${version} of ${key}`;
    });
    this.anomalies.push({ name: 'incompatible order', because });
  }
}

function grouped(reads: SomeRead[]): Map<Key, SomeRead[]> {
  const groups = new Map<Key, SomeRead[]>();
  for (const each of reads) {
    const group = groups.get(each.read.key) ?? [];
    groups.set(each.read.key, group);
    group.push(each);
  }
  return groups;
}
