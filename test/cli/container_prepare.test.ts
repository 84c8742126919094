// The container's entrypoint, without a container engine: the same code prepares a
// folder here, and a plain server is really started with what it wrote.
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { container_prepare, container_settings } from '../../ts-src/cli/container_prepare.ts';
import { query_node } from '../../ts-src/cli/database_client.ts';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { kill_tree } from '../../ts-src/cli/process_tree.ts';
import { run_program, spawn_identity } from '../../ts-src/cli/run_program.ts';
import { server_user } from '../../ts-src/cli/server_user.ts';
import { allocate_ports, type PortRange } from '../cluster/port_range.ts';

const ENTRYPOINT = fileURLToPath(new URL('../../docker/entrypoint.sh', import.meta.url));

const ENV = {
  MTM_NODE_ID: '2',
  MTM_CONN_STRINGS:
    'dbname=app host=n1 user=multimaster, dbname=app host=n2 user=multimaster',
  MTM_PASSWORD: "link's: \\secret",
  POSTGRES_PASSWORD: 'super:secret',
  PGDATA: '/var/lib/multimaster/data',
};

describe('the environment', () => {
  test('says what the node is', () => {
    expect(container_settings(ENV)).toMatchObject({
      db: 'app',
      superuser: 'postgres',
      password_file: '/var/lib/multimaster/pgpass',
      networks: ['samenet'],
      config: { node_id: 2, node_count: 2, port: 5432, listen_addresses: '*' },
    });
  });

  test.each(['MTM_NODE_ID', 'MTM_CONN_STRINGS', 'MTM_PASSWORD', 'POSTGRES_PASSWORD'])(
    'must have %s',
    (name) => {
      expect(() => container_settings({ ...ENV, [name]: undefined })).toThrow(name);
    },
  );

  test('may name files that hold the passwords', () => {
    const dir = mkdtempSync(join(tmpdir(), 'multimaster-secret-'));
    const file = join(dir, 'password');
    writeFileSync(file, 'from a file\n');
    const settings = container_settings({ ...ENV, MTM_PASSWORD_FILE: file });
    expect(settings.link_password).toBe('from a file');
    rmSync(dir, { recursive: true });
    expect(() => container_settings({ ...ENV, MTM_PASSWORD_FILE: file })).toThrow(
      /MTM_PASSWORD_FILE names .* cannot be read/,
    );
  });

  test('counts the nodes of a file of connection strings', () => {
    const dir = mkdtempSync(join(tmpdir(), 'multimaster-nodes-'));
    const file = join(dir, 'nodes');
    writeFileSync(file, 'host=n1\nhost=n2\n\nhost=n3\n');
    const settings = container_settings({ ...ENV, MTM_CONN_STRINGS: `@${file}` });
    expect(settings.config.node_count).toBe(3);
    rmSync(dir, { recursive: true });
  });
});

describe('a server with what was prepared', () => {
  let home: string;
  let ports: PortRange;
  let server: ChildProcess | undefined;

  const env = () => ({
    ...ENV,
    PGDATA: join(home, 'volume', 'data'),
    PGPASSFILE: join(home, 'volume', 'pgpass'),
    PGPORT: String(ports.first),
    MTM_LISTEN_ADDRESSES: '127.0.0.1',
    MTM_SOCKET_DIR: join(home, 'volume'),
    MTM_MAX_CONNECTIONS: '40',
  });

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'multimaster-container-'));
    chmodSync(home, 0o755);
    ports = await allocate_ports();
    await container_prepare(env());
    await container_prepare(env()); // Each start of the container prepares again.
    server = spawn(
      join(find_postgres().bindir, 'postgres'),
      ['-D', env().PGDATA, '-c', 'shared_preload_libraries='],
      { stdio: 'ignore', cwd: dirname(env().PGDATA), ...spawn_identity(server_user()) },
    );
    await until_it_answers();
  });

  afterAll(async () => {
    if (server?.pid !== undefined) await kill_tree(server.pid);
    rmSync(home, { recursive: true, force: true });
    await ports?.release();
  });

  const login = (user: string, password: string) => ({
    host: '127.0.0.1',
    port: ports.first,
    database: 'app',
    user,
    password,
  });

  async function until_it_answers(): Promise<void> {
    for (;;) {
      if (server?.exitCode !== null) throw new Error('the server ended');
      try {
        await query_node(login('postgres', ENV.POSTGRES_PASSWORD), 'SELECT 1');
        return;
      } catch (error) {
        const code = (error as { code?: string }).code ?? '';
        if (!['ECONNREFUSED', '57P03'].includes(code)) throw error;
        await sleep(50);
      }
    }
  }

  test('has the settings of its node', async () => {
    const rows = await query_node(
      login('postgres', ENV.POSTGRES_PASSWORD),
      `SELECT current_setting('multimaster.node_id') AS node_id,
              current_setting('multimaster.conn_strings') AS conn_strings,
              current_setting('max_connections') AS max_connections,
              current_setting('max_prepared_transactions') AS max_prepared_transactions`,
    );
    expect(rows).toEqual([
      {
        node_id: '2',
        conn_strings: ENV.MTM_CONN_STRINGS,
        max_connections: '40',
        max_prepared_transactions: '768',
      },
    ]);
  });

  test('lets the other nodes in by the password file that it made', async () => {
    const psql = join(find_postgres().bindir, 'psql');
    const file = env().PGPASSFILE;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const target = `host=127.0.0.1 port=${ports.first} dbname=app user=multimaster`;
    const conninfo = `${target} passfile=${file}`;
    const good = await run_program(psql, ['-wXAtc', 'SELECT current_user', conninfo]);
    expect(good).toMatchObject({ code: 0, stdout: 'multimaster\n', stderr: '' });
    const bad = await run_program(psql, ['-wXc', '', `${target} password=wrong`]);
    expect(bad.stderr).toMatch(/password authentication failed/);
  });

  test('is what the entrypoint becomes', async () => {
    const programs = join(home, 'programs');
    mkdirSync(programs);
    const stand_in = '#!/bin/sh\necho "$$" "$@"\n';
    writeFileSync(join(programs, 'postgres'), stand_in, { mode: 0o755 });
    const environment = {
      ...env(),
      PGDATA: join(home, 'second', 'data'),
      PGPASSFILE: join(home, 'second', 'pgpass'),
      PATH: `${programs}:${process.env['PATH']}`,
    };
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const script = 'echo "$$"; exec "$@"';
    const result = await run_program('env', [
      ...[...words, '/bin/sh', '-c', script, 'sh'],
      ...[ENTRYPOINT, '-c', 'fsync=off'],
    ]);
    const [pid, last] = result.stdout.trimEnd().split('\n');
    expect(result.stderr).toBe('');
    expect(last).toBe(`${pid} -D ${environment.PGDATA} -c fsync=off`);
    expect(existsSync(join(environment.PGDATA, 'PG_VERSION'))).toBe(true);
  });
});
