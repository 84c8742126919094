// A long run of the simulator: `make soak`. MINUTES to run, FIRST_SEED to begin at (else
// a random one), SEEDS to stop after so many. Says which seeds failed, and goes on.
import { options_for } from './options.ts';
import { run_seed } from './history.ts';

const end_ms = Date.now() + Number(process.env['MINUTES'] ?? 10) * 60_000;
const first = Number(process.env['FIRST_SEED'] ?? Math.floor(Math.random() * 1e9));
const last = first + Number(process.env['SEEDS'] ?? Infinity);
const failed: number[] = [];
let seed = first;
for (; seed < last && Date.now() < end_ms; seed++) {
  try {
    run_seed(options_for(seed));
  } catch (error) {
    failed.push(seed);
    console.log(`seed ${seed}: ${(error as Error).message.slice(0, 500)}`);
    console.log(`repeat: SEED=${seed} npx vitest run test/sim/cluster.test.ts`);
  }
  if ((seed - first) % 1_000 === 999) console.log(`${seed - first + 1} seeds, ${failed.length} failed`);
}
console.log(`seeds ${first} to ${seed - 1}: ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;
