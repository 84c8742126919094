// The command line as its user meets it: whatever goes wrong is one clear sentence
// and exit code 1.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { node_port } from '../../ts-src/cli/cluster_record.ts';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { run_program, type ProgramResult } from '../../ts-src/cli/run_program.ts';
import { allocate_ports, type PortRange } from '../cluster/port_range.ts';
import { plain_cluster, type PlainCluster } from './plain_cluster.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// Only root has to become somebody else.
const root_only = test.skipIf(process.getuid?.() !== 0);

let scratch: string;
let ports: PortRange;

beforeAll(async () => {
  const built = await run_program('make', ['-s', '-C', ROOT, 'out/cli.mjs']);
  expect(built.code, built.stderr).toBe(0);
  scratch = mkdtempSync(join(tmpdir(), 'multimaster-cli-'));
  chmodSync(scratch, 0o755);
  ports = await allocate_ports();
});

afterAll(async () => {
  await ports?.release();
  rmSync(scratch, { recursive: true, force: true });
});

function multimaster(args: string[], env: Record<string, string> = {}) {
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return run_program('env', [...words, join(ROOT, 'bin', 'multimaster'), ...args]);
}

function expect_sentence(result: ProgramResult, sentence: RegExp): void {
  expect(result.stderr).toMatch(sentence);
  expect(result.stderr).not.toMatch(/\n\s+at /);
  expect(result.stderr.trim().split('\n')).toHaveLength(1);
  expect(result.code).toBe(1);
}

/** A pg_config of the real server that claims what a test wants. */
function fake_pg_config(name: string, claims: { version?: string; installed: boolean }): string {
  const dir = join(scratch, name);
  const { bindir, version } = find_postgres();
  mkdirSync(join(dir, 'extension'), { recursive: true });
  if (claims.installed) {
    const files = ['multimaster.so', 'extension/multimaster.control', 'extension/plv8.control'];
    for (const file of files) writeFileSync(join(dir, file), '');
  }
  const lines = [bindir, dir, dir, claims.version ?? version];
  const program = join(dir, 'pg_config');
  const script = lines.map((line) => `echo '${line}'\n`).join('');
  writeFileSync(program, `#!/bin/sh\n${script}`, { mode: 0o755 });
  return program;
}

describe('what is asked for', () => {
  test.each([
    [['up', '--nodes', 'three'], /'three' is invalid.*whole number from 1 to 16/],
    [['up', '--port', '80'], /'80' is invalid.*whole number from 1024 to 65535/],
    [['up', '--db', 'postgres'], /'postgres' is invalid.*name of a new database/],
    [['up', '--set', 'fsync'], /'fsync' is invalid.*name=value/],
    [['kill'], /missing required argument 'node'/],
    [['kill', 'x'], /'x' is invalid/],
    [['cut', '1'], /missing required argument 'other'/],
    [['delay', '1', '2', 'long'], /'long' is invalid.*a time like 50ms/],
    [['delay', '1', '2', '700s'], /up to 600s/],
    [['partition', '1,x', '2'], /'1,x' is invalid.*whole number/],
    [['fly'], /unknown command 'fly'/],
  ])('%j is refused', async (args, message) => {
    const result = await multimaster(args);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(1);
  });

  test('without arguments it lists its commands', async () => {
    const result = await multimaster(['help']);
    expect(result.code).toBe(0);
    const cluster = ['up', 'down', 'status', 'psql', 'kill', 'stop', 'start', 'logs'];
    const faults = ['cut', 'partition', 'delay', 'heal', 'pause', 'resume'];
    for (const command of [...cluster, ...faults]) {
      expect(result.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(result.stdout).not.toMatch(/container-prepare|^  relay /m);
  });
});

describe('what is missing', () => {
  test('a folder without a cluster', async () => {
    const dir = join(scratch, 'nothing');
    for (const command of [['down'], ['status'], ['kill', '1'], ['psql', '1'], ['logs', '1']]) {
      const [name = '', ...rest] = command;
      const result = await multimaster([name, '--dir', dir, ...rest]);
      expect_sentence(result, /^multimaster: there is no cluster in .*nothing/);
    }
    expect(existsSync(dir)).toBe(false);
  });

  test('PostgreSQL', async () => {
    const result = await multimaster(['up', '--dir', join(scratch, 'a')], {
      PG_CONFIG: '/nowhere/pg_config',
    });
    expect_sentence(result, /PostgreSQL was not found.*run "make setup" or set PG_CONFIG/);
  });

  test('the right version of it', async () => {
    const PG_CONFIG = fake_pg_config('old', { version: 'PostgreSQL 13.9', installed: true });
    const result = await multimaster(['up', '--dir', join(scratch, 'a')], { PG_CONFIG });
    expect_sentence(result, /PostgreSQL 15 is needed, but .* belongs to PostgreSQL 13.9/);
  });

  test('the extension', async () => {
    const PG_CONFIG = fake_pg_config('bare', { installed: false });
    const result = await multimaster(['up', '--dir', join(scratch, 'a')], { PG_CONFIG });
    expect_sentence(result, /extension "multimaster" is not installed .*"make setup/);
    expect(existsSync(join(scratch, 'a'))).toBe(false);
  });

  root_only('a system user for the servers', async () => {
    const PG_CONFIG = fake_pg_config('user', { installed: true });
    const args = ['up', '--dir', join(scratch, 'a')];
    const nobody = await multimaster(args, { PG_CONFIG, MTM_RUN_AS: 'no-such-user' });
    expect_sentence(nobody, /there is no system user "no-such-user"/);
    const root = await multimaster(args, { PG_CONFIG, MTM_RUN_AS: 'root' });
    expect_sentence(root, /must name an ordinary user/);
  });
});

describe('what is in the way', () => {
  test('another program on a port', async () => {
    const taken = ports.first + 1;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
    try {
      const PG_CONFIG = fake_pg_config('port', { installed: true });
      const dir = join(scratch, 'port-taken');
      const args = ['up', '--dir', dir, '--port', String(ports.first)];
      const result = await multimaster(args, { PG_CONFIG });
      expect_sentence(
        result,
        new RegExp(`^multimaster: port ${taken} on 127.0.0.1 is taken by another program`),
      );
      expect(existsSync(dir)).toBe(false); // So that the next try may use another.
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('a referee for other than two nodes', async () => {
    const PG_CONFIG = fake_pg_config('three', { installed: true });
    const dir = join(scratch, 'three-and-referee');
    const result = await multimaster(['up', '--dir', dir, '--referee'], { PG_CONFIG });
    expect_sentence(result, /a referee is for two nodes/);
    expect(existsSync(dir)).toBe(false);
  });

  test('a folder with other files in it', async () => {
    const PG_CONFIG = fake_pg_config('full', { installed: true });
    const dir = join(scratch, 'full-folder');
    mkdirSync(dir);
    writeFileSync(join(dir, 'precious'), 'data');
    const result = await multimaster(['up', '--dir', dir], { PG_CONFIG });
    expect_sentence(result, /full-folder holds other files/);
    const removal = await multimaster(['down', '--purge', '--dir', dir]);
    expect_sentence(removal, /there is no cluster in/);
    expect(existsSync(join(dir, 'precious'))).toBe(true);
  });

  root_only('a folder that the servers cannot reach', async () => {
    const PG_CONFIG = fake_pg_config('closed', { installed: true });
    const closed = join(scratch, 'closed-folder');
    mkdirSync(closed, { mode: 0o700 });
    const result = await multimaster(['up', '--dir', join(closed, 'a')], { PG_CONFIG });
    expect_sentence(result, /the system user "\w+", who runs the servers, cannot use/);
  });

  test('a folder whose name would break a connection string', async () => {
    const PG_CONFIG = fake_pg_config('comma', { installed: true });
    const result = await multimaster(['up', '--dir', join(scratch, 'a,b')], { PG_CONFIG });
    expect_sentence(result, /has a comma, quote, backslash or line end/);
  });
});

describe('a cluster that is there', () => {
  let plain: PlainCluster;
  const in_dir = (command: string, ...args: string[]) =>
    multimaster([command, '--dir', plain.cluster.dir, ...args]);

  beforeAll(async () => {
    plain = await plain_cluster(1);
  });
  afterAll(() => plain?.destroy());

  test('psql hands on its arguments and its exit code', async () => {
    const good = await in_dir('psql', '1', '-XAt', '-c', 'SELECT current_user', '--no-psqlrc');
    expect(good).toMatchObject({ code: 0, stdout: 'postgres\n', stderr: '' });
    const bad = await in_dir('psql', '1', '-Xc', 'SELECT 1/0', '-v', 'ON_ERROR_STOP=1');
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(/division by zero/);
  });

  test('a node that is not there', async () => {
    expect_sentence(await in_dir('kill', '2'), /there is no node 2: the nodes in .* are 1/);
  });

  test('a network without relays', async () => {
    for (const command of [['cut', '1', '1'], ['heal'], ['partition', '1', '2']]) {
      const [name = '', ...rest] = command;
      expect_sentence(await in_dir(name, ...rest), /was made without --proxy|no network to|no node 2/);
    }
    const PG_CONFIG = fake_pg_config('no-proxy', { installed: true });
    const proxied = await multimaster(['up', '--dir', plain.cluster.dir, '--proxy'], { PG_CONFIG });
    expect_sentence(proxied, /was made without --proxy: leave it out/);
    const with_referee = await multimaster(['up', '--dir', plain.cluster.dir, '--referee'], { PG_CONFIG });
    expect_sentence(with_referee, /was made without --referee: leave it out/);
    expect_sentence(await in_dir('stop', 'referee'), /has no referee/);
  });

  test('up with other numbers than it was made with', async () => {
    const PG_CONFIG = fake_pg_config('other', { installed: true });
    const args = ['up', '--dir', plain.cluster.dir, '--nodes', '5'];
    const result = await multimaster(args, { PG_CONFIG });
    expect_sentence(result, /was made with nodes 1, not 5/);
  });

  test('stop, status, start, kill, logs, down --purge', async () => {
    expect((await in_dir('stop', '1')).code).toBe(0);
    const report = JSON.parse((await in_dir('status', '--json')).stdout) as {
      nodes: unknown[];
    };
    const port = node_port(plain.cluster.record, 1);
    expect(report.nodes).toEqual([{ node: 1, port, pid: null, status: 'stopped' }]);
    expect((await in_dir('status')).stdout).toMatch(/stopped/);
    expect((await in_dir('start', '1')).code).toBe(0);
    expect(plain.cluster.pid(1)).not.toBeNull();
    expect((await in_dir('kill', '1')).code).toBe(0);
    expect(plain.cluster.pid(1)).toBeNull();
    expect_sentence(await in_dir('kill', '1'), /node 1 does not run/);
    expect((await in_dir('logs', '1')).stdout).toMatch(/ready to accept connections/);
    expect((await in_dir('start', '1')).code).toBe(0);
    expect((await in_dir('down', '--purge')).code).toBe(0);
    expect(existsSync(plain.cluster.dir)).toBe(false);
  });
});
