// vitest against the one server that run.sh starts.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/plv8/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
