// The order of the measurements. Configurations that are compared are measured one
// right after the other, and each round starts with another one, so that whatever
// else the machine does meets all of them alike.
import type { Progress } from '../../ts-src/cli/progress.ts';
import {
  CONFIGURATIONS,
  count_of_clients,
  takes_part,
  type Configuration,
} from './configuration.ts';
import { expected_catch_up_seconds } from './catch_up.ts';
import { expected_contention_seconds } from './contention.ts';
import { measure, tps_of, type Measurement } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { SCRIPTS, type Pgbench } from './pgbench.ts';
import type { Servers } from './servers.ts';

export async function measure_rounds(
  servers: Servers,
  pgbench: Pgbench,
  options: BenchOptions,
  progress: Progress,
): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const script of SCRIPTS) {
      for (const clients of options.clients) {
        const load = `${script.name}, ${count_of_clients(clients)}`;
        const text = `round ${round + 1}/${options.rounds}, ${load}`;
        await progress.step(text, async (say) => {
          const results: string[] = [];
          for (const configuration of rotated(clients, round)) {
            const cell = { script, clients, configuration };
            const result = await measure(servers, pgbench, cell, options.seconds);
            measured.push(result);
            results.push(`${configuration.name} ${Math.round(tps_of(result))} tps`);
          }
          say(results.join('; '));
        });
      }
    }
  }
  return measured;
}

function rotated(clients: number, round: number): Configuration[] {
  const all = CONFIGURATIONS.filter((configuration) => takes_part(configuration, clients));
  const start = round % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}

export function expected_seconds(options: BenchOptions): number {
  const runs = options.clients.map(
    (clients) => CONFIGURATIONS.filter((one) => takes_part(one, clients)).length,
  );
  const all_runs = runs.reduce((total, count) => total + count, 0) * SCRIPTS.length;
  return (
    all_runs * options.rounds * (options.seconds + 1) +
    expected_contention_seconds(options) +
    expected_catch_up_seconds(options)
  );
}
