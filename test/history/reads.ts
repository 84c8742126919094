// What a single read or write shows of others' transactions that it must not.
import { named, type Anomaly } from './anomaly.ts';
import { is_write, operations_of, type Key, type Value, type Version } from './history.ts';
import { all_reads, type SomeRead } from './versions.ts';
import type { Writers } from './writers.ts';

/** Dirty reads, of the transactions, and of every node at rest. */
export function dirty_reads(writers: Writers): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const told = new Set<string>();
  const judge = (key: Key, value: Value, is_last: boolean, { by, reader }: SomeRead) => {
    const writer = writers.of(key, value);
    const about = `${by} read ${value} of ${key}`;
    const say = (name: Anomaly['name'], what: string) => {
      if (!told.has(about)) anomalies.push({ name, because: [about, what] });
      told.add(about);
    };
    if (writer === undefined) say('never written', 'nobody wrote it');
    else if (writer.transaction === reader) return;
    else if (writer.transaction.outcome === 'aborted')
      say('G1a', `${named(writer.transaction)} wrote it`);
    else if (is_last && writer.is_intermediate)
      say('G1b', `${named(writer.transaction)} wrote it, and the key once more`);
  };
  for (const some of all_reads(writers.history)) {
    const { read } = some;
    const values = read.does === 'read list' ? read.items : [read.value];
    for (const [index, value] of values.entries()) {
      if (value !== null) judge(read.key, value, index === values.length - 1, some);
    }
  }
  return anomalies;
}

/** What was replaced must not be what its writer took back, or replaced itself. */
export function dirty_writes(writers: Writers): Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const { transaction, write } of writers.all()) {
    if (write.does !== 'write' || write.over === undefined || write.over === null) continue;
    const under = writers.of(write.key, write.over);
    if (under === undefined || under.transaction === transaction) continue;
    if (under.transaction.outcome !== 'aborted' && !under.is_intermediate) continue;
    anomalies.push({
      name: 'dirty write',
      because: [
        `${named(transaction)} wrote ${write.value} over ${write.over} of ${write.key}`,
        `${named(under.transaction)} wrote it, ${under.is_intermediate ? 'and the key once more' : 'and took it back'}`,
      ],
    });
  }
  return anomalies;
}

/** A transaction reads what it wrote itself, whatever others do. */
export function internal(writers: Writers): Anomaly[] {
  return writers.history.transactions.flatMap((transaction) => {
    const wrote = new Map<Key, Value[]>();
    const anomalies: Anomaly[] = [];
    for (const operation of operations_of(transaction)) {
      const mine = wrote.get(operation.key) ?? [];
      if (is_write(operation)) {
        wrote.set(operation.key, [...mine, operation.value]);
        if (operation.does === 'append' || operation.over === undefined) continue;
      }
      if (mine.length === 0 || keeps(mine, operation)) continue;
      const because = [`${named(transaction)} wrote ${mine} to ${operation.key}`, shown(operation)];
      anomalies.push({ name: 'internal', because });
    }
    return anomalies;
  });
}

type Shown = Exclude<ReturnType<typeof operations_of>[number], { does: 'append' }>;

function keeps(mine: Value[], operation: Shown): boolean {
  if (operation.does === 'read list') {
    const tail = operation.items.slice(-mine.length);
    return tail.length === mine.length && tail.every((value, index) => value === mine[index]);
  }
  const found: Version | undefined = operation.does === 'write' ? operation.over : operation.value;
  return found === mine.at(-1);
}

function shown(operation: Shown): string {
  if (operation.does === 'read list') return `then read ${operation.items}`;
  return operation.does === 'write' ? `then replaced ${operation.over}` : `then read ${operation.value}`;
}
