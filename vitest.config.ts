// vitest without servers: the pure core, the model, the simulator, scenarios, the command line.
// Tests that need a whole cluster have a configuration of their own in test/cluster/.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{core,model,sim,scenario,cli,bench,chaos,history,regress}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
