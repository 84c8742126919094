// Circles of waits over nodes that the rule for writers does not end, since some of those in
// them hold their locks without writing (docs/conflicts.md, "Circles"). PostgreSQL's own
// deadlock_timeout is longer here than the tests are given: what ends is the detector's.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { NodeSessions, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const LIMIT = { timeout: 60_000 };

type Ended = pg.DatabaseError | null;

function ended(query: Promise<unknown>): Promise<Ended> {
  return query.then(
    () => null,
    (error: pg.DatabaseError) => error,
  );
}

const write = (...ids: number[]) =>
  ids.map((id) => `UPDATE rows SET n = n + 1 WHERE id = ${id}`).join('; ');
const lock = (id: number) => `SELECT FROM rows WHERE id = ${id} FOR UPDATE`;

const DEADLOCK = { code: '40P01', message: 'deadlock detected', hint: 'Retry the transaction.' };

describe('a circle of waits over nodes', () => {
  let sessions: NodeSessions;
  const clients = new Map<string, pg.Client>();

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'deadlocks');
    await sessions.on(1).query('CREATE TABLE rows (id int PRIMARY KEY, n int NOT NULL)');
    await sessions.on(1).query('CREATE TABLE doors (id int PRIMARY KEY)');
    await deadlock_timeout("SET deadlock_timeout = '1h'");
  });

  afterAll(async () => {
    await deadlock_timeout('RESET deadlock_timeout');
    await same_everywhere(sessions.nodes, ['deadlocks.rows']);
    await sessions.close();
  });

  beforeEach(async () => {
    clients.clear();
    await sessions.on(1).query('DELETE FROM rows');
    await sessions.on(1).query('INSERT INTO rows SELECT id, 0 FROM generate_series(1, 9) AS id');
    await sessions.settled();
  });

  async function deadlock_timeout(change: string): Promise<void> {
    for (const node of sessions.nodes.ids) {
      await sessions.on(node).query(`ALTER SYSTEM ${change}`);
      await sessions.on(node).query('SELECT pg_reload_conf()');
    }
  }

  const pid_of = async (client: pg.Client) => Number(await value(client, 'SELECT pg_backend_pid()'));
  const name_of = async (node: number, client: pg.Client) => `node ${node}, pid ${await pid_of(client)}`;

  async function locker(node: number, ...statements: string[]): Promise<pg.Client> {
    const client = await sessions.another(node);
    await client.query('BEGIN');
    for (const statement of statements) await client.query(statement);
    return client;
  }

  /** Until so many on the node wait for a lock. */
  async function waiting(node: number, count: number): Promise<void> {
    const query = 'SELECT count(DISTINCT pid)::int FROM pg_locks WHERE NOT granted';
    await expect.poll(() => value(sessions.on(node), query), LIMIT).toBe(count);
  }

  /** A block that began first is earlier, whenever it commits. */
  async function block(node: number, ...statements: string[]): Promise<pg.Client> {
    return locker(node, ...statements);
  }

  async function numbers(...ids: number[]): Promise<void> {
    await sessions.everywhere(
      'SELECT id FROM rows, generate_series(1, n) ORDER BY id',
      ids.map((id) => [id]),
    );
  }

  const lockers: [string, string, string][] = [
    ['by rows that are locked', lock(1), lock(2)],
    [
      'by LOCK TABLE',
      'LOCK TABLE doors IN SHARE MODE',
      'LOCK TABLE doors IN SHARE MODE',
    ],
  ];

  test.each(lockers)('%s on two nodes, and a transaction of a user', async (_, first, second) => {
    const by_table = first.startsWith('LOCK TABLE');
    const [in_first, in_second] = by_table
      ? ['INSERT INTO doors VALUES (1)', 'INSERT INTO doors VALUES (2)']
      : [write(1), write(2)];
    const one = await locker(1, first);
    const two = await locker(2, second);
    // Each is prepared on the other locker's node, and waits on one of them.
    const own = await block(3, `${by_table ? '' : write(3)}`);
    void own;
    void in_first;
    void in_second;
    void one;
    void two;
  });
});
