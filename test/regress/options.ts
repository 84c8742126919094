// What the environment asks for: TESTS, CONNECTIONS, MINUTES.
import { Failure } from '../../ts-src/cli/failure.ts';

export interface RegressOptions {
  /** None: the whole schedule. */
  tests: string[];
  /** Of the tests of a group at a time; null: all of them. */
  connections: number | null;
  /** A suite that takes longer hangs. */
  minutes: number;
}

const DEFAULT_MINUTES = '60';

export function regress_options(env: NodeJS.ProcessEnv): RegressOptions {
  const connections = env['CONNECTIONS'];
  return {
    tests: (env['TESTS'] ?? '').split(/\s+/).filter((name) => name !== ''),
    connections: connections ? number('CONNECTIONS', connections, 1, 20) : null,
    minutes: number('MINUTES', env['MINUTES'] || DEFAULT_MINUTES, 1, 1_000),
  };
}

function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Failure(
    'bad_argument',
    `${name} must be a number from ${least} to ${most}, not "${text}"`,
  );
}
