// Hot tables: every client, on all nodes, updates one of a few rows. Beside it the same
// statement where the rows are so many that no two clients meet.
import { markdown_table, right, left } from './markdown_table.ts';
import { CLUSTER_SPREAD } from './configuration.ts';
import { measure, tps_of, type Measurement } from './measure.ts';
import { ONE_ROW, type Pgbench, type Script } from './pgbench.ts';
import { NODES, type Servers } from './servers.ts';
import { median, percentiles, sum } from './statistics.ts';
import type { BenchOptions } from './options.ts';
import type { Progress } from '../../ts-src/cli/progress.ts';

export const CONTENDERS = 12;
const ROWS = [10, 100, 1000];

export const HOT_TABLES = ROWS.map((rows) => `hot_${rows}`);
const HOT_SCRIPTS: Script[] = ROWS.map((rows) => ({
  name: `${rows} rows`,
  meaning: `one UPDATE of one of ${rows} rows, which commits by itself`,
  text: `\\set id random(1, ${rows})\nUPDATE hot_${rows} SET n = n + 1 WHERE id = :id;\n`,
}));
const SCRIPTS = [ONE_ROW, ...HOT_SCRIPTS];

export function expected_contention_seconds({ rounds, seconds }: BenchOptions): number {
  return SCRIPTS.length * rounds * (seconds + 1);
}

export async function measure_contention(
  servers: Servers,
  pgbench: Pgbench,
  { rounds, seconds }: BenchOptions,
  progress: Progress,
): Promise<Measurement[]> {
  await create_tables(servers);
  for (const script of HOT_SCRIPTS) pgbench.write(script);
  const measured: Measurement[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const script of SCRIPTS) {
      const text = `contention, round ${round + 1}/${rounds}, ${script.name}`;
      await progress.step(text, async (say) => {
        const cell = { script, clients: CONTENDERS, configuration: CLUSTER_SPREAD };
        const result = await measure(servers, pgbench, cell, seconds);
        measured.push(result);
        say(`${Math.round(tps_of(result))} tps`);
      });
    }
  }
  return measured;
}

async function create_tables(servers: Servers): Promise<void> {
  const [node = 1] = NODES;
  for (const rows of ROWS) {
    await servers.query(node, `CREATE TABLE hot_${rows} (id int PRIMARY KEY, n int NOT NULL)`);
    await servers.query(
      node,
      `INSERT INTO hot_${rows} SELECT id, 0 FROM generate_series(1, ${rows}) AS id`,
    );
  }
}

export function contention_table(measured: Measurement[]): string {
  const of = (script: Script) => measured.filter((one) => one.script === script);
  const free_tps = median(of(ONE_ROW).map(tps_of));
  const rows = SCRIPTS.map((script) => {
    const rounds = of(script);
    const tps = median(rounds.map(tps_of));
    const latencies = rounds.flatMap((one) => one.latencies_ms);
    const failed = sum(rounds.map((one) => one.failed));
    const [p50 = NaN, p99 = NaN] = percentiles(latencies, [50, 99]);
    return [
      script === ONE_ROW ? 'a million' : script.name.replace(' rows', ''),
      tps.toFixed(0),
      (tps / free_tps).toFixed(2),
      `${((100 * failed) / (failed + latencies.length)).toFixed(1)} %`,
      p50.toFixed(1),
      p99.toFixed(1),
    ];
  });
  const columns = [
    left('rows'),
    ...[right('committed/s'), right('/ without conflicts'), right('aborted')],
    ...[right('p50 ms'), right('p99 ms')],
  ];
  return markdown_table(columns, rows);
}
