// What is there at rest: all that was committed, once, and the same on every node.
import { named, type Anomaly } from './anomaly.ts';
import type { Key, Read, Value, Version } from './history.ts';
import type { Versions } from './versions.ts';
import type { Writer, Writers } from './writers.ts';

export function lost_writes(writers: Writers, versions: Versions): Anomaly[] {
  const there = new Map<Key, Set<Version>>();
  for (const { reads } of writers.history.at_rest.slice(0, 1)) {
    for (const read of reads) there.set(read.key, led_to(read, versions));
  }
  return writers
    .all()
    .filter(({ transaction, write }) => {
      const lost = there.get(write.key)?.has(write.value) === false;
      return lost && writers.is_committed(transaction);
    })
    .map((writer) => ({ name: 'lost write', because: because(writer) }));
}

function because({ transaction, write }: Writer): string[] {
  const seen = transaction.outcome === 'unknown' ? ' (others saw some of it)' : '';
  return [`${named(transaction)}${seen} wrote ${write.value} to ${write.key}; it is not there at rest`];
}

/** The versions that this one came of; behind a gap, all that anybody knows of. */
function led_to(read: Read, versions: Versions): Set<Version> {
  if (read.does === 'read list') return new Set(read.items);
  const chains = versions.chains.get(read.key) ?? [];
  const mine = chains.find((chain) => chain.at(-1) === read.value);
  if (mine === undefined) return new Set([read.value]);
  return new Set(mine[0] === null ? mine : chains.flat());
}

export function differing_nodes(writers: Writers): Anomaly[] {
  const [first, ...others] = writers.history.at_rest;
  if (first === undefined) return [];
  const anomalies: Anomaly[] = [];
  for (const { node, reads } of others) {
    const here = new Map(reads.map((read) => [read.key, state(read)]));
    for (const read of first.reads) {
      const found = here.get(read.key) ?? 'nothing';
      if (found === state(read)) continue;
      const because = [`${read.key} is ${state(read)} on node ${first.node}, ${found} on node ${node}`];
      anomalies.push({ name: 'nodes differ', because });
    }
  }
  return anomalies;
}

function state(read: Read): string {
  const values: (Value | null)[] = read.does === 'read list' ? read.items : [read.over, read.value];
  return JSON.stringify(values);
}
