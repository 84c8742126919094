// The control plane over thousands of simulated histories. A failure prints the command
// that repeats it with its trace. SEEDS and FIRST_SEED choose others.
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { options_for } from './options.ts';
import { run_seed, type Summary } from './history.ts';
import type { Result, Share } from './shard.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 20_000);
const FIRST = Number(process.env['FIRST_SEED'] ?? 1);
const ONLY = process.env['SEED'];

// One plain file: vitest's own modules make the simulator three times slower.
const SHARD = 'out/test/sim_shard.mjs';

function run_in_thread(share: Share): Promise<Result> {
  return new Promise((done, fail) => {
    const worker = new Worker(resolve(SHARD), { workerData: share });
    worker.once('message', done);
    worker.once('error', fail);
  });
}

/** On all cores, each with every so manieth seed. */
async function run_all(): Promise<Result[]> {
  await build({
    entryPoints: ['test/sim/shard.ts'],
    outfile: SHARD,
    bundle: true,
    platform: 'node',
    format: 'esm',
    sourcemap: 'inline',
  });
  const step = availableParallelism();
  const shares = Array.from({ length: step }, (_, n) => ({ first: FIRST + n, end: FIRST + SEEDS, step }));
  return Promise.all(shares.map(run_in_thread));
}

describe('a simulated cluster', { timeout: 3_600_000 }, () => {
  test.runIf(ONLY !== undefined)(`seed ${ONLY}`, () => {
    const options = options_for(Number(ONLY));
    console.log(run_seed({ ...options, trace: (line) => console.log(line) }));
  });

  test.skipIf(ONLY !== undefined)('loses, doubles and leaves nothing, whatever fails', async () => {
    const results = await run_all();
    for (const { failed } of results) {
      if (failed === null) continue;
      const again = `SEED=${failed.seed} npx vitest run test/sim/cluster.test.ts`;
      throw new Error(`seed ${failed.seed}: ${failed.message}\nrepeat: ${again}`);
    }
    const sum = (key: keyof Summary) => results.reduce((so_far, { total }) => so_far + total[key], 0);
    console.log(
      `${SEEDS} seeds: ${sum('steps')} steps, ${sum('generations')} generations, ` +
        `${sum('committed')} transactions committed, ${sum('aborted')} aborted, ` +
        `${sum('joined')} nodes joined, ${sum('left')} left`,
    );
    expect(sum('committed')).toBeGreaterThan(SEEDS);
    expect(sum('aborted')).toBeGreaterThan(SEEDS / 10);
    expect(sum('joined')).toBeGreaterThan(SEEDS / 20);
    expect(sum('left')).toBeGreaterThan(SEEDS / 20);
  });
});
