// `make bench`: what a commit on every node costs, beside a plain server and beside
// synchronous standbys. docs/performance.md says how to read what it prints.
import { Failure } from '../../ts-src/cli/failure.ts';
import { progress_for, type Progress } from '../../ts-src/cli/progress.ts';
import { RunningLocalNodes } from '../cluster/local_nodes.ts';
import { same_everywhere } from '../cluster/same_everywhere.ts';
import { CONFIGURATIONS, count_of_clients, type Configuration } from './configuration.ts';
import { measure_catch_up } from './catch_up.ts';
import { CONTENDERS, HOT_TABLES, contention_table, measure_contention } from './contention.ts';
import { catch_up_text } from './catch_up_report.ts';
import { machine_line } from './machine.ts';
import { bench_options, type BenchOptions } from './options.ts';
import { PROTOCOL, Pgbench, SCALE, SCRIPTS, TABLES, load_tables } from './pgbench.ts';
import { Results, cpu_table, noise_line, throughput_table, wait_table } from './report.ts';
import { expected_seconds, measure_rounds } from './rounds.ts';
import { Servers } from './servers.ts';
import { sample_waits } from './wait_events.ts';

async function bench(options: BenchOptions, progress: Progress): Promise<void> {
  const machine = machine_line();
  const servers = await Servers.start(options.port, progress);
  try {
    await progress.step(`create pgbench's tables, scale ${SCALE}`, (say) =>
      load_tables(servers, say),
    );
    const pgbench = Pgbench.prepare(servers);
    if (options.only === 'catch-up') {
      print([machine, ...(await catch_up(servers, options, progress))]);
      return;
    }
    if (options.only === 'contention') {
      print([machine, ...(await contention(servers, pgbench, options, progress))]);
      return;
    }
    const minutes = Math.ceil(expected_seconds(options) / 60);
    process.stderr.write(`  measuring takes about ${minutes} min\n`);
    const measured = await measure_rounds(servers, pgbench, options, progress);
    const waits = await measure_waits(servers, pgbench, options, progress);
    await compare(servers, progress);
    const hot = await contention(servers, pgbench, options, progress);
    const caught_up = await catch_up(servers, options, progress);
    const text = [heading(options, machine), ...throughput(new Results(measured))];
    print([
      ...[...text, noise_line(measured), ...cpu(new Results(measured)), ...waits],
      ...[...hot, ...caught_up],
    ]);
  } finally {
    await servers.destroy();
  }
}

async function compare(servers: Servers, progress: Progress, tables = TABLES): Promise<void> {
  await progress.step('compare the tables of all nodes', () =>
    same_everywhere(new RunningLocalNodes(servers.cluster), tables),
  );
}

async function contention(
  servers: Servers,
  pgbench: Pgbench,
  options: BenchOptions,
  progress: Progress,
): Promise<string[]> {
  const measured = await measure_contention(servers, pgbench, options, progress);
  await compare(servers, progress, HOT_TABLES);
  const title = `## Contention: one-row UPDATEs, ${count_of_clients(CONTENDERS)} on all nodes`;
  return [title, contention_table(measured)];
}

async function catch_up(
  servers: Servers,
  options: BenchOptions,
  progress: Progress,
): Promise<string[]> {
  const { away } = options;
  if (away === 0) return [];
  const clients = options.clients.at(-1) ?? 1;
  const text = `a node is away for ${away} s, ${count_of_clients(clients)}`;
  const measured = await progress.step(text, (say) =>
    measure_catch_up(servers, clients, away, say),
  );
  await compare(servers, progress);
  return ['## A node that was away catches up', catch_up_text(measured)];
}

async function measure_waits(
  servers: Servers,
  pgbench: Pgbench,
  options: BenchOptions,
  progress: Progress,
): Promise<string[]> {
  const clients = options.clients.at(-1) ?? 1;
  const load = count_of_clients(clients);
  const parts: string[] = ['## Wait events of the cluster'];
  for (const script of SCRIPTS) {
    const waits = await progress.step(`wait events, ${script.name}, ${load}`, () =>
      sample_waits(servers, pgbench, script, clients, options.seconds),
    );
    parts.push(`### ${script.name}, ${load} on node 1`, wait_table(waits));
  }
  return parts;
}

function heading(options: BenchOptions, machine: string): string {
  const { rounds, seconds } = options;
  return [
    `pgbench, scale ${SCALE}, protocol ${PROTOCOL}, ${rounds} rounds of ${seconds} s`,
    machine,
    '',
    ...CONFIGURATIONS.map(({ name, meaning }) => `- ${name}: ${meaning}`),
  ].join('\n');
}

function throughput(results: Results): string[] {
  return SCRIPTS.flatMap((script) => [
    `## ${script.name}: ${script.meaning}`,
    throughput_table(results, script),
  ]);
}

function cpu(results: Results): string[] {
  const title = ({ name }: Configuration, script: string) => `### ${script}, ${name}`;
  return [
    '## CPU milliseconds per transaction, by number of clients',
    ...SCRIPTS.flatMap((script) =>
      CONFIGURATIONS.flatMap((configuration) => {
        const table = cpu_table(results, script, configuration);
        return table === '' ? [] : [title(configuration, script.name), table];
      }),
    ),
  ];
}

function print(parts: string[]): void {
  process.stdout.write(`\n${parts.join('\n\n')}\n`);
}

try {
  await bench(bench_options(process.env), progress_for(process.stderr));
} catch (error) {
  // Of a Failure the sentence is all there is to say.
  const text = error instanceof Failure ? error.message : String((error as Error).stack);
  process.stderr.write(`bench: ${text}\n`);
  process.exitCode = 1;
}
