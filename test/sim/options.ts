// Which cluster a seed stands for: the same in the test, the soak and the teeth.
import type { Options } from './cluster.ts';

export function options_for(seed: number): Options {
  return { seed, nodes: 2 + (seed % 6), faults_ms: 2_000 + (seed % 5) * 800 };
}
