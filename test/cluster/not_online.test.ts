// A node that lost the others answers no statement from what it has, but tells what it
// waits for, and lets in who came to mend it.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { ClientOptions, ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { failure, value } from './node_sessions.ts';
import { no_prepared_transactions, same_everywhere } from './same_everywhere.ts';

/** The node that is cut off from both others. */
const ALONE = 3;
const POLL_INTERVAL_MS = 20;
/** So long mtm.collect_cluster_info() waits for each of the others. */
const SETTINGS = { 'multimaster.connect_timeout': '2s' };
/** Longer than multimaster.heartbeat_recv_timeout. */
const LONG_PAUSE_MS = 3_000;

const REFUSED = [
  'SELECT 1',
  'SELECT pg_backend_pid()',
  'SELECT * FROM accounts',
  'TABLE pg_class',
  "SELECT nextval('numbers')",
  'SELECT * FROM accounts, mtm.status()',
  'SELECT (SELECT max(balance) FROM accounts) FROM mtm.status()',
  'SELECT balance_of(1) FROM mtm.status()',
  "SELECT mtm.my_node_id(), query_to_xml('TABLE accounts', true, true, '')",
  'WITH changed AS (UPDATE accounts SET balance = 0 RETURNING id) SELECT * FROM changed',
  "INSERT INTO accounts VALUES (50, 0) RETURNING mtm.my_node_id()",
  'UPDATE accounts SET balance = 0',
  'DELETE FROM accounts',
  'SELECT * FROM accounts FOR UPDATE',
  'MERGE INTO accounts USING (VALUES (1)) v (n) ON id = n WHEN MATCHED THEN DELETE',
  'EXPLAIN ANALYZE SELECT * FROM accounts',
  'COPY accounts TO STDOUT',
  "COPY (SELECT 1) TO '/dev/null'",
  'TRUNCATE accounts',
  'CREATE TABLE another (id int PRIMARY KEY)',
  'CREATE TEMP TABLE another (id int PRIMARY KEY)',
  'CREATE TABLE another AS SELECT * FROM accounts',
  'ALTER TABLE accounts ADD note text',
  'DROP TABLE accounts',
  'VACUUM accounts',
  'ANALYZE accounts',
  'REINDEX TABLE accounts',
  'NOTIFY channel',
  "DO 'BEGIN NULL; END'",
  'CALL transfer()',
  "COMMIT PREPARED 'nobody'",
];

const IN_A_BLOCK = [
  'LOCK TABLE accounts',
  'DECLARE c CURSOR FOR SELECT * FROM accounts',
  'FETCH ALL FROM opened_before',
];

const LOOKING = [
  'SELECT * FROM mtm.status()',
  'SELECT status FROM mtm.status() WHERE status <> $$online$$ ORDER BY 1',
  'SELECT count(*), max(my_node_id) FROM mtm.status()',
  'SELECT * FROM mtm.get_cluster_state()',
  'SELECT * FROM mtm.get_nodes_state()',
  'SELECT * FROM mtm.nodes()',
  'SELECT * FROM mtm.node_info(1)',
  'SELECT mtm.my_node_id()',
  'SELECT * FROM mtm.in_doubt',
  'SELECT * FROM mtm.stat_bgwpool',
  'SELECT * FROM mtm.local_tables',
  "SELECT * FROM mtm.get_trans_by_gid('nobody')",
  'SELECT * FROM mtm.collect_cluster_info()',
  'SELECT s.status, r.rolname FROM mtm.status() s, pg_roles r',
  'EXPLAIN SELECT * FROM mtm.status()',
  'SHOW multimaster.node_id',
  'SHOW ALL',
  "SET work_mem = '8MB'",
  'RESET work_mem',
  'BEGIN; SAVEPOINT one; ROLLBACK TO one; RELEASE one; COMMIT',
  'START TRANSACTION READ ONLY; ROLLBACK',
  'DISCARD ALL',
  'UNLISTEN *',
];

describe('a node that is not online', () => {
  let nodes: ClusterNodes;
  let client: pg.Client;
  let more: pg.Client[];

  beforeAll(async () => {
    nodes = await start_cluster({ proxy: true, settings: SETTINGS });
    const maker = await nodes.client(1);
    for (const statement of [
      'CREATE TABLE accounts (id int PRIMARY KEY, balance int)',
      'INSERT INTO accounts SELECT n, 100 FROM generate_series(1, 10) n',
      'CREATE SEQUENCE numbers',
      `CREATE FUNCTION balance_of(int) RETURNS int LANGUAGE plpgsql STABLE AS
         'BEGIN RETURN (SELECT balance FROM accounts WHERE id = $1); END'`,
      "CREATE PROCEDURE transfer() LANGUAGE plpgsql AS 'BEGIN NULL; END'",
      "CREATE ROLE visitor LOGIN PASSWORD 'visitor'",
      'GRANT SELECT ON accounts TO visitor',
    ]) {
      await maker.query(statement);
    }
    await maker.end();
    await settled();
  });

  beforeEach(async () => {
    more = [];
    client = await on(ALONE);
  });

  afterEach(async () => {
    await nodes.resume(ALONE);
    await nodes.heal();
    await all_ended(more.map((each) => each.end()));
    await nodes.wait_online();
    await settled();
    await same_everywhere(nodes, ['accounts']);
  });

  afterAll(() => nodes?.destroy());

  async function on(node: number, options?: ClientOptions): Promise<pg.Client> {
    const opened = await nodes.client(node, options);
    more.push(opened);
    return opened;
  }

  async function settled(): Promise<void> {
    const clients = await all_ended(nodes.ids.map((node) => nodes.client(node)));
    await no_prepared_transactions(nodes.ids, clients);
    await all_ended(clients.map((each) => each.end()));
  }

  async function isolate(): Promise<void> {
    const others = nodes.ids.filter((node) => node !== ALONE);
    await nodes.partition([others, [ALONE]]);
    const watcher = await on(ALONE);
    while ((await value(watcher, 'SELECT status FROM mtm.status()')) === 'online') {
      await sleep(POLL_INTERVAL_MS);
    }
  }

  function expect_refusal(error: pg.DatabaseError, statement: string): void {
    expect(error.code, statement).toBe('57P03');
    expect(error.message).toMatch(/^multimaster node is not online: current status \w+/);
    expect(error.message).not.toContain('online: current status online');
  }

  test('refuses every statement, in each protocol, but those that only look', async () => {
    const in_block = await on(ALONE);
    await in_block.query('BEGIN');
    await in_block.query('DECLARE opened_before CURSOR FOR SELECT * FROM accounts');
    await client.query('PREPARE looking AS SELECT * FROM accounts');
    await isolate();
    for (const statement of REFUSED) {
      expect_refusal(await failure(client, statement), statement);
    }
    expect_refusal(await failure(client, 'EXECUTE looking'), 'EXECUTE');
    expect_refusal(await failure(client, 'SELECT $1::int', [1]), 'with a parameter');
    const together = 'SELECT * FROM mtm.status(); SELECT 1';
    expect_refusal(await failure(client, together), together);
    await in_block.query('SAVEPOINT here');
    for (const statement of IN_A_BLOCK) {
      expect_refusal(await failure(in_block, statement), statement);
      await in_block.query('ROLLBACK TO here');
    }
    await in_block.query('ROLLBACK');
    for (const statement of LOOKING) {
      await client.query(statement).catch((error: Error) => {
        throw new Error(`${statement}: ${error.message}`);
      });
    }
    const status = "SELECT status <> 'online' FROM mtm.status() WHERE my_node_id = $1";
    expect(await value(client, status, [ALONE])).toBe(true);
  });

  test('refuses whoever comes, and answers a superuser with bypass', async () => {
    const visitor = await on(ALONE, { user: 'visitor', password: 'visitor' });
    await isolate();
    expect_refusal(await failure(visitor, 'SELECT * FROM accounts'), 'of a visitor');
    const forbidden = await failure(visitor, 'SET multimaster.bypass = on');
    expect(forbidden.code).toBe('42501');
    expect(await value(visitor, 'SELECT my_node_id FROM mtm.status()')).toBe(ALONE);
    await client.query('SET multimaster.bypass = on');
    expect(await value(client, 'SELECT count(*)::int FROM accounts')).toBe(10);
    expect(await value(client, 'SELECT balance_of(1)')).toBe(100);
    await client.query('CREATE TEMP TABLE notes (n int)');
    await client.query('INSERT INTO notes VALUES (1)');
    await client.query('VACUUM accounts');
    await client.query('DROP TABLE notes');
    await client.query('RESET multimaster.bypass');
    expect_refusal(await failure(client, 'SELECT 1'), 'after bypass');
    const let_in = await on(ALONE, { options: '-c multimaster.bypass=on' });
    expect(await value(let_in, 'SELECT 1')).toBe(1);
  });

  test('another database of the server is nobody’s business', async () => {
    const other = await on(ALONE, { database: 'postgres' });
    await isolate();
    expect(await value(other, 'SELECT 1')).toBe(1);
    await other.query('CREATE TABLE local_only (id int)');
    await other.query('DROP TABLE local_only');
  });

  test('closes the session with break_connection', async () => {
    await client.query('SET multimaster.break_connection = on');
    expect(await value(client, 'SELECT 1')).toBe(1);
    await isolate();
    expect(await value(client, 'SELECT my_node_id FROM mtm.status()')).toBe(ALONE);
    const closed = new Promise((resolve) => client.once('end', resolve));
    const refusal = await failure(client, 'SELECT 1');
    expect_refusal(refusal, 'SELECT 1');
    expect(refusal.severity).toBe('FATAL');
    await closed;
  });

  test('a transaction that was open cannot read on or commit', async () => {
    const [writer, reader] = [client, await on(ALONE)];
    await writer.query('BEGIN');
    await writer.query('UPDATE accounts SET balance = balance - 1 WHERE id = 1');
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    expect(await value(reader, 'SELECT count(*)::int FROM accounts')).toBe(10);
    await isolate();
    expect_refusal(await failure(reader, 'SELECT * FROM accounts'), 'in a snapshot');
    await reader.query('ROLLBACK');
    expect_refusal(await failure(writer, 'COMMIT'), 'COMMIT');
    await nodes.heal();
    await nodes.wait_online();
    for (const node of nodes.ids) {
      const balance = 'SELECT balance FROM accounts WHERE id = 1';
      expect(await value(await on(node), balance), `node ${node}`).toBe(100);
    }
  });

  test('a transaction that only read ends in peace', async () => {
    await client.query('BEGIN');
    await client.query('SELECT * FROM accounts');
    await isolate();
    await client.query('COMMIT');
  });

  test('a statement that runs already gets its answer', async () => {
    const running = client.query("SELECT pg_sleep(4), 'done' AS said");
    await isolate();
    expect((await running).rows[0]).toMatchObject({ said: 'done' });
  });

  test('one that was paused does not answer from its old state', async () => {
    const others = nodes.ids.filter((node) => node !== ALONE);
    const readers = await all_ended([1, 2, 3, 4].map(() => on(ALONE)));
    await nodes.pause(ALONE);
    const answers = readers.map((reader) =>
      reader.query('SELECT balance FROM accounts WHERE id = 2').then(
        ({ rows }) => Number(rows[0]?.balance),
        (error: pg.DatabaseError) => error,
      ),
    );
    await sleep(LONG_PAUSE_MS);
    // Taken where a majority carries on.
    const writer = await on(others[0] ?? 1, { statement_timeout_ms: 10_000 });
    const change = 'UPDATE accounts SET balance = balance + 1 WHERE id = 2 RETURNING balance';
    const before = 100;
    const written = await value(writer, change).then(Number, () => before);
    await nodes.resume(ALONE);
    for (const answer of await all_ended(answers)) {
      if (typeof answer === 'number') expect(answer).toBeGreaterThanOrEqual(written);
      else expect_refusal(answer, 'of a reader');
    }
  });
});
