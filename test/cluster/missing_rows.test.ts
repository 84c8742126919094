// A row that another node does not have any more: whoever changes it is refused, on all
// nodes, and nothing of the transaction is kept anywhere.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const TABLES = ['missing_rows.keyed', 'missing_rows.keyless', 'missing_rows.other'];

describe('a row that is missing on another node', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE SCHEMA missing_rows',
      'CREATE TABLE missing_rows.keyed (id int PRIMARY KEY, v text UNIQUE)',
      'CREATE TABLE missing_rows.keyless (id int, v text)',
      'CREATE TABLE missing_rows.other (id int PRIMARY KEY)',
      "INSERT INTO missing_rows.keyed SELECT n, 'v' || n FROM generate_series(1, 5) n",
      "INSERT INTO missing_rows.keyless SELECT n, 'v' || n FROM generate_series(1, 5) n",
    );
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = missing_rows, public');
    }
    await sessions.quiet();
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, TABLES);
    await sessions.run(1, 'DROP SCHEMA missing_rows CASCADE');
    await sessions.close();
  });

  /** Runs on one node only, behind the cluster's back. */
  async function on_this_node_alone(node: number, ...statements: string[]): Promise<void> {
    await sessions.run(node, 'SET multimaster.bypass = on', ...statements, 'RESET multimaster.bypass');
  }

  async function refusal(node: number, ...statements: string[]) {
    const error = await sessions
      .run(node, ...statements)
      .then(() => null)
      .catch((caught: Error) => caught);
    await sessions.run(node, 'ROLLBACK');
    return error?.message ?? 'no error';
  }

  test.each([
    ['UPDATE of a keyed row', "UPDATE keyed SET v = 'changed' WHERE id = 3"],
    ['UPDATE of its key', 'UPDATE keyed SET id = 30 WHERE id = 3'],
    ['DELETE of a keyed row', 'DELETE FROM keyed WHERE id = 3'],
    ['UPDATE of a row without a key', "UPDATE keyless SET v = 'changed' WHERE id = 3"],
    ['DELETE of a row without a key', 'DELETE FROM keyless WHERE id = 3'],
  ])('%s', async (_title, statement) => {
    await on_this_node_alone(2, 'DELETE FROM keyed WHERE id = 3', 'DELETE FROM keyless WHERE id = 3');
    try {
      const message = await refusal(
        1,
        'BEGIN',
        'INSERT INTO other VALUES (1)',
        statement,
        'INSERT INTO other VALUES (2)',
        'COMMIT',
      );
      expect(message).toMatch(
        /40001: could not serialize access due to a concurrent transaction on node 1.*On node 2\./,
      );
      await sessions.all_give('SELECT count(*) FROM other', ['0']);
      for (const node of [1, 3]) {
        const rows = await sessions.column(
          node,
          'SELECT v FROM keyed WHERE id = 3 UNION ALL SELECT v FROM keyless WHERE id = 3',
        );
        expect(rows, `node ${node}`).toEqual(['v3', 'v3']);
      }
    } finally {
      await on_this_node_alone(2, "INSERT INTO keyed VALUES (3, 'v3')", "INSERT INTO keyless VALUES (3, 'v3')");
    }
    await same_everywhere(sessions.nodes, TABLES);
  });

  test('the node that misses it finds nothing to change, and says so to its client', async () => {
    await on_this_node_alone(3, 'DELETE FROM keyed WHERE id = 3');
    try {
      const done = await sessions.on(3).query('DELETE FROM keyed WHERE id = 3');
      expect(done.rowCount).toBe(0);
    } finally {
      await on_this_node_alone(3, "INSERT INTO keyed VALUES (3, 'v3')");
    }
  });

  test('a row that only another node has: the unique constraint there refuses', async () => {
    await on_this_node_alone(2, "INSERT INTO keyed VALUES (100, 'hidden')");
    try {
      const by_key = await refusal(1, "INSERT INTO keyed VALUES (100, 'x')");
      expect(by_key).toMatch(/23505: duplicate key value violates unique constraint.*On node 2\./);
      const by_value = await refusal(3, "UPDATE keyed SET v = 'hidden' WHERE id = 1");
      expect(by_value).toMatch(/23505.*keyed_v_key.*On node 2\./);
    } finally {
      await on_this_node_alone(2, 'DELETE FROM keyed WHERE id = 100');
    }
  });

  test('after the repair the same change is taken', async () => {
    await sessions.run(1, "UPDATE keyed SET v = 'taken' WHERE id = 3");
    await sessions.all_give('SELECT v FROM keyed WHERE id = 3', ['taken']);
  });
});
