// The folder, the passwords and the processes of a local cluster.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { data_dir, log_file, node_port, password_file } from '../../ts-src/cli/cluster_record.ts';
import { conn_string } from '../../ts-src/cli/conn_string.ts';
import { query_node } from '../../ts-src/cli/database_client.ts';
import { descendants, is_alive, is_stopped } from '../../ts-src/cli/process_tree.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { cluster_report, report_table } from '../../ts-src/cli/status.ts';
import { wait_online } from '../../ts-src/cli/wait_online.ts';
import { plain_cluster, type PlainCluster } from './plain_cluster.ts';

let plain: PlainCluster;
const cluster = () => plain.cluster;

beforeAll(async () => {
  plain = await plain_cluster(2);
});
afterAll(() => plain?.destroy());

async function one_value(node: number, sql: string, options = {}): Promise<unknown> {
  const rows = await query_node(cluster().client_config(node, options), sql);
  return Object.values(rows[0] ?? {})[0];
}

test('the servers run with the settings that node_config gives', async () => {
  for (const node of cluster().nodes) {
    expect(await one_value(node, 'SHOW port')).toBe(String(node_port(cluster().record, node)));
    expect(await one_value(node, 'SHOW wal_level')).toBe('logical');
    expect(await one_value(node, 'SHOW listen_addresses')).toBe('127.0.0.1');
    expect(await one_value(node, "SELECT current_setting('multimaster.node_id')")).toBe(
      String(node),
    );
  }
});

test('the conn_strings that a server sees lead to the other node', async () => {
  const shown = await one_value(1, "SELECT current_setting('multimaster.conn_strings')");
  const second = String(shown).split(', ')[1] ?? '';
  const psql = join(cluster().postgres.bindir, 'psql');
  const sql = 'SELECT inet_server_port(), current_user, current_database()';
  const result = await run_program(psql, ['-XAtc', sql, second]);
  expect(result.stderr).toBe('');
  expect(result.stdout.trim()).toBe(`${node_port(cluster().record, 2)}|multimaster|app`);
});

test('the role of the links may replicate and nothing else', async () => {
  const rows = await query_node(
    cluster().client_config(1),
    `SELECT rolcanlogin, rolreplication, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls
     FROM pg_roles WHERE rolname = 'multimaster'`,
  );
  expect(rows).toEqual([
    {
      rolcanlogin: true,
      rolreplication: true,
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolbypassrls: false,
    },
  ]);
});

test('nobody gets in without a password, and others cannot read the passwords', async () => {
  expect(statSync(password_file(cluster().dir)).mode & 0o777).toBe(0o600);
  expect(statSync(cluster().dir).mode & 0o777).toBe(0o700);
  await expect(one_value(1, 'SELECT 1', { password: 'guessed' })).rejects.toMatchObject({
    code: '28P01',
  });
  const socket = conn_string({
    host: cluster().dir,
    port: node_port(cluster().record, 1),
    user: 'postgres',
    dbname: 'app',
  });
  const psql = join(cluster().postgres.bindir, 'psql');
  const result = await run_program(psql, ['-Xwc', 'SELECT 1', socket], {
    user: cluster().user,
    cwd: '/',
  });
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(/no password supplied/);
});

test('the link role may stream changes of its database', async () => {
  const config = cluster().client_config(1, { user: 'multimaster' });
  const replication = { ...config, replication: 'database' } as typeof config;
  const [system] = await query_node(replication, 'IDENTIFY_SYSTEM');
  expect(system).toMatchObject({ dbname: 'app' });
});

test('kill leaves no process, and the node starts again with its data', async () => {
  await one_value(2, 'CREATE TABLE survivor AS SELECT 42 AS answer');
  const pid = cluster().pid(2);
  if (pid === null) throw new Error('node 2 does not run');
  const all = [pid, ...descendants(pid)];
  expect(all.length).toBeGreaterThan(3);
  expect(await cluster().kill(2)).toBeGreaterThan(3);
  expect(all.filter(is_alive)).toEqual([]);
  expect(cluster().pid(2)).toBeNull();
  await cluster().start(2);
  expect(await one_value(2, 'SELECT answer FROM survivor')).toBe(42);
  expect(readFileSync(log_file(cluster().dir, 2), 'utf8')).toMatch(
    /was not properly shut down/,
  );
});

test('every process of a paused node stands still until it is resumed', async () => {
  const pid = cluster().pid(2);
  if (pid === null) throw new Error('node 2 does not run');
  const all = () => [pid, ...descendants(pid)];
  expect(all().filter(is_stopped)).toEqual([]);
  await cluster().pause(2);
  expect(all().length).toBeGreaterThan(3);
  expect(all().filter((each) => !is_stopped(each))).toEqual([]);
  const report = await cluster_report(cluster());
  expect(report.nodes.map((node) => node.status)).toEqual(['unreachable', 'paused']);
  await expect(one_value(2, 'SELECT 1', { connect_timeout_ms: 500 })).rejects.toThrow(/timeout/);
  cluster().resume(2);
  expect(all().filter(is_stopped)).toEqual([]);
  expect(await one_value(2, 'SELECT 1')).toBe(1);
});

test('a paused node is stopped as any other', async () => {
  await cluster().pause(2);
  await cluster().stop(2);
  expect(cluster().pid(2)).toBeNull();
  await cluster().start(2);
});

test('a query of a node that is paused meanwhile ends by its timeout', async () => {
  const options = { statement_timeout_ms: 100 };
  const waiting = one_value(2, 'SELECT pg_sleep(60)', options);
  await cluster().pause(2);
  await expect(waiting).rejects.toThrow(/timeout/);
  cluster().resume(2);
});

test('stop is a clean shutdown, and starting twice is no error', async () => {
  await cluster().stop(2);
  await cluster().stop(2);
  expect(cluster().pid(2)).toBeNull();
  expect(existsSync(join(data_dir(cluster().dir, 2), 'postmaster.pid'))).toBe(false);
  expect(readFileSync(log_file(cluster().dir, 2), 'utf8')).toMatch(/is shut down\n$/);
  await cluster().start(2);
  await cluster().start(2);
  expect(cluster().pid(2)).not.toBeNull();
});

test('status tells a stopped node from one that gives no answer', async () => {
  await cluster().stop(2);
  const report = await cluster_report(cluster());
  expect(report.nodes.map((node) => node.status)).toEqual(['unreachable', 'stopped']);
  const text = report_table(report);
  expect(text).toContain('node 1 is unreachable: schema "mtm" does not exist');
  expect(text).toContain(String(node_port(cluster().record, 2)));
  await cluster().start(2);
});

test('waiting in vain names what each node waits for', async () => {
  await cluster().stop(2);
  await expect(wait_online(cluster(), 1)).rejects.toThrow(
    /node 1 waits for the extension; node 2 stopped/,
  );
  await cluster().start(2);
});

test('a server that cannot start says why', async () => {
  await cluster().stop(2);
  cluster().record.settings['shared_preload_libraries'] = 'no_such_library';
  await expect(cluster().start(2)).rejects.toThrow(
    /node 2 did not start: could not access file "no_such_library"/,
  );
  cluster().record.settings['shared_preload_libraries'] = '';
  await cluster().start(2);
});
