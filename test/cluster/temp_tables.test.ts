// Temporary tables in transactions that also write replicated ones: they stay on
// their node, do what ON COMMIT says, and leave no file behind.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Only node 2 has this row: whoever inserts it is refused. */
const TAKEN = 1000;

/** This backend's files of temporary relations that no relation has. */
const LEFT_FILES = `
  SELECT name FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database
                                         WHERE datname = current_database())) AS name
  WHERE name LIKE 't' || substring(pg_my_temp_schema()::regnamespace::text from '\\d+$') || '\\_%'
    AND NOT EXISTS (SELECT FROM pg_class
                    WHERE relpersistence = 't' AND relfilenode <> 0 AND
                      name ~ ('^t\\d+_' || relfilenode || '(_fsm|_vm|\\.\\d+)?$'))`;

describe('temporary tables', () => {
  let sessions: NodeSessions;
  let client: pg.Client;
  let next_id = 1;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'temp_tables');
    await sessions.on(1).query('CREATE TABLE rows (id int PRIMARY KEY, value text)');
    await sessions.settled();
    await sessions.only_on(2, `INSERT INTO temp_tables.rows VALUES (${TAKEN}, 'local')`);
  });

  afterAll(async () => {
    await sessions.only_on(2, `DELETE FROM temp_tables.rows WHERE id = ${TAKEN}`);
    await same_everywhere(sessions.nodes, ['temp_tables.rows']);
    await sessions.close();
  });

  beforeEach(async () => {
    client = await sessions.another(1);
  });

  afterEach(async () => {
    expect((await client.query(LEFT_FILES)).rows).toEqual([]);
    await client.end();
    const others = await sessions.on(2).query(
      "SELECT relname FROM pg_class WHERE relpersistence = 't' AND relname LIKE 'own%'",
    );
    expect(others.rows).toEqual([]);
  });

  async function run(...statements: string[]): Promise<void> {
    for (const statement of statements) await client.query(statement);
  }

  /** A write that is replicated, and the check that it was. */
  async function block(...statements: string[]): Promise<void> {
    const id = next_id++;
    await run('BEGIN', ...statements, `INSERT INTO rows VALUES (${id})`, 'COMMIT');
    await sessions.everywhere(`SELECT id FROM rows WHERE id = ${id}`, [[id]]);
  }

  async function refused_block(...statements: string[]): Promise<void> {
    await run('BEGIN', ...statements, `INSERT INTO rows VALUES (${TAKEN})`);
    expect((await failure(client, 'COMMIT')).code).toBe('23505');
  }

  const count = (table: string) => value(client, `SELECT count(*)::int FROM ${table}`);
  const exists = (table: string) =>
    value(client, `SELECT to_regclass('pg_temp.${table}') IS NOT NULL`);

  const fill = (table: string) => `INSERT INTO ${table} SELECT generate_series(1, 3)`;

  describe('created in the transaction', () => {
    test.each([
      ['', 3],
      ['ON COMMIT PRESERVE ROWS', 3],
      ['ON COMMIT DELETE ROWS', 0],
    ])('%s', async (on_commit, rows) => {
      await block(`CREATE TEMP TABLE own (id int PRIMARY KEY) ${on_commit}`, fill('own'));
      expect(await count('own')).toBe(rows);
      await block('INSERT INTO own VALUES (10)');
      expect(await count('own')).toBe(rows === 0 ? 0 : 4);
      await run('INSERT INTO own VALUES (11)');
      expect(await count('own')).toBe(rows === 0 ? 0 : 5);
    });

    test('ON COMMIT DROP', async () => {
      await block('CREATE TEMP TABLE own (id int, t text) ON COMMIT DROP', fill('own (id)'));
      expect(await exists('own')).toBe(false);
      await block('CREATE TEMP TABLE own (id int, t text) ON COMMIT DROP', fill('own (id)'));
    });

    test('by a query, with rows of replicated tables', async () => {
      await block('CREATE TEMP TABLE own AS SELECT * FROM rows WHERE id < 1000');
      expect(Number(await count('own'))).toBeGreaterThan(0);
      await run('BEGIN', `INSERT INTO own SELECT ${next_id}`);
      await run('INSERT INTO rows SELECT id FROM own ON CONFLICT DO NOTHING', 'COMMIT');
      await sessions.everywhere(`SELECT id FROM rows WHERE id = ${next_id}`, [[next_id++]]);
    });

    test('and dropped in it', async () => {
      const create = 'CREATE TEMP TABLE own (id int PRIMARY KEY, t text)';
      await block(create, fill('own'), 'DROP TABLE own');
      expect(await exists('own')).toBe(false);
    });

    test('and rolled back to a savepoint', async () => {
      await block('SAVEPOINT a', 'CREATE TEMP TABLE own (id int)', fill('own'), 'ROLLBACK TO a');
      expect(await exists('own')).toBe(false);
    });

    test('with a view, an index, a sequence, a type, a function', async () => {
      await block(
        'CREATE TEMP TABLE own (id int)',
        fill('own'),
        'CREATE INDEX own_index ON own (id)',
        'CREATE TEMP VIEW own_view AS SELECT id FROM own',
        'CREATE TEMP SEQUENCE own_sequence',
        'CREATE TYPE pg_temp.own_type AS (a int)',
        `CREATE FUNCTION pg_temp.own_function() RETURNS int LANGUAGE sql AS 'SELECT 7'`,
      );
      expect(await count('own_view')).toBe(3);
      expect(await value(client, "SELECT nextval('own_sequence')::int")).toBe(1);
      expect(await value(client, 'SELECT pg_temp.own_function()')).toBe(7);
      await block("SELECT nextval('own_sequence')");
      expect(await value(client, "SELECT nextval('own_sequence')::int")).toBe(3);
      await block('DROP TABLE own CASCADE', 'DROP SEQUENCE own_sequence');
    });
  });

  describe('of earlier transactions', () => {
    beforeEach(() => run('CREATE TEMP TABLE own (id serial PRIMARY KEY, t text)', fill('own')));

    test('written, and kept', async () => {
      await block("UPDATE own SET t = 'x'", 'DELETE FROM own WHERE id = 1', 'TABLE own');
      expect(await count('own')).toBe(2);
    });

    test('dropped', async () => {
      await block('DROP TABLE own');
      expect(await exists('own')).toBe(false);
    });

    test('truncated, rewritten, indexed', async () => {
      await block('TRUNCATE own', fill('own'), 'ALTER TABLE own ADD n float DEFAULT random()');
      await block('CREATE INDEX ON own (t)', 'ALTER TABLE own ALTER n TYPE text');
      expect(await count('own')).toBe(3);
      await block('TRUNCATE own');
      expect(await count('own')).toBe(0);
    });

    test('only read', async () => {
      await block('SELECT * FROM own');
      expect(await count('own')).toBe(3);
    });

    test('in procedures that commit', async () => {
      await run(`DO $$ BEGIN
        FOR i IN 1 .. 3 LOOP
          INSERT INTO rows VALUES (2000 + i);
          INSERT INTO own VALUES (10 + i);
          CREATE TEMP TABLE own_inner (id int) ON COMMIT DROP;
          COMMIT;
        END LOOP;
      END $$`);
      expect(await count('own')).toBe(6);
      await sessions.everywhere('SELECT count(*)::int FROM rows WHERE id > 2000', [[3]]);
    });
  });

  describe('in a transaction that a peer refuses', () => {
    test.each(['PRESERVE ROWS', 'DELETE ROWS', 'DROP'])(
      'the first of the session, ON COMMIT %s',
      async (on_commit) => {
        const create = `CREATE TEMP TABLE own (id int PRIMARY KEY, t text) ON COMMIT ${on_commit}`;
        await refused_block(create, fill('own'));
        expect(await exists('own')).toBe(false);
        await run('SELECT 1', 'DISCARD PLANS');
        await block(create, fill('own'));
        await refused_block('CREATE TEMP TABLE own_too (id int, t text)');
        expect(await exists('own_too')).toBe(false);
      },
    );

    test('a change of one that was there', async () => {
      await run('CREATE TEMP TABLE own (id int PRIMARY KEY, t text)', fill('own'));
      await refused_block('INSERT INTO own VALUES (4)');
      await refused_block('TRUNCATE own');
      await refused_block('ALTER TABLE own ADD n float DEFAULT random()');
      await refused_block('CREATE INDEX own_index ON own (t)');
      expect(await count('own')).toBe(3);
      await refused_block('DROP TABLE own');
      expect(await count('own')).toBe(3);
      await block('INSERT INTO own VALUES (4)');
      expect(await count('own')).toBe(4);
    });

    test('one whose rows are deleted at each commit', async () => {
      await run('CREATE TEMP TABLE own (id int PRIMARY KEY) ON COMMIT DELETE ROWS');
      await refused_block(fill('own'));
      expect(await count('own')).toBe(0);
      await refused_block('DROP TABLE own');
      await run('BEGIN', fill('own'), 'COMMIT');
      expect(await count('own')).toBe(0);
      await block(fill('own'));
      expect(await count('own')).toBe(0);
    });

    test('by a statement alone', async () => {
      await run('CREATE TEMP TABLE own (id int PRIMARY KEY)');
      const both = `WITH moved AS (INSERT INTO own VALUES (1) RETURNING id)
                    INSERT INTO rows SELECT ${TAKEN} FROM moved`;
      expect((await failure(client, both)).code).toBe('23505');
      expect(await count('own')).toBe(0);
    });
  });

  test('alone: the transaction is this node\'s own', async () => {
    const commits = () => value(client, 'SELECT commits::int FROM mtm.shell_counters()');
    const before = await commits();
    await run('CREATE TEMP TABLE own (id int) ON COMMIT DELETE ROWS', fill('own'));
    await run('BEGIN', fill('own'), 'UPDATE own SET id = 4', 'TRUNCATE own', 'COMMIT');
    await run('DROP TABLE own');
    expect(await commits()).toBe(before);
  });

  test('of a session that ends: nothing is left', async () => {
    const other = await sessions.another(1);
    await other.query('BEGIN');
    await other.query('CREATE TEMP TABLE own_last (id int PRIMARY KEY, t text)');
    await other.query('INSERT INTO rows VALUES (3000)');
    await other.query('COMMIT');
    const schema = String(await value(other, 'SELECT pg_my_temp_schema()::regnamespace::text'));
    const number = /\d+$/.exec(schema)?.[0];
    await other.end();
    const gone = `SELECT count(*)::int FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database
                  WHERE datname = current_database())) AS name WHERE name LIKE 't${number}\\_%'`;
    await expect.poll(() => value(client, gone), { timeout: 60_000 }).toBe(0);
    await run('CREATE TEMP TABLE own (id int)');
  });
});
