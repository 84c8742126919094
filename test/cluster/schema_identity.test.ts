// Tables without a key are identified by their whole rows, arranged for by every node;
// where rows could not be found elsewhere, UPDATE and DELETE are refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

describe('replica identity', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, 'CREATE SCHEMA schema_identity');
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = schema_identity');
    }
  });

  afterAll(async () => {
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(1, 'DROP SCHEMA schema_identity CASCADE');
    await sessions.close();
  });

  async function identity(table: string, expected: string): Promise<void> {
    await sessions.all_give(
      `SELECT relreplident FROM pg_class WHERE oid = '${table}'::regclass`,
      [expected],
    );
  }

  test('no key: the whole row; a key that comes or goes changes that', async () => {
    await sessions.run(1, 'CREATE TABLE dumped (id int, a text)');
    await identity('dumped', 'f');
    await sessions.run(1, 'ALTER TABLE dumped ADD PRIMARY KEY (id)');
    await identity('dumped', 'd');
    await sessions.run(2, 'ALTER TABLE dumped DROP CONSTRAINT dumped_pkey');
    await identity('dumped', 'f');
    await sessions.run(2, 'ALTER TABLE dumped ADD PRIMARY KEY (id) DEFERRABLE');
    await identity('dumped', 'f');
    await sessions.run(1, 'ALTER TABLE dumped DROP COLUMN id');
    await identity('dumped', 'f');
    await sessions.run(
      1,
      'CREATE UNIQUE INDEX dumped_a ON dumped (a)',
      'ALTER TABLE dumped ADD PRIMARY KEY USING INDEX dumped_a',
    );
    await identity('dumped', 'd');
  });

  test('the choice of a user stays', async () => {
    await sessions.run(
      1,
      'CREATE TABLE chosen (id int PRIMARY KEY, a int NOT NULL UNIQUE)',
      'ALTER TABLE chosen REPLICA IDENTITY FULL',
    );
    await identity('chosen', 'f');
    await sessions.run(1, 'ALTER TABLE chosen ADD COLUMN b int');
    await identity('chosen', 'f');
    await sessions.run(1, 'ALTER TABLE chosen REPLICA IDENTITY USING INDEX chosen_a_key');
    await identity('chosen', 'i');
  });

  test('partitions, created and attached', async () => {
    await sessions.run(
      1,
      'CREATE TABLE whole (id int, a int) PARTITION BY LIST (id)',
      'CREATE TABLE part_1 PARTITION OF whole FOR VALUES IN (1)',
      'CREATE TABLE part_2 (id int, a int)',
      'ALTER TABLE whole ATTACH PARTITION part_2 FOR VALUES IN (2)',
      'INSERT INTO whole VALUES (1, 1), (2, 2), (2, 2)',
    );
    for (const table of ['whole', 'part_1', 'part_2']) await identity(table, 'f');
    await sessions.run(2, 'UPDATE whole SET a = 3 WHERE id = 2', 'DELETE FROM part_1');
    await same_everywhere(sessions.nodes, ['schema_identity.whole']);
    await sessions.run(1, 'TRUNCATE whole', 'ALTER TABLE whole ADD PRIMARY KEY (id)');
    for (const table of ['whole', 'part_1', 'part_2']) await identity(table, 'd');
  });

  test('rows that other nodes could not find are not changed', async () => {
    await sessions.run(
      1,
      'CREATE TABLE nothing (id int PRIMARY KEY)',
      'ALTER TABLE nothing REPLICA IDENTITY NOTHING',
      'INSERT INTO nothing VALUES (1)',
      'CREATE TABLE lost (id int NOT NULL UNIQUE)',
      'ALTER TABLE lost REPLICA IDENTITY USING INDEX lost_id_key',
      'ALTER TABLE lost DROP CONSTRAINT lost_id_key',
      'INSERT INTO lost VALUES (1)',
    );
    for (const table of ['nothing', 'lost']) {
      expect(await sessions.failure(1, `UPDATE ${table} SET id = 2`)).toBe('55000');
      expect(await sessions.failure(2, `DELETE FROM ${table}`)).toBe('55000');
    }
    await sessions.run(1, 'TRUNCATE nothing, lost');
    await same_everywhere(sessions.nodes, ['schema_identity.nothing', 'schema_identity.lost']);
  });
});
