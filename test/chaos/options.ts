// What the environment asks of the campaign: MINUTES, ROUNDS, SEED, STALL.
import { Failure } from '../../ts-src/cli/failure.ts';

export interface ChaosOptions {
  minutes: number;
  /** At most so many. */
  rounds: number;
  seed: number;
  /** A majority of survivors must take writes again within so many seconds; 0: it need not. */
  stall_s: number;
}

const DEFAULT_MINUTES = '10';
export const MOST_SEED = 2 ** 31 - 1;

export function chaos_options(env: NodeJS.ProcessEnv): ChaosOptions {
  const random_seed = String(1 + Math.floor(Math.random() * 1_000_000));
  return {
    minutes: number_option('MINUTES', env['MINUTES'] || DEFAULT_MINUTES, 0.1, 10_000),
    rounds: number_option('ROUNDS', env['ROUNDS'] || '1000000', 1, 1_000_000),
    seed: number_option('SEED', env['SEED'] || random_seed, 0, MOST_SEED),
    stall_s: number_option('STALL', env['STALL'] || '0', 0, 600),
  };
}

export function number_option(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Failure(
    'bad_argument',
    `${name} must be a number from ${least} to ${most}, not "${text}"`,
  );
}
