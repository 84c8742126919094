// What stays on one node: rows of temporary, unlogged and local tables. Writing them
// is an ordinary commit of one server.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const COMPARED = ['not_replicated.shared', 'mtm.local_tables'];

describe('rows that stay on one node', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE SCHEMA not_replicated',
      'CREATE TABLE not_replicated.shared (id int PRIMARY KEY, v text)',
    );
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = not_replicated, public');
    }
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, COMPARED);
    await sessions.run(
      1,
      "DELETE FROM mtm.local_tables WHERE rel_schema = 'not_replicated'",
      'DROP SCHEMA not_replicated CASCADE',
    );
    await sessions.close();
  });

  async function distributed_commits(node: number): Promise<string[]> {
    return sessions.column(node, 'SELECT commits FROM mtm.shell_counters()');
  }

  test('large objects: they are refused, or local because somebody said so', async () => {
    const writers = [
      'lo_creat(-1)',
      'lo_create(0)',
      "lo_from_bytea(0, 'a')",
      "lo_import('/dev/null')",
      "lo_import('/dev/null', 12345)",
      "lo_put(12345, 0, 'a')",
      "lowrite(0, 'a')",
      'lo_truncate(0, 0)',
      'lo_truncate64(0, 0)',
      'lo_unlink(12345)',
    ];
    for (const call of writers) expect(await sessions.failure(1, `SELECT ${call}`), call).toBe('0A000');
    expect(await sessions.failure(1, 'DO $$ BEGIN PERFORM lo_create(0); END $$')).toBe('0A000');
    const psql = join(find_postgres().bindir, 'psql');
    const by_protocol = await run_program(psql, ['-X', '-d', sessions.nodes.conninfo(1), '-c', '\\lo_import /dev/null']);
    expect(by_protocol.stderr).toMatch(/does not replicate large objects/);
    await sessions.all_give('SELECT oid FROM pg_largeobject_metadata', []);

    await sessions.run(1, 'SET multimaster.local_large_objects = on', "SELECT lo_from_bytea(12345, 'abc')");
    expect(await sessions.column(1, 'SELECT lo_get(12345)')).toEqual(['abc']);
    expect(await sessions.column(2, 'SELECT oid FROM pg_largeobject_metadata')).toEqual([]);
    await sessions.run(1, 'SELECT lo_unlink(12345)', 'RESET multimaster.local_large_objects');
  });

  test('an unlogged table', async () => {
    await sessions.run(1, 'CREATE UNLOGGED TABLE fast (id int PRIMARY KEY)');
    await sessions.run(1, 'INSERT INTO fast VALUES (1)');
    await sessions.quiet();
    await sessions.run(2, 'INSERT INTO fast VALUES (1), (2)', 'TRUNCATE fast');
    expect(await sessions.column(1, 'SELECT id FROM fast')).toEqual(['1']);
    expect(await sessions.column(2, 'SELECT id FROM fast')).toEqual([]);
    expect(await sessions.column(3, 'SELECT id FROM fast')).toEqual([]);
  });

  test('a temporary table', async () => {
    await sessions.run(1, 'CREATE TEMP TABLE mine AS SELECT generate_series(1, 3) AS id');
    await sessions.run(1, 'INSERT INTO mine VALUES (4)', 'DELETE FROM mine WHERE id = 1');
    expect(await sessions.column(1, 'SELECT id FROM mine')).toEqual(['2', '3', '4']);
    for (const node of [2, 3]) {
      expect(await sessions.failure(node, 'SELECT id FROM mine')).toBe('42P01');
    }
  });

  test('a table that was made local, while others go on', async () => {
    await sessions.run(1, 'CREATE TABLE own (id int PRIMARY KEY, v text)');
    await sessions.run(1, "INSERT INTO own VALUES (1, 'everywhere')");
    await sessions.quiet();
    await sessions.run(2, "INSERT INTO mtm.local_tables VALUES ('not_replicated', 'own')");
    await sessions.quiet();
    for (const node of sessions.nodes.ids) {
      await sessions.run(
        node,
        'BEGIN',
        `INSERT INTO own VALUES (2, 'node ${node}')`,
        `INSERT INTO shared VALUES (${node}, 'shared')`,
        'DELETE FROM own WHERE id = 1',
        'COMMIT',
      );
    }
    await sessions.quiet();
    for (const node of sessions.nodes.ids) {
      const rows = await sessions.column(node, 'SELECT v FROM own');
      expect(rows, `node ${node}`).toEqual([`node ${node}`]);
    }
    await sessions.all_give('SELECT id FROM shared ORDER BY id', ['1', '2', '3']);
  });

  test('a local table that is made shared again', async () => {
    await sessions.run(1, 'CREATE TABLE again (id int PRIMARY KEY)');
    await sessions.run(1, "INSERT INTO mtm.local_tables VALUES ('not_replicated', 'again')");
    await sessions.run(1, 'INSERT INTO again VALUES (1)', 'DELETE FROM again');
    await sessions.run(1, "DELETE FROM mtm.local_tables WHERE rel_name = 'again'");
    await sessions.run(1, 'INSERT INTO again VALUES (2)');
    await sessions.all_give('SELECT id FROM again', ['2']);
  });

  test('a partitioned table that was made local: all its partitions', async () => {
    await sessions.run(
      1,
      'CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)',
      'CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)',
      'CREATE TABLE parts_2 PARTITION OF parts DEFAULT PARTITION BY HASH (id)',
      'CREATE TABLE parts_3 PARTITION OF parts_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
      "INSERT INTO parts VALUES (1, 'everywhere'), (11, 'everywhere')",
      "INSERT INTO mtm.local_tables VALUES ('not_replicated', 'parts')",
    );
    await sessions.quiet();
    for (const node of sessions.nodes.ids) {
      await sessions.run(
        node,
        'BEGIN',
        `UPDATE parts SET v = 'node ${node}'`,
        `INSERT INTO parts VALUES (${10 + node * 10}, 'node ${node}')`,
        'DELETE FROM parts_1',
        `UPDATE shared SET v = 'with parts' WHERE id = ${node}`,
        'COMMIT',
      );
    }
    await sessions.quiet();
    for (const node of sessions.nodes.ids) {
      expect(await sessions.column(node, 'SELECT v FROM parts'), `node ${node}`).toEqual([
        `node ${node}`,
        `node ${node}`,
      ]);
    }
  });

  test('TRUNCATE CASCADE reaches a local table on every node', async () => {
    await sessions.run(
      1,
      'CREATE TABLE parents (id int PRIMARY KEY)',
      'CREATE TABLE children (id int, parent int REFERENCES parents)',
      'INSERT INTO parents SELECT generate_series(1, 3)',
      "INSERT INTO mtm.local_tables VALUES ('not_replicated', 'children')",
    );
    await sessions.quiet();
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, `INSERT INTO children VALUES (${node}, 1)`);
    }
    await sessions.run(2, 'TRUNCATE parents CASCADE');
    await sessions.all_give('SELECT id FROM children UNION ALL SELECT id FROM parents', []);
  });

  test('a transaction of such rows only is no distributed one', async () => {
    await sessions.run(1, 'CREATE TEMP TABLE alone (id int)');
    const before = await distributed_commits(1);
    await sessions.run(
      1,
      'BEGIN',
      'INSERT INTO fast VALUES (100)',
      'INSERT INTO own VALUES (100)',
      'INSERT INTO alone VALUES (100)',
      'COMMIT',
      'DELETE FROM own WHERE id = 100',
      "COPY fast FROM PROGRAM 'seq 200 210'",
      'TRUNCATE fast',
      'SELECT count(*) FROM shared',
      'UPDATE shared SET v = v WHERE id = 12345',
    );
    expect(await distributed_commits(1)).toEqual(before);
    await sessions.run(1, "UPDATE shared SET v = 'counted' WHERE id = 1");
    expect(await distributed_commits(1)).not.toEqual(before);
  });
});
