// A node that joins by hand: mtm.add_node(), a base backup, mtm.join_node(), under load; and
// copies that must not join. A cluster that is begun from base backups, too.
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join as join_path } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AcknowledgedLoad, make_entries } from './acknowledged_load.ts';
import { only } from './cluster_nodes.ts';
import { data_dir, node_dir } from '../../ts-src/cli/cluster_record.ts';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { server_user, hand_over } from '../../ts-src/cli/server_user.ts';
import { spawn_identity } from '../../ts-src/cli/run_program.ts';
import { LocalNodes } from './local_nodes.ts';
import { node_query } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';

const POLL_MS = 100;
const SOME = 60;
const { bindir } = find_postgres();

/** As an administrator runs it, on the machine of the servers. Its standard error. */
function run(program: string, args: string[], cwd: string): string {
  const all = ['-c', '"$@" 2>&1', 'sh', join_path(bindir, program), ...args];
  return execFileSync('/bin/sh', all, { cwd, encoding: 'utf8', ...spawn_identity(server_user()) });
}

/** Again while the nodes agree on a new generation. */
async function insist(nodes: LocalNodes, node: number, sql: string): Promise<Record<string, unknown>[]> {
  for (;;) {
    try {
      return await node_query(nodes, node, sql);
    } catch (error) {
      if ((error as { code?: string }).code !== '57P03') throw error;
      await sleep(POLL_MS);
    }
  }
}

/** A base backup of one node in the folder of another; where it ended. */
function back_up(nodes: LocalNodes, from: number, node: number): string {
  const data = data_dir(nodes.dir, node);
  mkdirSync(node_dir(nodes.dir, node), { recursive: true });
  hand_over(node_dir(nodes.dir, node), server_user());
  rmSync(data, { recursive: true, force: true });
  const said = run('pg_basebackup', ['-D', data, '-d', nodes.link_conninfo(from), '-c', 'fast', '-v'], nodes.dir);
  return /end point: (\S+)/.exec(said)![1]!;
}

describe('a node that joins by hand', { timeout: 300_000 }, () => {
  let nodes: LocalNodes;
  let load: AcknowledgedLoad;
  const started = new Set<number>();

  beforeAll(async () => {
    nodes = await LocalNodes.start({ settings: { 'multimaster.heartbeat_recv_timeout': '1s' } });
    await make_entries(nodes, 9);
    await node_query(nodes, 1, 'CREATE TABLE numbered (id serial PRIMARY KEY, node int)');
    load = new AcknowledgedLoad(only(nodes, [1, 2, 3]), 1);
  });

  afterAll(async () => {
    await load.stop();
    for (const node of started) stop(node);
    await nodes.destroy();
  });

  const port = (node: number) => nodes.port + node - 1;
  const link = (node: number) => nodes.link_conninfo(1).replace(/port=\d+/, `port=${port(node)}`);

  /** What differs on a new node: its port, its number, and nothing of what its source promised. */
  function configure(node: number, more: string[] = [], number = node): void {
    const data = data_dir(nodes.dir, node);
    rmSync(join_path(data, 'pg_mtm'), { recursive: true, force: true });
    const lines = [`port = ${port(node)}`, `multimaster.node_id = ${number}`, ...more];
    appendFileSync(join_path(data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`);
  }

  function start(node: number): void {
    const log = join_path(node_dir(nodes.dir, node), 'log');
    run('pg_ctl', ['start', '-w', '-D', data_dir(nodes.dir, node), '-l', log], dirname(log));
    started.add(node);
  }

  function stop(node: number): void {
    run('pg_ctl', ['stop', '-w', '-m', 'immediate', '-D', data_dir(nodes.dir, node)], nodes.dir);
    started.delete(node);
  }

  async function kept(node: number, on: number): Promise<void> {
    const sql = `SELECT FROM pg_replication_slots WHERE slot_name = 'mtm_slot_${node}'`;
    while ((await node_query(nodes, on, sql)).length === 0) await sleep(POLL_MS);
  }

  async function joined(node: number, ids: number[]): Promise<void> {
    await node_query(nodes, 1, `SELECT mtm.poll_node(${node})`);
    const sql = 'SELECT gen_configured = $$' + `{${ids.join(',')}}` + '$$::int[] AS all FROM mtm.status()';
    while ((await node_query(nodes, 1, sql))[0]!['all'] !== true) await sleep(POLL_MS);
    started.delete(node);
    nodes.adopt(node, port(node));
  }

  async function check(ids: number[]): Promise<void> {
    await load.progress(SOME);
    await load.stop();
    await load.check(only(nodes, ids));
    await same_everywhere(only(nodes, ids), ['entries', 'counters', 'numbered']);
    load.go_on();
  }

  test('from a backup that is simply started', async () => {
    expect(await node_query(nodes, 2, `SELECT mtm.add_node($$${link(4)}$$)`)).toEqual([{ add_node: 4 }]);
    await kept(4, 2);
    const end = back_up(nodes, 2, 4);
    await expect(node_query(nodes, 2, `SELECT mtm.join_node(4, '${end}')`)).rejects.toMatchObject({ code: '08001' });
    configure(4);
    start(4);
    const waits = "SELECT mtm.join_node(4, 'FFFF/0')";
    await expect(node_query(nodes, 2, waits)).rejects.toMatchObject({ code: '55000', message: expect.stringMatching(/before the end of the backup/) });
    await expect(node_query(nodes, 1, `SELECT mtm.join_node(4, '0/0')`)).rejects.toMatchObject({ code: '55000' });
    await node_query(nodes, 2, `SELECT mtm.join_node(4, '${end}')`);
    await node_query(nodes, 2, `SELECT mtm.join_node(4, '${end}')`);
    await joined(4, [1, 2, 3, 4]);
    await node_query(nodes, 4, 'INSERT INTO entries VALUES (-4, 4); UPDATE counters SET n = n + 1 WHERE node = 4; INSERT INTO numbered (node) VALUES (4)');
    await check([1, 2, 3, 4]);
  });

  test('from a backup that is recovered to its end and promoted, restarted before it is told', async () => {
    await node_query(nodes, 1, 'SELECT mtm.drop_node(4)');
    const left = "SELECT gen_configured = '{1,2,3}' AS left FROM mtm.status()";
    while ((await node_query(nodes, 1, left))[0]!['left'] !== true) await sleep(POLL_MS);
    await nodes.stop(4);
    const recover = 'SELECT mtm.recover_node(4)';
    await expect(node_query(nodes, 1, 'SELECT mtm.recover_node(2)')).rejects.toMatchObject({ code: '55000' });
    await expect(node_query(nodes, 1, 'SELECT mtm.recover_node(9)')).rejects.toMatchObject({ code: '22023' });
    expect(await insist(nodes, 1, recover)).toEqual([{ recover_node: 5 }]);
    await expect(node_query(nodes, 3, recover)).rejects.toMatchObject({ code: '55000', message: 'node 4 is to be node 5 already' });
    await kept(5, 1);
    const end = back_up(nodes, 1, 4);
    const targets = ["restore_command = 'false'", "recovery_target = 'immediate'", "recovery_target_action = 'promote'"];
    configure(4, targets, 5);
    writeFileSync(join_path(data_dir(nodes.dir, 4), 'recovery.signal'), '');
    start(4);
    const waits = async () => node_query(nodes, 4, 'SELECT reason FROM mtm.status()').then(([row]) => String(row?.['reason']), String);
    nodes.adopt(4, port(4));
    while (!/waits for mtm.join_node\(5/.test(await waits())) await sleep(POLL_MS);
    await expect(node_query(nodes, 4, 'SELECT FROM entries')).rejects.toMatchObject({ code: '57P03' });
    run('pg_ctl', ['restart', '-w', '-D', data_dir(nodes.dir, 4), '-l', join_path(node_dir(nodes.dir, 4), 'log')], nodes.dir);
    await node_query(nodes, 1, `SELECT mtm.join_node(5, '${end}')`);
    await node_query(nodes, 1, 'SELECT mtm.poll_node(5)');
    await node_query(nodes, 4, 'INSERT INTO entries VALUES (-5, 5); UPDATE counters SET n = n + 1 WHERE node = 5; INSERT INTO numbered (node) VALUES (5)');
    await check([1, 2, 3, 4]);
  });

  test('but not one that was started as a server of its own in between', async () => {
    expect(await insist(nodes, 1, `SELECT mtm.add_node($$${link(6)}$$)`)).toEqual([{ add_node: 6 }]);
    await kept(6, 1);
    const end = back_up(nodes, 1, 6);
    configure(6, ["multimaster.conn_strings = ''"]);
    start(6);
    stop(6);
    const auto = join_path(data_dir(nodes.dir, 6), 'postgresql.auto.conf');
    writeFileSync(auto, readFileSync(auto, 'utf8').replace("multimaster.conn_strings = ''", ''));
    chmodSync(auto, 0o600);
    start(6);
    await sleep(1_000);
    await expect(node_query(nodes, 1, `SELECT mtm.join_node(6, '${end}')`)).rejects.toMatchObject({ code: '55000', message: expect.stringMatching(/is no copy of node 1, or was started before/) });
    stop(6);
    await node_query(nodes, 1, 'SELECT mtm.drop_node(6)');
    await check([1, 2, 3]);
  });

  test('only for who may', async () => {
    await node_query(nodes, 1, 'CREATE ROLE anybody LOGIN');
    for (const call of ["join_node(4, '0/0')", 'recover_node(4)', 'copy_arrived()']) {
      await expect(node_query(nodes, 1, `SET ROLE anybody; SELECT mtm.${call}`)).rejects.toMatchObject({ code: '42501' });
    }
    await expect(node_query(nodes, 1, "SELECT mtm.join_node(2, '0/0')")).rejects.toMatchObject({ code: '22023' });
  });
});

describe('a cluster that begins with base backups', { timeout: 300_000 }, () => {
  let nodes: LocalNodes;

  beforeAll(async () => {
    nodes = await LocalNodes.start_apart();
    await node_query(nodes, 1, 'CREATE TABLE lines (id serial PRIMARY KEY, v text); CREATE EXTENSION multimaster CASCADE');
    await node_query(nodes, 1, "INSERT INTO lines (v) SELECT repeat('x', n % 100) FROM generate_series(1, 20000) n");
    await node_query(nodes, 1, "SELECT lo_create(0)");
    for (const node of [2, 3]) {
      await nodes.stop(node);
      back_up(nodes, 1, node);
      await nodes.start(node);
    }
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  const strings = () => nodes.ids.map((node) => `$$${nodes.link_conninfo(node)}$$`);
  const init = () => `SELECT mtm.init_cluster(${strings()[0]}, ARRAY[${strings().slice(1).join(', ')}], 'user=postgres')`;

  test('is refused while one of them differs', async () => {
    await node_query(nodes, 1, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata");
    await node_query(nodes, 2, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata");
    await node_query(nodes, 3, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata; UPDATE lines SET v = 'other' WHERE id = 5");
    await expect(node_query(nodes, 1, init())).rejects.toMatchObject({ message: expect.stringMatching(/server 3 is neither empty nor the same/) });
    await node_query(nodes, 3, "UPDATE lines SET v = (SELECT v FROM lines l WHERE l.id = 105) WHERE id = 5");
  });

  test('works where they are the same, and after an interrupted run', async () => {
    await nodes.stop(3);
    back_up(nodes, 1, 3);
    await nodes.start(3);
    const client = await nodes.client(1);
    const [own] = (await client.query('SELECT pg_backend_pid() AS pid')).rows as { pid: number }[];
    const ended = client.query(init()).catch(String);
    const held = () => node_query(nodes, 1, 'CREATE TABLE probe (); DROP TABLE probe').then(() => false, () => true);
    while (!(await held())) await sleep(POLL_MS);
    await node_query(nodes, 1, `SELECT pg_terminate_backend(${own!.pid})`);
    await ended;
    await expect(node_query(nodes, 1, 'CREATE TABLE probe ()')).rejects.toMatchObject({ code: '57P03' });
    await node_query(nodes, 1, init());
    for (const node of nodes.ids) await nodes.stop(node);
    for (const node of nodes.ids) await nodes.start(node);
    await nodes.wait_online();
    await Promise.all(nodes.ids.map((node) => node_query(nodes, node, `INSERT INTO lines (v) SELECT '${node}' FROM generate_series(1, 50)`)));
    await same_everywhere(nodes, ['lines']);
    expect(await node_query(nodes, 3, 'SELECT * FROM mtm.check_database()')).toEqual([]);
  });
});
