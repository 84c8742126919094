// What the environment asks of the benchmark: ROUNDS, SECONDS, CLIENTS, AWAY, PORT, ONLY.
import { Failure } from '../../ts-src/cli/failure.ts';

export interface BenchOptions {
  /** How often every measurement is repeated, interleaved with the others. */
  rounds: number;
  /** How long pgbench runs each time. */
  seconds: number;
  /** Ascending. */
  clients: number[];
  /** How long a node is away before it catches up, in seconds; 0: that is not measured. */
  away: number;
  /** Nothing but that; null: everything. */
  only: Only | null;
  /** The first of seven ports; null: a free range. */
  port: number | null;
}

const ONLY = ['catch-up', 'contention'] as const;
export type Only = (typeof ONLY)[number];

const DEFAULTS = { ROUNDS: '3', SECONDS: '5', CLIENTS: '1,4,16', AWAY: '20' };
const LEAST_SECONDS = 3;
const MOST_CLIENTS = 90; // max_connections is 100.

export function bench_options(env: NodeJS.ProcessEnv): BenchOptions {
  const clients = (env['CLIENTS'] || DEFAULTS.CLIENTS)
    .split(/[\s,]+/)
    .filter((text) => text !== '')
    .map((text) => whole_number('CLIENTS', text, 1, MOST_CLIENTS));
  return {
    rounds: whole_number('ROUNDS', env['ROUNDS'] || DEFAULTS.ROUNDS, 1, 1000),
    seconds: whole_number('SECONDS', env['SECONDS'] || DEFAULTS.SECONDS, LEAST_SECONDS, 3600),
    clients: [...new Set(clients)].sort((one, other) => one - other),
    away: whole_number('AWAY', env['AWAY'] || DEFAULTS.AWAY, 0, 3600),
    only: env['ONLY'] ? one_of('ONLY', env['ONLY'], ONLY) : null,
    port: env['PORT'] ? whole_number('PORT', env['PORT'], 1024, 65000) : null,
  };
}

function whole_number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Failure(
    'bad_argument',
    `${name} must be a whole number from ${least} to ${most}, not "${text}"`,
  );
}

function one_of<Value extends string>(
  name: string,
  text: string,
  values: readonly Value[],
): Value {
  const value = values.find((one) => one === text);
  if (value !== undefined) return value;
  const named = values.map((one) => `"${one}"`);
  throw new Failure('bad_argument', `${name} must be ${named.join(' or ')}, not "${text}"`);
}
