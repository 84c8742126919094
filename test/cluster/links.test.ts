// Links between nodes: who may open one, that they cost nothing while idle, and that
// what is lost with a broken one is made up for.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const LINKS = `SELECT pid FROM pg_stat_activity
  WHERE application_name LIKE 'multimaster link %' AND backend_type = 'client backend'`;
const LINK_SENDER = `SELECT pid FROM pg_stat_activity
  WHERE backend_type = 'multimaster link sender'`;
const ROWS = 300;
const BREAKS = 12;
const POLL_INTERVAL_MS = 20;

describe('links', () => {
  let sessions: NodeSessions;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'links');
    await sessions.on(1).query('CREATE TABLE written (node int, n int, PRIMARY KEY (node, n))');
  });

  afterAll(async () => {
    await online();
    await same_everywhere(sessions.nodes, ['links.written']);
    await sessions.close();
  });

  async function online(): Promise<void> {
    for (const node of sessions.nodes.ids) {
      while ((await value(sessions.on(node), 'SELECT mtm.ping()')) !== true) {
        await sleep(POLL_INTERVAL_MS);
      }
    }
  }

  /** Writes row after row; one that was refused because a link is down is tried again. */
  async function write_rows(node: number): Promise<void> {
    const insert = 'INSERT INTO written VALUES ($1, $2)';
    for (let n = 1; n <= ROWS; ) {
      try {
        await sessions.on(node).query(insert, [node, n]);
        n++;
      } catch (error) {
        // Not online, or the members changed in the middle of the commit.
        expect((error as pg.DatabaseError).code).toMatch(/^(57P03|40001)$/);
        await sleep(POLL_INTERVAL_MS);
      }
    }
  }

  test('a link session holds neither a transaction nor a snapshot', async () => {
    for (const node of sessions.nodes.ids) {
      const holding = await value(
        sessions.on(node),
        `SELECT array_agg(row (xact_start, backend_xid, backend_xmin)::text)
         FROM pg_stat_activity WHERE pid IN (${LINKS})`,
      );
      expect(holding).toEqual(Array(sessions.nodes.count - 1).fill('(,,)'));
    }
  });

  test('rows written while links break are on every node, once', async () => {
    const breaking = await Promise.all(sessions.nodes.ids.map((node) => sessions.another(node)));
    let writing = true;
    const written = Promise.all(sessions.nodes.ids.map(write_rows)).finally(() => {
      writing = false;
    });
    let broken = 0;
    for (; writing && broken < BREAKS; broken++) {
      const client = breaking[broken % breaking.length];
      const whose = broken % 2 === 0 ? LINKS : LINK_SENDER;
      await client?.query(`SELECT pg_terminate_backend(pid) FROM (${whose}) AS victims`);
      await online();
    }
    await written;
    expect(broken).toBeGreaterThan(0);
    const total = ROWS * sessions.nodes.count;
    await sessions.everywhere('SELECT count(*)::int FROM written', [[total]]);
  });

  test('the newest connection of a peer takes the place of the one before', async () => {
    const before = await value(sessions.on(1), `${LINKS} ORDER BY pid LIMIT 1`);
    const impostor = await sessions.another(1);
    const name = await value(sessions.on(1), "SELECT current_setting('multimaster.cluster_name')");
    const peer = await value(
      sessions.on(1),
      `SELECT split_part(application_name, ' ', 3)::int FROM pg_stat_activity WHERE pid = $1`,
      [before],
    );
    const taken = impostor.query(`SELECT mtm.link_receiver(${peer}, '${name}', 0)`);
    await taken.catch(() => undefined);
    await gone(Number(before));
    await online();
  });

  async function gone(pid: number): Promise<void> {
    const there = 'SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1';
    // The node is not online meanwhile.
    const watcher = await sessions.another(1);
    await watcher.query('SET multimaster.bypass = on');
    while ((await value(watcher, there, [pid])) !== 0) await sleep(POLL_INTERVAL_MS);
  }

  test('only a peer of this cluster may open a link', async () => {
    const open = 'SELECT mtm.link_receiver($1, $2, 0)';
    const name = await value(sessions.on(1), "SELECT current_setting('multimaster.cluster_name')");
    const itself = await failure(sessions.on(1), open, [1, name]);
    expect(itself).toMatchObject({ code: '22023', message: 'node 1 does not know a node 1 beside itself' });
    const unknown = await failure(sessions.on(1), open, [sessions.nodes.count + 1, name]);
    expect(unknown.code).toBe('22023');
    const stranger = await failure(sessions.on(1), open, [2, `not ${name}`]);
    expect(stranger.code).toBe('22023');
    expect(stranger.message).toContain(`node 2 belongs to cluster "not ${name}"`);
  });

  test('a role without REPLICATION may not open a link', async () => {
    const client = await sessions.another(1);
    await client.query('CREATE ROLE links_nobody');
    await client.query('SET ROLE links_nobody');
    const refused = await failure(client, "SELECT mtm.link_receiver(2, '', 0)");
    await client.query('RESET ROLE');
    await client.query('DROP ROLE links_nobody');
    expect(refused.code).toBe('42501');
  });

  test('no view shows a password of a conn string', async () => {
    const config = await value(sessions.on(1), 'SELECT mtm.shell_config()::text');
    expect(config).toContain('dbname');
    expect(config).not.toContain('password');
  });
});
