// vitest with whole clusters: one file after the other, because the machine's cores
// are shared by all nodes; one healthy cluster for the files that stop no node.
import { defineConfig } from 'vitest/config';
import { Halves } from './halves.ts';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/cluster/**/*.test.ts'],
    globalSetup: ['test/cluster/shared_cluster_setup.ts'],
    fileParallelism: false,
    sequence: { sequencer: Halves },
    pool: 'forks',
    // Limits against a hang, not measures of speed.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 120_000,
  },
});
