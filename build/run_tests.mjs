// `make test`: set-up, then every suite, one after the other, but for the simulator, which
// takes what the others leave of the cores. Each suite's output passes through; the last
// line is `N passed, N failed`. A suite that could not run counts as failed.
//   node build/run_tests.mjs [SUITE ...]
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const REPORTS = 'out/test';

/**
 * Runs a program; its output passes through, and comes back as text. `held`: it is printed
 * in one piece at the end, since another program prints meanwhile.
 */
function run(program, args, { held = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', held ? 'pipe' : 'inherit'] });
    running.add(child);
    let output = '';
    const take = (text) => {
      if (!held) process.stdout.write(text);
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    const end = (code, text) => {
      running.delete(child);
      if (held) process.stdout.write(text);
      resolve({ code, output: text });
    };
    child.on('error', (error) => end(1, String(error)));
    child.on('close', (code) => end(code ?? 1, output));
  });
}

const running = new Set();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.on(name, () => {
    for (const child of running) child.kill(name);
    stopped = true;
  });
}
let stopped = false;

/** At least one failure where the program failed, whatever it counted. */
function judged(passed, failed, code) {
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

async function by_exit_code(program, args) {
  const { code } = await run(program, args);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function type_check() {
  const tsc = (project) => by_exit_code('node_modules/.bin/tsc', ['--noEmit', '-p', project]);
  return sum([await tsc('tsconfig.json'), await tsc('tsconfig.server.json')]);
}

async function vitest(name, args, { nice = 0, ...options } = {}) {
  const report = `${REPORTS}/${name}.json`;
  rmSync(report, { force: true });
  const { code } = await run('nice', [
    ...['-n', String(nice), 'node_modules/.bin/vitest'],
    ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ...args,
  ], options);
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const counts = JSON.parse(readFileSync(report, 'utf8'));
  // A file that could not be loaded has no tests to count.
  const broken = counts.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  return judged(counts.numPassedTests, counts.numFailedTests + broken, code);
}

/**
 * Half of the files each (test/cluster/halves.ts), side by side: they mostly wait, for
 * servers that start and for timeouts that pass. Each half has clusters of its own.
 */
async function cluster_tests() {
  const config = ['--config', 'test/cluster/vitest.config.ts'];
  const half = (n, options) => vitest(`cluster_${n}`, [...config, `--shard=${n}/2`], options);
  return sum(await Promise.all([half(1), half(2, { held: true })]));
}

/** A script that runs pg_prove, vitest, or both. */
async function script(program, args) {
  if (!existsSync(program)) return missing(program);
  const { code, output } = await run(program, args);
  const plain = output.replace(COLORS, '');
  const { passed, failed } = sum([pg_prove_counts(plain), vitest_counts(plain)]);
  if (passed + failed === 0) return { passed: 0, failed: 1 }; // It ran no test.
  return judged(passed, failed, code);
}

const COLORS = /\u001b\[[0-9;]*m/g;

function pg_prove_counts(output) {
  const total = (pattern) =>
    [...output.matchAll(pattern)].reduce((so_far, found) => so_far + Number(found[1]), 0);
  const failed = total(/\(Wstat: .*Failed: (\d+)\)$/gm);
  return { passed: Math.max(0, total(/^Files=\d+, Tests=(\d+)/gm) - failed), failed };
}

function vitest_counts(output) {
  const line = /^\s+Tests {2}(.*)$/m.exec(output)?.[1] ?? '';
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count('passed'), failed: count('failed') };
}

function sum(counts) {
  const add = (name) => counts.reduce((total, count) => total + count[name], 0);
  return { passed: add('passed'), failed: add('failed') };
}

const has_tests = (dir) => existsSync(dir) && readdirSync(dir).length > 0;

const SIMULATOR = 'test/sim/cluster.test.ts';

/** Thousands of histories: nothing but computing, while the others mostly wait. */
const BACKGROUND = {
  simulator: () => vitest('simulator', [SIMULATOR], { nice: 19, held: true }),
};

const SUITES = {
  types: type_check,
  unit: () => vitest('unit', ['--exclude', SIMULATOR]),
  plv8: () => script('test/plv8/run.sh', []),
  sql: () => (has_tests('test/sql') ? script('build/run_pgtap.sh', []) : missing('test/sql')),
  cluster: cluster_tests,
};

function missing(what) {
  console.log(`${what} is missing`);
  return { passed: 0, failed: 1 };
}

async function run_suite(name, ended) {
  console.log(`\n=== ${name}`);
  const counts = await ended();
  console.log(`=== ${name}: ${counts.passed} passed, ${counts.failed} failed`);
  return counts;
}

async function main(names) {
  const known = [...Object.keys(SUITES), ...Object.keys(BACKGROUND)];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    console.error(`no suite "${unknown}": ${known.join(', ')}`);
    return { passed: 0, failed: 1 };
  }
  mkdirSync(REPORTS, { recursive: true });
  console.log('=== set-up');
  for (const goal of ['setup', 'install']) {
    const { code } = await run('make', ['--no-print-directory', goal]);
    if (code !== 0) return { passed: 0, failed: 1 };
  }
  const is_asked = ([name]) => names.length === 0 || names.includes(name);
  const begun = Object.entries(BACKGROUND).filter(is_asked).map(([name, suite]) => [name, suite()]);
  const totals = [];
  for (const [name, suite] of Object.entries(SUITES).filter(is_asked)) {
    if (stopped) break;
    totals.push(await run_suite(name, suite));
  }
  for (const [name, ended] of begun) totals.push(await run_suite(name, () => ended));
  if (stopped) totals.push({ passed: 0, failed: 1 });
  return sum(totals);
}

const { passed, failed } = await main(process.argv.slice(2));
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
