// `make regress`, `make isolation`: one of PostgreSQL's own suites through node 1 of a cluster
// of three. Exit code 1 where a difference is not written down, or where the nodes differ.
//   node out/regress.mjs regress|isolation
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../ts-src/cli/failure.ts';
import { progress_for, type Progress } from '../../ts-src/cli/progress.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { server_user } from '../../ts-src/cli/server_user.ts';
import { LocalNodes } from '../cluster/local_nodes.ts';
import { node_complaints } from './equal_nodes.ts';
import { judge, read_known, summary } from './judgement.ts';
import { regress_options, type RegressOptions } from './options.ts';
import { DIFF_OPTIONS, read_results, type TestResult } from './results.ts';
import { SUITES, suite_arguments, type Place, type Suite } from './suite.ts';
import {
  prepare_place,
  result_file,
  suite_is_of_this_release,
  suite_program,
  write_expected,
} from './workplace.ts';

async function run(suite: Suite, options: RegressOptions, progress: Progress): Promise<boolean> {
  const kept = join('out', suite.name);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  const plain = suite_is_of_this_release() ? new Map() : await plain_output(suite, options, progress, kept);
  const nodes = await progress.step('start a cluster', () =>
    LocalNodes.start({ db: suite.database, settings: { 'multimaster.volkswagen_mode': 'on' } }),
  );
  try {
    const place = await prepare_place(nodes, suite);
    write_expected(place, plain);
    const results = await run_suite(nodes, suite, place, options).finally(() => {
      cpSync(place.output, kept, { recursive: true });
    });
    const unequal = await progress.step('compare the nodes', () => node_complaints(nodes));
    return report(suite, results, plain, unequal, kept);
  } finally {
    for (const node of nodes.ids) {
      writeFileSync(join(kept, `node${node}.log`), await nodes.logs(node));
    }
    await nodes.destroy();
  }
}

/**
 * Where the suite is of another minor release than the server: what a plain server of this
 * one gives other than the suite expects.
 */
async function plain_output(
  suite: Suite,
  options: RegressOptions,
  progress: Progress,
  kept: string,
): Promise<Map<string, string>> {
  const server = await progress.step('start a plain server: the suite is of another release', () =>
    LocalNodes.start_apart({
      nodes: 1,
      db: suite.database,
      settings: { shared_preload_libraries: '' },
    }),
  );
  try {
    const place = await prepare_place(server, suite);
    const results = await run_suite(server, suite, place, options).finally(() => {
      cpSync(place.output, join(kept, 'plain'), { recursive: true });
    });
    const others = results.filter(({ difference }) => difference !== '');
    return new Map(others.map(({ test }) => [test, readFileSync(result_file(place, test), 'utf8')]));
  } finally {
    await server.destroy();
  }
}

async function run_suite(
  nodes: LocalNodes,
  suite: Suite,
  place: Place,
  options: RegressOptions,
): Promise<TestResult[]> {
  const args = suite_arguments(suite, place, options.tests, options.connections);
  const abort = new AbortController();
  const limit = setTimeout(() => abort.abort(), options.minutes * 60_000);
  try {
    const result = await run_program(suite_program(suite), args, {
      user: server_user(),
      cwd: place.output,
      env: { PG_REGRESS_DIFF_OPTS: DIFF_OPTIONS },
      on_stdout: (text) => process.stderr.write(text),
      on_stderr: (text) => process.stderr.write(text),
      signal: abort.signal,
    });
    return read_results(result.stdout, read_if_there(join(place.output, 'regression.diffs')));
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    const doing = await what_sessions_do(nodes);
    throw new Failure(
      'start_failed',
      `the suite was not done after ${options.minutes} minutes:\n${doing}`,
    );
  } finally {
    clearTimeout(limit);
  }
}

async function what_sessions_do(nodes: LocalNodes): Promise<string> {
  const client = await nodes.client(1);
  try {
    const { rows } = await client.query<{ line: string }>(
      `SELECT concat_ws(' ', pid, application_name, state, wait_event_type, wait_event,
                        pg_blocking_pids(pid), query) AS line
       FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'`,
    );
    return rows.map(({ line }) => line).join('\n');
  } finally {
    await client.end();
  }
}

function read_if_there(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}


function report(
  suite: Suite,
  results: TestResult[],
  plain: Map<string, string>,
  [unequal, compared]: [string[], number],
  kept: string,
): boolean {
  const known = read_known(join('test', 'regress', 'differences', suite.name));
  const judgement = judge(results, known, [...plain.keys()]);
  for (const { test, difference } of judgement.unknown) {
    writeFileSync(join(kept, `${test}.diff`), difference);
  }
  const nodes = unequal.length === 0 ? `schemas and rows of ${compared} tables are equal` : '';
  process.stdout.write(
    [summary(judgement, known, [...plain.keys()]), ...unequal, nodes, `results and logs: ${kept}`]
      .filter((line) => line !== '')
      .map((line) => `${line}\n`)
      .join(''),
  );
  return results.length > 0 && judgement.unknown.length === 0 && unequal.length === 0;
}

try {
  const suite = SUITES.find(({ name }) => name === process.argv[2]);
  if (suite === undefined) throw new Failure('bad_argument', 'regress or isolation?');
  const good = await run(suite, regress_options(process.env), progress_for(process.stderr));
  process.exit(good ? 0 : 1); // Clients that wait for ever must not keep it.
} catch (error) {
  const text = error instanceof Failure ? error.message : String((error as Error).stack);
  process.stderr.write(`regress: ${text}\n`);
  process.exit(1);
}
