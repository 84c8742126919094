// Many commits at once, and then none: what a worker leaves to others is taken by them.
// Nothing that comes later wakes anybody, so whatever was forgotten would stay so.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const CLIENTS = 24;
const BURSTS = 15;
/** Transactions that wait for a lock on node 2; more than flush at once. */
const WAITING = 8;
const LIMIT = { timeout: 120_000 };

describe('a burst of commits', () => {
  let sessions: NodeSessions;
  let clients: pg.Client[];
  let next_id = 1;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'commit_bursts');
    await sessions.on(1).query('CREATE TABLE rows (id int PRIMARY KEY)');
    await sessions.on(1).query('CREATE TABLE free (id int PRIMARY KEY)');
    clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => sessions.another(1 + (i % 3))),
    );
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['commit_bursts.rows', 'commit_bursts.free']);
    await sessions.close();
  });

  const insert = (client: pg.Client, table: string) =>
    client.query(`INSERT INTO ${table} VALUES ($1)`, [next_id++]);

  test('ends, each time', LIMIT, async () => {
    for (let burst = 0; burst < BURSTS; burst++) {
      await Promise.all(clients.map((client) => insert(client, 'rows')));
    }
    await sessions.everywhere('SELECT count(*)::int FROM rows', [[CLIENTS * BURSTS]]);
  });

  test('passes those that wait for a lock', LIMIT, async () => {
    const on_node_1 = clients.filter((_, i) => i % 3 === 0);
    const blocker = await sessions.another(2);
    await sessions.settled();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE rows IN SHARE MODE');
    const waiting = on_node_1.slice(0, WAITING).map((client) => insert(client, 'rows'));
    const free = clients.filter((_, i) => i % 3 === 2).map((client) => insert(client, 'free'));
    await Promise.all(free);
    await blocker.query('ROLLBACK');
    const ended = await Promise.allSettled(waiting);
    // One that node 2 gave up is refused: a lock that has only waited is no conflict.
    const codes = ended.map((one) => (one.status === 'rejected' ? one.reason.code : null));
    expect([null, '40P01', '40001']).toEqual(expect.arrayContaining(codes));
  });
});
