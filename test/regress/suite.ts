// PostgreSQL's two suites: where their parts lie, and how their programs are called.
import { join } from 'node:path';

export interface Suite {
  name: 'regress' | 'isolation';
  /** In PostgreSQL's source. */
  folder: string;
  /** Below the folder of PGXS. */
  program: string;
  schedule: string;
  /** The program would create it with this name. */
  database: string;
  needs_libraries: boolean;
  /** Tests that must not see commits of others: pg_prepared_xacts shows them. */
  alone: string[];
}

export const SUITES: Suite[] = [
  {
    name: 'regress',
    folder: 'src/test/regress',
    program: 'src/test/regress/pg_regress',
    schedule: 'parallel_schedule',
    database: 'regression',
    needs_libraries: true,
    alone: ['prepared_xacts'],
  },
  {
    name: 'isolation',
    folder: 'src/test/isolation',
    program: 'src/test/isolation/pg_isolation_regress',
    schedule: 'isolation_schedule',
    database: 'isolation_regression',
    needs_libraries: false,
    alone: [],
  },
];

/** The schedule with some tests taken out of their groups, each behind its group. */
export function schedule_apart(schedule: string, alone: string[]): string {
  return schedule.replace(/^test: .*$/gm, (line) => {
    const tests = line.split(/\s+/).slice(1);
    const taken = tests.filter((test) => alone.includes(test));
    if (taken.length === 0 || tests.length === 1) return line;
    const rest = tests.filter((test) => !alone.includes(test));
    return [rest.join(' '), ...taken].map((group) => `test: ${group}`).join('\n');
  });
}

/** The program's output folder is as its user finds it. */
export interface Place {
  input: string;
  output: string;
  libraries: string;
  bindir: string;
  host: string;
  port: number;
  user: string;
}

/** Tests by name, or with none the whole schedule. */
export function suite_arguments(
  suite: Suite,
  place: Place,
  tests: string[],
  connections: number | null,
): string[] {
  return [
    '--use-existing',
    `--dbname=${suite.database}`,
    `--inputdir=${place.input}`,
    `--outputdir=${place.output}`,
    `--bindir=${place.bindir}`,
    `--host=${place.host}`,
    `--port=${place.port}`,
    `--user=${place.user}`,
    ...(suite.needs_libraries ? [`--dlpath=${place.libraries}`] : []),
    ...(connections === null ? [] : [`--max-connections=${connections}`]),
    ...(tests.length > 0 ? tests : [`--schedule=${join(place.input, suite.schedule)}`]),
  ];
}

const COPY_FROM_STDIN = /^\s*copy\b.*\bfrom\s+stdin\b.*(?<!\\);\s*(--.*)?$/i;
const STATEMENT = /^(--|(alter|begin|commit|copy|create|drop|grant|insert|reset|revoke|rollback|select|set|truncate|update)\b)/i;

/**
 * psql since 15.19 takes the lines behind a COPY FROM STDIN for its data, up to "\.", also when
 * the COPY fails. A script of before has none there: data, if it had any, would not be statements.
 */
export function with_ends_of_data(script: string): string {
  const lines = script.split('\n');
  const wants_end = (index: number): boolean => {
    const end = lines.indexOf('\\.', index);
    return end === -1 || lines.slice(index + 1, end).some((line) => STATEMENT.test(line));
  };
  return lines
    .map((line, index) => (COPY_FROM_STDIN.test(line) && wants_end(index) ? `${line}\n\\.` : line))
    .join('\n');
}
