// Nodes that join, under load from all others: no row lost, none doubled, and no pause.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join as join_path } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AcknowledgedLoad, make_entries } from './acknowledged_load.ts';
import { only, type ClientOptions } from './cluster_nodes.ts';
import { LocalNodes } from './local_nodes.ts';
import { becomes, node_query, only_these_are_online } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';

const SOME = 60;
const TABLES = ['entries', 'counters', 'numbered'];

describe('nodes that join', { timeout: 300_000 }, () => {
  let nodes: LocalNodes;
  let load: AcknowledgedLoad;

  beforeAll(async () => {
    nodes = await LocalNodes.start({ settings: { 'multimaster.heartbeat_recv_timeout': '1s' } });
    await make_entries(nodes, 9);
    await query(1, 'CREATE TABLE numbered (id serial PRIMARY KEY, node int)');
    await query(1, 'INSERT INTO numbered (node) SELECT 0 FROM generate_series(1, 1000)');
    load = new AcknowledgedLoad(only(nodes, [1, 2, 3]), 1);
  });

  afterAll(async () => {
    await load.stop();
    await nodes.destroy();
  });

  const query = (node: number, sql: string, options: ClientOptions = {}) => node_query(nodes, node, sql, options);
  const shows = (ids: number[], sql: string, wanted: unknown) => becomes(nodes, ids, sql, wanted);

  const configured = (ids: number[]) =>
    shows(ids, 'SELECT gen_configured FROM mtm.status() WHERE gen_members = gen_configured', ids);

  /** With what the load was told; it goes on afterwards. */
  async function check(ids: number[]): Promise<void> {
    await load.progress(SOME);
    await load.stop();
    await load.check(only(nodes, ids));
    await same_everywhere(only(nodes, ids), TABLES);
    load.go_on();
  }

  test('a new one is copied from any, and takes part', async () => {
    expect(await nodes.join(2)).toBe(4);
    await configured([1, 2, 3, 4]);
    await query(4, "INSERT INTO entries VALUES (-4, 4); UPDATE counters SET n = n + 1 WHERE node = 4");
    await check([1, 2, 3, 4]);
    await same_schema_everywhere(nodes);
  });

  test('has numbers of its own from sequences', async () => {
    const each = [1, 2, 3, 4].map((node) =>
      query(node, `INSERT INTO numbered (node) SELECT ${node} FROM generate_series(1, 50) RETURNING id`),
    );
    const given = (await Promise.all(each)).flat().map(({ id }) => id);
    expect(new Set(given).size).toBe(200);
    await query(4, 'CREATE TABLE numbered_later (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, node int)');
    await Promise.all(
      [1, 2, 3, 4].map((node) => query(node, `INSERT INTO numbered_later (node) SELECT ${node} FROM generate_series(1, 50)`)),
    );
    await same_everywhere(nodes, ['numbered', 'numbered_later']);
  });

  test('while another is away, which gets it all when it is back', async () => {
    await nodes.kill(3);
    await only_these_are_online(nodes, [1, 2, 4]);
    expect(await nodes.join(4)).toBe(5);
    await only_these_are_online(nodes, [1, 2, 4, 5]);
    await query(5, 'INSERT INTO entries VALUES (-5, 5); UPDATE counters SET n = n + 1 WHERE node = 5');
    await nodes.start(3);
    await configured([1, 2, 3, 4, 5]);
    await check([1, 2, 3, 4, 5]);
  });

  test('all of them come back when all were killed', async () => {
    for (const node of nodes.ids) await nodes.kill(node);
    for (const node of nodes.ids) await nodes.start(node);
    await nodes.wait_online();
    await check([1, 2, 3, 4, 5]);
  });

  test('and leave again, under load', async () => {
    await query(1, 'SELECT mtm.drop_node(4)');
    await configured([1, 2, 3, 5]);
    await query(5, 'SELECT mtm.drop_node(5)').catch(() => query(1, 'SELECT mtm.drop_node(5)'));
    await configured([1, 2, 3]);
    await check([1, 2, 3]);
  });

  /** As a user's who is impatient: ended when the data folder is there in part. */
  async function interrupted(until: () => boolean): Promise<void> {
    const command = ['bin/multimaster', 'join', '--dir', nodes.dir, '--from', nodes.conninfo(1)];
    const child = spawn('/bin/sh', ['-c', 'exec "$@"', 'sh', ...command], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (!until() && child.exitCode === null) await sleep(5);
    child.kill('SIGKILL');
    await ended;
  }

  test('a join that was interrupted is started again, with a prepared transaction of a user open', async () => {
    // On the node that is copied: there it has the sequence locked as well.
    const user = await nodes.client(1);
    await user.query("BEGIN; INSERT INTO numbered (node) VALUES (6); PREPARE TRANSACTION 'kept'");
    await user.query("BEGIN; CREATE TABLE unseen (id serial); PREPARE TRANSACTION 'changed'");
    await expect(nodes.join(1)).rejects.toThrow(/prepared transaction "changed" has changed the schema/);
    await user.query("ROLLBACK PREPARED 'changed'");
    nodes.reopen();
    const folder = join_path(nodes.dir, 'node6');
    await interrupted(() => existsSync(`${folder}/data.unfinished/PG_VERSION`));
    await interrupted(() => existsSync(`${folder}/data/postmaster.pid`));
    nodes.reopen();
    const joined = nodes.join(1);
    joined.catch(() => {});
    await nodes.kill(6);
    await sleep(2_000);
    await user.query("COMMIT PREPARED 'kept'");
    await user.end();
    await joined.catch(() => nodes.join(1));
    await configured([1, 2, 3, 6]);
    await query(6, 'INSERT INTO entries VALUES (-6, 6); UPDATE counters SET n = n + 1 WHERE node = 6');
    await check([1, 2, 3, 6]);
    expect(await query(6, 'SELECT count(*)::int FROM numbered WHERE node = 6')).toEqual([{ count: 1 }]);
    const left = "SELECT count(*)::int FROM pg_replication_slots WHERE slot_name = 'mtm_copy'";
    await shows([6], left, 0);
  });

  test('one that nobody can reach, or that is not allowed, is refused', async () => {
    const add = (conninfo: string) => query(1, `SELECT mtm.add_node('${conninfo}')`);
    await expect(add('port=1')).rejects.toMatchObject({ code: '22023' });
    await expect(add('host=x dbname=other')).rejects.toMatchObject({ code: '22023' });
    await expect(add('nonsense')).rejects.toMatchObject({ code: '22023' });
    await query(1, 'CREATE ROLE anybody LOGIN');
    const client = await nodes.client(1);
    await client.query('SET ROLE anybody');
    await expect(client.query("SELECT mtm.add_node('host=x dbname=app')")).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('SELECT conninfo FROM mtm.cluster_nodes')).rejects.toMatchObject({ code: '42501' });
    await client.end();
  });

  test('numbers of dropped nodes are not given again', async () => {
    const add = () => query(2, "SELECT mtm.add_node('host=127.0.0.1 port=1 dbname=app')");
    for (const number of [7, 8]) {
      expect(await add()).toEqual([{ add_node: number }]);
      await query(2, `SELECT mtm.drop_node(${number})`);
    }
    await check([1, 2, 3, 6]);
  });
});
