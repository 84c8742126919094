// Which cluster a seed stands for: the same in the test, the soak and the teeth.
import type { Options } from './cluster.ts';

/** Few nodes most often: there is as much to get wrong; one seed in eight lasts longer. */
export function options_for(seed: number): Options {
  const nodes = [3, 2, 4, 3, 5, 3, 4, 6, 3, 7, 3, 2, 4, 3, 5, 3, 4, 3, 2, 3][seed % 20]!;
  const faults_ms = (seed >> 3) % 8 === 0 ? 5_000 : 1_200 + (seed % 7) * 300;
  const spares = [0, 2, 0, 1][(seed >> 2) % 4]!;
  return { seed, nodes, faults_ms, spares };
}
