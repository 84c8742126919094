// Constraints hold over nodes: of two transactions on two nodes that break one
// together, at most one is committed, also where the check is deferred.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions, sqlstate } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const TABLES = ['at_once', 'can_wait', 'at_commit', 'ranges', 'ranges_at_commit'];

/** What a client may hear when it was not the first. */
const EXPECTED = ['23505', '23P01', '40001', '40P01'];

describe('constraints over nodes', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE SCHEMA constraints',
      'SET search_path = constraints',
      'CREATE TABLE at_once (k int UNIQUE, node int)',
      'CREATE TABLE can_wait (k int UNIQUE DEFERRABLE, node int)',
      'CREATE TABLE at_commit (k int UNIQUE DEFERRABLE INITIALLY DEFERRED, node int)',
      `CREATE TABLE ranges (k int, node int, EXCLUDE USING gist (int4range(k, k + 1) WITH &&))`,
      `CREATE TABLE ranges_at_commit (k int, node int, EXCLUDE USING gist
         (int4range(k, k + 1) WITH &&) DEFERRABLE INITIALLY DEFERRED)`,
    );
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = constraints, public');
    }
    await sessions.quiet();
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, TABLES.map((table) => `constraints.${table}`));
    await sessions.run(1, 'DROP SCHEMA constraints CASCADE');
    await sessions.close();
  });

  async function insert(node: number, table: string, key: number): Promise<string> {
    return sessions
      .on(node)
      .query(`INSERT INTO ${table} VALUES ($1, $2)`, [key, node])
      .then(() => 'done')
      .catch(sqlstate);
  }

  test.each(TABLES)('the same key on all nodes at once: %s', async (table) => {
    for (let key = 1; key <= 2; key++) {
      const all = await Promise.all(sessions.nodes.ids.map((node) => insert(node, table, key)));
      const refused = all.filter((result) => result !== 'done');
      expect(EXPECTED).toEqual(expect.arrayContaining(refused));
      expect(refused.length, `key ${key}: ${all.join(' ')}`).toBeGreaterThanOrEqual(2);
    }
    await sessions.quiet();
    await sessions.all_give(`SELECT k FROM ${table} GROUP BY k HAVING count(*) > 1`, []);
  });

  test.each(TABLES)('a key that another node has had for long: %s', async (table) => {
    await sessions.run(1, `INSERT INTO ${table} VALUES (100, 1)`);
    await sessions.quiet();
    for (const node of sessions.nodes.ids) {
      expect(['23505', '23P01']).toContain(await insert(node, table, 100));
    }
  });

  test('keys that change places while the check is deferred', async () => {
    await sessions.run(1, 'INSERT INTO at_commit VALUES (201, 1), (202, 2), (203, 3)');
    await sessions.quiet();
    await sessions.run(
      2,
      'BEGIN',
      'UPDATE at_commit SET k = 202 WHERE node = 1 AND k > 200',
      'UPDATE at_commit SET k = 203 WHERE node = 2 AND k > 200',
      'UPDATE at_commit SET k = 201 WHERE node = 3 AND k > 200',
      'COMMIT',
    );
    await sessions.all_give(
      "SELECT k || ' ' || node FROM at_commit WHERE k > 200 ORDER BY k",
      ['201 3', '202 1', '203 2'],
    );
  });
});
