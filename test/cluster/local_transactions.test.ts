// Transactions that wrote nothing replicated: no two-phase commit, no message to the
// other nodes, no WAL where PostgreSQL writes none.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, value } from './node_sessions.ts';
import { pipeline } from './pipeline.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Background processes write some WAL of their own, but not all the time. */
const ATTEMPTS = 50;

describe('a transaction that is not replicated', () => {
  let sessions: NodeSessions;
  let client: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'local');
    client = sessions.on(1);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY)');
    await client.query('INSERT INTO rows SELECT generate_series(1, 100)');
    await client.query('CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY)');
    await sessions.settled();
    await client.query('SELECT count(*) FROM rows'); // sets hint bits
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['local.rows']);
    await sessions.close();
  });

  /** Distributed transactions of node 1, committed and aborted. */
  const distributed = async () =>
    Number(await value(client, 'SELECT commits + aborts FROM mtm.shell_counters()'));

  async function run(...statements: string[]): Promise<void> {
    for (const statement of statements) await client.query(statement);
  }

  async function writes_no_wal(transaction: () => Promise<unknown>): Promise<void> {
    const position = () => value(client, 'SELECT pg_current_wal_insert_lsn()::text');
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = await position();
      await transaction();
      if ((await position()) === before) return;
    }
    expect.fail('it wrote WAL every time');
  }

  const READ_ONLY: [string, string[]][] = [
    ['a query alone', ['SELECT count(*) FROM rows']],
    ['a block', ['BEGIN', 'SELECT count(*) FROM rows', 'SELECT 1', 'COMMIT']],
    ['a READ ONLY block', ['BEGIN READ ONLY', 'TABLE rows', 'COMMIT AND CHAIN', 'COMMIT']],
    [
      'a serializable block with a savepoint',
      ['BEGIN ISOLATION LEVEL SERIALIZABLE', 'SAVEPOINT a', 'TABLE rows', 'COMMIT'],
    ],
    ['several statements in one message', ['SELECT 1; TABLE rows; SELECT 2']],
    ['COMMIT in DO', ['DO $$ BEGIN PERFORM count(*) FROM rows; COMMIT; END $$']],
    ['LISTEN', ['LISTEN one', 'UNLISTEN *']],
    ['changes that meet no row', ['UPDATE rows SET id = 0 WHERE id = -1', 'COMMIT']],
    ['a cursor', ['BEGIN', 'DECLARE c CURSOR WITH HOLD FOR TABLE rows', 'COMMIT', 'CLOSE c']],
    ['SET', ["SET work_mem = '5MB'", 'RESET work_mem']],
  ];

  test.each(READ_ONLY)('because it only reads: %s', async (_, statements) => {
    await run(...statements);
    const before = await distributed();
    await writes_no_wal(() => run(...statements));
    expect(await distributed()).toBe(before);
  });

  test('because it only reads: a pipeline', async () => {
    const before = await distributed();
    await writes_no_wal(() => pipeline(client, ['SELECT 1', 'TABLE rows', 'SELECT 2']));
    expect(await distributed()).toBe(before);
  });

  const LOCAL: [string, string[]][] = [
    ['row locks', ['BEGIN', 'SELECT FROM rows WHERE id = 1 FOR UPDATE', 'COMMIT']],
    ['an unlogged table', ['INSERT INTO unlogged VALUES (1)', 'DELETE FROM unlogged']],
    ['a temporary table', ['CREATE TEMP TABLE own (id int)', 'DROP TABLE own']],
    ['a sequence alone', ["SELECT nextval('local.numbers')"]],
    ['an xid alone', ['SELECT pg_current_xact_id()']],
    ['a rolled back write', ['BEGIN', 'DELETE FROM rows', 'ROLLBACK']],
    ['VACUUM and ANALYZE', ['VACUUM rows', 'ANALYZE rows']],
  ];

  test.each(LOCAL)('because it wrote nothing that others have: %s', async (_, statements) => {
    await run('CREATE SEQUENCE IF NOT EXISTS numbers');
    const before = await distributed();
    await run(...statements);
    expect(await distributed()).toBe(before);
  });

  test('one that is shows in the same count', async () => {
    const before = await distributed();
    await run('INSERT INTO rows VALUES (1000)', 'DELETE FROM rows WHERE id = 1000');
    expect(await distributed()).toBe(before + 2);
  });
});
