// `make history`: histories of both isolation levels, with and without what a session may ask
// for, of healthy nodes and of nodes that are killed, paused and cut off, each checked for what
// docs/isolation.md claims. Exit code 1 where a claim is broken: the history is kept, and
// FILE=... checks it again.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../ts-src/cli/failure.ts';
import { progress_for, type Progress } from '../../ts-src/cli/progress.ts';
import { MOST_SEED, number_option } from '../chaos/options.ts';
import { LocalNodes } from '../cluster/local_nodes.ts';
import { Random } from '../sim/random.ts';
import { check } from './check.ts';
import type { Ask, History, Isolation } from './history.ts';
import { Recorder } from './recorder.ts';
import { in_words, report, type Run } from './tally.ts';
import { WEATHERS, go_through, type Weather } from './weather.ts';

interface Mode {
  isolation: Isolation;
  asks?: Ask;
}

const MODES: Mode[] = [
  { isolation: 'read committed' },
  { isolation: 'repeatable read' },
  { isolation: 'read committed', asks: 'causal reads' },
  { isolation: 'repeatable read', asks: 'causal reads' },
  { isolation: 'read committed', asks: 'applied' },
];
const CLIENTS_PER_NODE = 4;
/** Clients that wait for conflicting ones would be at work rarely. */
const SETTINGS = { deadlock_timeout: '50ms' };

interface Options {
  seed: number;
  seconds: number;
}

function options_of(env: NodeJS.ProcessEnv): Options {
  const random_seed = String(1 + Math.floor(Math.random() * 1_000_000));
  return {
    seed: number_option('SEED', env['SEED'] || random_seed, 0, MOST_SEED),
    seconds: number_option('SECONDS', env['SECONDS'] || '20', 1, 100_000),
  };
}

async function all_histories(options: Options, progress: Progress): Promise<boolean> {
  const { seed } = options;
  process.stderr.write(`  seed ${seed}: SEED=${seed} repeats what clients and faults do, not when\n`);
  const nodes = await progress.step('start a cluster', () => LocalNodes.start({ proxy: true, settings: SETTINGS }));
  const runs: Run[] = [];
  try {
    for (const mode of MODES) {
      for (const weather of WEATHERS) {
        const title = [...Object.values(mode), weather].join(', ');
        const history = await progress.step(title, (say) =>
          record(nodes, mode, weather, runs.length, options, say),
        );
        const run = { title, history, anomalies: check(history) };
        runs.push(run);
        if (run.anomalies.length > 0) await keep(nodes, run, seed);
      }
    }
  } finally {
    await nodes.destroy();
  }
  process.stdout.write(`\n${report(runs)}\n`);
  return runs.every(tell);
}

async function record(
  nodes: LocalNodes,
  mode: Mode,
  weather: Weather,
  number: number,
  { seed, seconds }: Options,
  say: (text: string) => void,
): Promise<History> {
  const schema = `history_${number + 1}`;
  const recorder = await Recorder.start(nodes, {
    ...mode,
    seed: seed + number,
    schema,
    clients_per_node: CLIENTS_PER_NODE,
  });
  await go_through(weather, nodes, new Random(seed + number), seconds * 1_000, say);
  return recorder.end();
}

async function keep(nodes: LocalNodes, { title, history }: Run, seed: number): Promise<void> {
  const dir = join('out', 'history', String(seed));
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${title.replace(/\W+/g, '_')}.json`);
  writeFileSync(file, JSON.stringify(history));
  for (const node of nodes.ids) writeFileSync(join(dir, `node${node}.log`), await nodes.logs(node));
  process.stdout.write(`\nkept, with the servers' logs: FILE=${file} make history checks it again\n`);
}

/** Whether it is as claimed. */
function tell({ title, anomalies }: Run): boolean {
  for (const anomaly of anomalies) process.stdout.write(`\n${title}: ${in_words(anomaly)}\n`);
  return anomalies.length === 0;
}

function kept_history(file: string): boolean {
  const history = JSON.parse(readFileSync(file, 'utf8')) as History;
  const run = { title: file, history, anomalies: check(history) };
  process.stdout.write(`${report([run])}\n`);
  return tell(run);
}

try {
  const file = process.env['FILE'];
  const good = file
    ? kept_history(file)
    : await all_histories(options_of(process.env), progress_for(process.stderr));
  process.exit(good ? 0 : 1); // Clients that wait for ever must not keep it.
} catch (error) {
  const text = error instanceof Failure ? error.message : String((error as Error).stack);
  process.stderr.write(`history: ${text}\n`);
  process.exit(1);
}
