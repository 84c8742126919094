// Commits of the extended protocol's pipelines: several statements before one Sync.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, value } from './node_sessions.ts';
import { pipeline } from './pipeline.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

describe('a pipeline', () => {
  let sessions: NodeSessions;
  let client: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'commit_pipeline');
    client = sessions.on(1);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY)');
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['commit_pipeline.rows']);
    await sessions.close();
  });

  const insert = (id: number) => `INSERT INTO rows VALUES (${id})`;

  function rows_are(from: number, ...ids: number[]): Promise<void> {
    const query = `SELECT id FROM rows WHERE id BETWEEN ${from} AND ${from + 9} ORDER BY id`;
    return sessions.everywhere(query, ids.map((id) => [id]));
  }

  test('is one transaction', async () => {
    const text = 'INSERT INTO rows VALUES (pg_current_xact_id()::text::int)';
    const before = [await value(client, 'SELECT count(*)::int FROM rows')];
    const { tags, error } = await pipeline(client, [insert(10), text, insert(11)]);
    expect([tags.length, error, before]).toEqual([3, null, [0]]);
    await client.query('DELETE FROM rows WHERE id NOT IN (10, 11)');
    await rows_are(10, 10, 11);
  });

  test('is undone by one that fails, and what follows is skipped', async () => {
    const { tags, error } = await pipeline(client, [insert(20), 'SELECT 1 / 0', insert(21)]);
    expect([tags.length, error?.code]).toEqual([1, '22012']);
    await rows_are(20);
  });

  test('with COMMIT in it keeps what came before', async () => {
    const statements = [insert(30), 'COMMIT', insert(31), 'SELECT 1 / 0'];
    const { tags, error } = await pipeline(client, statements);
    expect([tags, error?.code]).toEqual([['INSERT 0 1', 'COMMIT', 'INSERT 0 1'], '22012']);
    await rows_are(30, 30);
  });

  test('with whole blocks', async () => {
    const { error } = await pipeline(client, [
      ...['BEGIN', insert(40), 'COMMIT'],
      ...['BEGIN', insert(41), 'ROLLBACK'],
      ...['BEGIN', insert(42), 'SAVEPOINT a', insert(43), 'ROLLBACK TO a', 'COMMIT'],
      insert(44),
    ]);
    expect(error).toBeNull();
    await rows_are(40, 40, 42, 44);
  });

  test('with BEGIN after a statement takes it into the block', async () => {
    expect((await pipeline(client, [insert(50), 'BEGIN', insert(51)])).error).toBeNull();
    await client.query('ROLLBACK');
    await rows_are(50);
    expect((await pipeline(client, [insert(52), 'BEGIN', insert(53)])).error).toBeNull();
    expect((await pipeline(client, [insert(54), 'COMMIT AND CHAIN'])).error).toBeNull();
    expect((await pipeline(client, [insert(55), 'COMMIT'])).error).toBeNull();
    await rows_are(50, 52, 53, 54, 55);
  });

  test('with a procedure that commits', async () => {
    await client.query(`CREATE PROCEDURE commit_each(first int, last int) LANGUAGE plpgsql
      AS $$ BEGIN
        FOR id IN first .. last LOOP INSERT INTO rows VALUES (id); COMMIT; END LOOP;
      END $$`);
    const alone = await pipeline(client, ['CALL commit_each(60, 62)']);
    expect([alone.tags, alone.error]).toEqual([['CALL'], null]);
    await rows_are(60, 60, 61, 62);
  });
});
