// The control plane over thousands of simulated histories. A failure prints the command
// that repeats it with its trace. SEEDS and FIRST_SEED choose others.
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { setImmediate as turn_of_others } from 'node:timers/promises';
import { options_for } from './options.ts';
import { build } from 'esbuild';
import type { run_seed as RunSeed, Summary } from './cluster.ts';

// One plain file: vitest's own modules make the simulator three times slower.
const BUNDLE = 'out/test/sim.mjs';
await build({
  entryPoints: ['test/sim/cluster.ts'],
  outfile: BUNDLE,
  bundle: true,
  platform: 'node',
  format: 'esm',
  sourcemap: 'inline',
});
const { run_seed } = (await import(/* @vite-ignore */ resolve(BUNDLE))) as {
  run_seed: typeof RunSeed;
};

const SEEDS = Number(process.env['SEEDS'] ?? 4_000);
const FIRST = Number(process.env['FIRST_SEED'] ?? 1);
const ONLY = process.env['SEED'];

function run_traced(seed: number): Summary {
  return run_seed({ ...options_for(seed), trace: (line) => console.log(line) });
}

describe('a simulated cluster', { timeout: 1_800_000 }, () => {
  test.runIf(ONLY !== undefined)(`seed ${ONLY}`, () => {
    console.log(run_traced(Number(ONLY)));
  });

  test.skipIf(ONLY !== undefined)('loses, doubles and leaves nothing, whatever fails', async () => {
    const total = { steps: 0, transactions: 0, committed: 0, aborted: 0, generations: 0 };
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      await turn_of_others();
      try {
        const summary = run_seed(options_for(seed));
        for (const key of Object.keys(total) as (keyof Summary)[]) total[key] += summary[key];
      } catch (error) {
        const again = `SEED=${seed} npx vitest run test/sim/cluster.test.ts`;
        throw new Error(`seed ${seed}: ${(error as Error).message}\nrepeat: ${again}`, {
          cause: error,
        });
      }
    }
    console.log(`${SEEDS} seeds: ${JSON.stringify(total)}`);
    expect(total.committed).toBeGreaterThan(SEEDS);
    expect(total.aborted).toBeGreaterThan(SEEDS / 10);
  });
});
