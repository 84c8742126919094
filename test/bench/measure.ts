// One measurement: pgbench runs against a configuration while /proc is looked at.
// Throughput, latency and CPU time are all taken from the same stretch of it, the
// one in which every client was at work.
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../ts-src/cli/failure.ts';
import type { Configuration } from './configuration.ts';
import {
  CpuSampler,
  add_use,
  cpu_by_kind,
  type CpuUse,
  type Sample,
  type TreeSample,
} from './cpu_times.ts';
import type { Pgbench, Script } from './pgbench.ts';
import type { Servers } from './servers.ts';
import { sum } from './statistics.ts';
import { busy_time, type LoggedTransaction } from './transaction_log.ts';

const SAMPLE_INTERVAL_MS = 500;

export interface Cell {
  script: Script;
  clients: number;
  configuration: Configuration;
}

export interface Measurement extends Cell {
  time_ms: number;
  /** Of the transactions that were committed; their number is the count. */
  latencies_ms: number[];
  failed: number;
  /** place -> kind of process -> use */
  cpu: Map<string, Map<string, CpuUse>>;
  /** Of pgbench and of this program; not part of `cpu`. */
  clients_cpu_ms: number;
  machine: { others_ms: number; stolen_ms: number; all_ms: number };
}

export const tps_of = (measured: Measurement) =>
  (measured.latencies_ms.length * 1000) / measured.time_ms;

export const cpu_ms_of = (measured: Measurement) =>
  sum([...measured.cpu.values()].flatMap((kinds) => [...kinds.values()].map((use) => use.cpu_ms)));

export async function measure(
  servers: Servers,
  pgbench: Pgbench,
  cell: Cell,
  seconds: number,
): Promise<Measurement> {
  const { configuration, clients, script } = cell;
  const pids = configuration.servers.map(({ server }) => servers.pid(server));
  const load = pgbench.run(script, spread(configuration.entries, clients), seconds);
  const { transactions, samples } = await watch(load, [...pids, process.pid]);
  const { from, to } = busy_time(transactions);
  const used = samples.filter(({ from_ms, to_ms }) => from_ms >= from && to_ms <= to);
  const [first, last] = [used[0], used.at(-1)];
  if (first === undefined || last === undefined || first === last) {
    throw new Failure('bad_argument', 'the clients need longer to start: raise SECONDS');
  }
  const ended = transactions.filter(
    ({ end_ms }) => end_ms > first.from_ms && end_ms <= last.from_ms,
  );
  const latencies_ms = ended.map(({ latency_ms }) => latency_ms).filter((ms) => ms !== null);
  return {
    ...cell,
    time_ms: last.from_ms - first.from_ms,
    latencies_ms,
    failed: ended.length - latencies_ms.length,
    cpu: cpu_by_place(configuration, used),
    clients_cpu_ms: tree_ms(last.trees.at(-1)) - tree_ms(first.trees.at(-1)),
    machine: machine_use(first, last),
  };
}

/** 16 clients on three nodes: 6, 5, 5. */
export function spread(entries: number[], clients: number) {
  return entries.map((server, index) => ({
    server,
    count: Math.floor((clients + entries.length - 1 - index) / entries.length),
  }));
}

async function watch(load: Promise<LoggedTransaction[]>, roots: number[]) {
  const sampler = new CpuSampler(roots);
  const samples: Sample[] = [];
  let running = true;
  const ended = load.finally(() => (running = false));
  ended.catch(() => {}); // Awaited below.
  while (running) {
    samples.push(sampler.take());
    await Promise.race([sleep(SAMPLE_INTERVAL_MS), ended]);
  }
  return { transactions: await ended, samples };
}

function cpu_by_place(configuration: Configuration, samples: Sample[]) {
  const places = new Map<string, Map<string, CpuUse>>();
  for (const [index, { place }] of configuration.servers.entries()) {
    const trees = samples.map((sample) => sample.trees[index]).filter((tree) => tree !== undefined);
    const kinds = places.get(place) ?? new Map<string, CpuUse>();
    for (const [kind, use] of cpu_by_kind(trees)) add_use(kinds, kind, use);
    places.set(place, kinds);
  }
  return places;
}

const tree_ms = (tree: TreeSample | undefined) => tree?.total_ms ?? NaN;

function machine_use(first: Sample, last: Sample) {
  const ours = (sample: Sample) => sum(sample.trees.map((tree) => tree.total_ms));
  const busy_ms = last.machine.busy_ms - first.machine.busy_ms;
  return {
    others_ms: Math.max(0, busy_ms - (ours(last) - ours(first))),
    stolen_ms: last.machine.stolen_ms - first.machine.stolen_ms,
    all_ms: last.machine.all_ms - first.machine.all_ms,
  };
}
