// A share of the seeds, in a thread of its own: what cluster.test.ts runs on each core.
import { parentPort, workerData } from 'node:worker_threads';
import { options_for } from './options.ts';
import { run_seed, type Summary } from './history.ts';

export interface Share {
  readonly first: number;
  readonly end: number;
  readonly step: number;
}

export interface Result {
  readonly total: Summary;
  /** The first seed that found something wrong; the rest of the share was not run. */
  readonly failed: { readonly seed: number; readonly message: string } | null;
}

const NOTHING = {
  steps: 0, transactions: 0, committed: 0, aborted: 0, generations: 0, joined: 0, left: 0,
};

function run_share({ first, end, step }: Share): Result {
  const total = { ...NOTHING };
  for (let seed = first; seed < end; seed += step) {
    try {
      const summary = run_seed(options_for(seed));
      for (const key of Object.keys(total) as (keyof Summary)[]) total[key] += summary[key];
    } catch (error) {
      return { total, failed: { seed, message: String((error as Error).stack) } };
    }
  }
  return { total, failed: null };
}

parentPort?.postMessage(run_share(workerData as Share));
