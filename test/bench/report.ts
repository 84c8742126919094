// Turns the measurements into the tables that `make bench` prints.
import {
  CONFIGURATIONS,
  PLAIN_SERVER,
  SYNC_STANDBYS,
  type Configuration,
} from './configuration.ts';
import { add_use, type CpuUse } from './cpu_times.ts';
import { left, markdown_table, right } from './markdown_table.ts';
import { cpu_ms_of, tps_of, type Measurement } from './measure.ts';
import type { Script } from './pgbench.ts';
import { median, percentiles, sum } from './statistics.ts';
import type { NodeWaits } from './wait_events.ts';

/** Below this part of a configuration's CPU time, kinds are shown together. */
const LEAST_SHARE = 0.01;
const LEAST_PROCESSES = 0.05;

export class Results {
  constructor(private readonly measured: Measurement[]) {}

  of(script: Script, clients: number, configuration: Configuration): Measurement[] {
    return this.measured.filter(
      (one) =>
        one.script === script && one.clients === clients && one.configuration === configuration,
    );
  }

  clients(): number[] {
    return [...new Set(this.measured.map((one) => one.clients))];
  }
}

export function throughput_table(results: Results, script: Script): string {
  const columns = [
    ...[right('clients'), left('configuration'), right('tps'), right('lowest-highest')],
    ...[right('/ plain'), right('/ standbys'), right('p50 ms'), right('p95 ms')],
    ...[right('p99 ms'), right('CPU ms/tx'), right('failed')],
  ];
  const rows = results.clients().flatMap((clients) => {
    const of = (configuration: Configuration) => results.of(script, clients, configuration);
    const [plain, standbys] = [of(PLAIN_SERVER), of(SYNC_STANDBYS)];
    return CONFIGURATIONS.filter((one) => of(one).length > 0).map((configuration) => {
      const rounds = of(configuration);
      const tps = rounds.map(tps_of);
      return [
        String(clients),
        configuration.name,
        median(tps).toFixed(0),
        `${Math.min(...tps).toFixed(0)}-${Math.max(...tps).toFixed(0)}`,
        configuration === PLAIN_SERVER ? '' : ratio(rounds, plain),
        configuration === PLAIN_SERVER || configuration === SYNC_STANDBYS
          ? ''
          : ratio(rounds, standbys),
        ...latency_cells(rounds),
        (sum(rounds.map(cpu_ms_of)) / committed(rounds)).toFixed(3),
        failed_share(rounds),
      ];
    });
  });
  return markdown_table(columns, rows);
}

/** The median of the rounds' own ratios: both numbers come from the same minute. */
function ratio(rounds: Measurement[], others: Measurement[]): string {
  const ratios = rounds.flatMap((one, index) => {
    const other = others[index];
    return other === undefined ? [] : [tps_of(one) / tps_of(other)];
  });
  return median(ratios).toFixed(2);
}

function latency_cells(rounds: Measurement[]): string[] {
  const all = rounds.flatMap((one) => one.latencies_ms);
  return percentiles(all, [50, 95, 99]).map((ms) => ms.toFixed(2));
}

const committed = (rounds: Measurement[]) => sum(rounds.map((one) => one.latencies_ms.length));

function failed_share(rounds: Measurement[]): string {
  const failed = sum(rounds.map((one) => one.failed));
  return failed === 0 ? '0' : `${((100 * failed) / (failed + committed(rounds))).toFixed(2)} %`;
}

/** One row a place and kind of process, one column a number of clients. */
export function cpu_table(
  results: Results,
  script: Script,
  configuration: Configuration,
): string {
  const counts = results
    .clients()
    .filter((clients) => results.of(script, clients, configuration).length > 0);
  const uses = counts.map((clients) =>
    use_per_transaction(results.of(script, clients, configuration)),
  );
  const busiest = uses.at(-1);
  if (busiest === undefined) return '';
  const name = (text: string) => text.split('\t');
  const columns = [
    ...[left('where'), left('process')],
    ...counts.map((clients) => right(clients === 1 ? '1 client' : `${clients}`)),
    ...[right('share'), right('system'), right('switches/tx')],
  ];
  const all_ms = total_ms(busiest);
  const cells = (key: string[], of: (use: Map<string, CpuUse>) => CpuUse) => {
    const use = of(busiest);
    return [
      ...key,
      ...uses.map((one) => of(one).cpu_ms.toFixed(4)),
      percent(use.cpu_ms / all_ms),
      use.cpu_ms > 0 ? percent(use.system_ms / use.cpu_ms) : '',
      use.context_switches.toFixed(2),
    ];
  };
  const keys = [...new Set(uses.flatMap((use) => [...use.keys()]))];
  const shown = keys
    .filter((key) => (busiest.get(key)?.cpu_ms ?? 0) >= LEAST_SHARE * all_ms)
    .sort((one, other) => (busiest.get(other)?.cpu_ms ?? 0) - (busiest.get(one)?.cpu_ms ?? 0));
  const rest = keys.filter((key) => !shown.includes(key));
  const rows = shown.map((key) => cells(name(key), (use) => together(use, [key])));
  rows.push(cells(['', 'all others'], (use) => together(use, rest)));
  rows.push(cells(['', 'together'], (use) => together(use, keys)));
  return markdown_table(columns, rows);
}

function use_per_transaction(rounds: Measurement[]): Map<string, CpuUse> {
  const uses = new Map<string, CpuUse>();
  const count = committed(rounds);
  for (const { cpu } of rounds) {
    for (const [place, kinds] of cpu) {
      for (const [kind, use] of kinds) {
        add_use(uses, `${place}\t${kind}`, {
          cpu_ms: use.cpu_ms / count,
          system_ms: use.system_ms / count,
          context_switches: use.context_switches / count,
        });
      }
    }
  }
  return uses;
}

function together(uses: Map<string, CpuUse>, keys: string[]): CpuUse {
  const sums = new Map<string, CpuUse>();
  add_use(sums, 'all', { cpu_ms: 0, system_ms: 0, context_switches: 0 });
  for (const key of keys) {
    const use = uses.get(key);
    if (use !== undefined) add_use(sums, 'all', use);
  }
  return sums.get('all') as CpuUse;
}

const total_ms = (uses: Map<string, CpuUse>) => sum([...uses.values()].map((use) => use.cpu_ms));
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/** How many processes of a kind were seen in each wait, on the average. */
export function wait_table(nodes: NodeWaits[]): string {
  const rows = nodes.flatMap(({ node, samples, seen }) =>
    [...seen].sort().flatMap(([kind, events]) =>
      [...events]
        .map(([event, count]) => ({ event, processes: count / samples }))
        .filter(({ processes }) => processes >= LEAST_PROCESSES)
        .sort((one, other) => other.processes - one.processes)
        .map(({ event, processes }) => [`node ${node}`, kind, event, processes.toFixed(2)]),
    ),
  );
  return markdown_table(
    [left('where'), left('process'), left('wait event'), right('processes')],
    rows,
  );
}

/** How quiet the machine was: with much noise only the CPU times mean anything. */
export function noise_line(measured: Measurement[]): string {
  const part = (of: (one: Measurement) => number) =>
    percent(sum(measured.map(of)) / sum(measured.map((one) => one.machine.all_ms)));
  return (
    `Of the machine's CPU time, while it was measured, the servers used ${part(cpu_ms_of)}, ` +
    `pgbench ${part((one) => one.clients_cpu_ms)}, other programs ` +
    `${part((one) => one.machine.others_ms)}; ${part((one) => one.machine.stolen_ms)} was stolen.`
  );
}
