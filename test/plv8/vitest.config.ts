// vitest against the one server that run.sh starts.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/plv8/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
