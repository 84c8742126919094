// What does not run inside a transaction runs on every node, one after the other: it is on
// all of them or, when one fails, on none, and the next try repairs what a crash left.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions, sqlstate } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const POLL_MS = 20;

const INDEXES = `
  SELECT indexrelid::regclass || CASE WHEN indisvalid AND indisready THEN '' ELSE ' incomplete' END
  FROM pg_index WHERE indrelid = 'items'::regclass AND NOT indisprimary ORDER BY 1`;

describe('outside of transactions', () => {
  let sessions: SchemaSessions;
  const others: pg.Client[] = [];

  async function another(node: number): Promise<pg.Client> {
    const client = await sessions.nodes.client(node);
    others.push(client);
    await client.query('SET search_path = outside');
    return client;
  }

  /** Until the query gives a row, the first column of which is returned. */
  async function until(client: pg.Client, query: string): Promise<unknown> {
    for (;;) {
      const { rows } = await client.query({ text: query, rowMode: 'array' });
      if (rows.length > 0) return (rows[0] as unknown[])[0];
      await sleep(POLL_MS);
    }
  }

  /** A concurrent build on that node waits for it, another statement does not. */
  async function hold_snapshot(node: number): Promise<pg.Client> {
    const client = await another(node);
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    return client;
  }

  async function error_of(running: Promise<unknown>): Promise<pg.DatabaseError> {
    const error = await running.then(() => undefined, (reason: unknown) => reason);
    if (error === undefined) throw new Error('it did not fail');
    return error as pg.DatabaseError;
  }

  /** Runs there for another node, and waits for the snapshot. */
  const BUILDING = `
    SELECT pid FROM pg_stat_progress_create_index JOIN pg_stat_activity AS a USING (pid)
    WHERE application_name LIKE 'multimaster statement %' AND phase LIKE 'waiting for%snapshots%'`;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, 'CREATE SCHEMA outside', "CREATE ROLE schema_outside LOGIN PASSWORD 'outside'");
    await sessions.run(1, 'GRANT USAGE, CREATE ON SCHEMA outside TO schema_outside');
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = outside');
    }
  });

  beforeEach(async () => {
    await sessions.run(
      1,
      'CREATE TABLE items (id int PRIMARY KEY, a int, b text)',
      "INSERT INTO items SELECT n, n, 'b' || n % 10 FROM generate_series(1, 100) n",
    );
    await sessions.settled();
  });

  afterEach(async () => {
    await all_ended(others.splice(0).map((client) => client.end()));
    await sessions.all_give('SELECT target FROM mtm.unfinished_statements', []);
    await sessions.run(1, 'DROP TABLE items');
  });

  afterAll(async () => {
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(1, 'DROP SCHEMA outside CASCADE', 'DROP ROLE schema_outside');
    await sessions.close();
  });

  test('an index is built while all nodes write, and used on all', async () => {
    let goes_on = true;
    const load = all_ended(
      sessions.nodes.ids.map(async (node) => {
        const client = await another(node);
        for (let n = 0; goes_on; n++) {
          const id = 1000 + n * 10 + node;
          await client.query(`INSERT INTO items VALUES (${id}, ${id}, 'load')`);
          await client.query(`UPDATE items SET a = -a WHERE id = ${id}`);
        }
      }),
    );
    try {
      await sessions.run(2, 'CREATE UNIQUE INDEX CONCURRENTLY items_a ON items (a)');
      await sessions.run(3, "CREATE INDEX CONCURRENTLY ON items (lower(b)) WHERE b <> 'x'");
    } finally {
      goes_on = false;
      await load;
    }
    await sessions.all_give(INDEXES, ['items_a', 'items_lower_idx']);
    await same_schema_everywhere(sessions.nodes);
    await same_everywhere(sessions.nodes, ['outside.items']);
    const missing = 'SELECT count(*) FROM items';
    for (const node of sessions.nodes.ids) {
      const all = await sessions.column(node, missing);
      await sessions.run(node, 'SET enable_seqscan = off', 'SET enable_bitmapscan = off');
      const plan = await sessions.column(node, 'EXPLAIN SELECT count(a) FROM items WHERE a > -9999999');
      expect(plan.join('\n')).toContain('items_a');
      expect(await sessions.column(node, 'SELECT count(a) FROM items WHERE a > -9999999')).toEqual(all);
      await sessions.run(node, 'RESET enable_seqscan', 'RESET enable_bitmapscan');
    }
    expect(await sessions.failure(1, "INSERT INTO items VALUES (7777, 1, '')")).toBe('23505');
    await sessions.run(3, 'DROP INDEX CONCURRENTLY items_a');
    await sessions.all_give(INDEXES, ['items_lower_idx']);
    await sessions.run(1, "INSERT INTO items VALUES (7777, 1, '')");
  });

  test('one whose rows are not unique is on no node', async () => {
    const statement = 'CREATE UNIQUE INDEX CONCURRENTLY items_b ON items (b)';
    const error = await error_of(sessions.on(1).query(statement));
    expect(error).toMatchObject({ code: '23505', hint: 'Nothing of it is left on any node.' });
    await sessions.all_give(INDEXES, []);
    await sessions.run(2, "UPDATE items SET b = 'b' || id", statement);
    await sessions.all_give(INDEXES, ['items_b']);
  });

  test('a session that is lost on one node: the error names it, and nothing is left', async () => {
    const reader = await hold_snapshot(2);
    const statement = 'CREATE INDEX CONCURRENTLY items_a ON items (a)';
    const failing = error_of(sessions.on(3).query(statement));
    await sessions.on(2).query(`SELECT pg_terminate_backend(${await until(sessions.on(2), BUILDING)})`);
    const error = await failing;
    expect(error.message).toMatch(/node 2/);
    expect(error.hint).toBe('Nothing of it is left on any node.');
    await sessions.all_give(INDEXES, []);
    await reader.query('COMMIT');
    await sessions.run(3, statement);
    await sessions.all_give(INDEXES, ['items_a']);
  });

  test('an error on one node has its SQLSTATE', async () => {
    const reader = await hold_snapshot(2);
    const failing = error_of(sessions.on(1).query('CREATE INDEX CONCURRENTLY items_a ON items (a)'));
    await sessions.on(2).query(`SELECT pg_cancel_backend(${await until(sessions.on(2), BUILDING)})`);
    const error = await failing;
    expect(error.code).toBe('57014');
    expect(error.message).toMatch(/^CREATE INDEX CONCURRENTLY failed on node 2: /);
    await sessions.all_give(INDEXES, []);
    await reader.query('COMMIT');
  });

  test('a cancel reaches the node that builds', async () => {
    const reader = await hold_snapshot(3);
    const client = await another(1);
    const pid = await until(client, 'SELECT pg_backend_pid()');
    const failing = error_of(client.query('CREATE INDEX CONCURRENTLY items_a ON items (a)'));
    await until(sessions.on(3), BUILDING);
    await sessions.on(1).query(`SELECT pg_cancel_backend(${pid})`);
    expect(sqlstate(await failing)).toBe('57014');
    expect((await sessions.on(3).query(BUILDING)).rows).toEqual([]);
    await sessions.all_give(INDEXES, []);
    await reader.query('COMMIT');
  });

  test('what a crash left is repaired by the next try, or dropped', async () => {
    const builder = await another(2);
    await builder.query('SET multimaster.bypass = on');
    const incomplete = 'CREATE UNIQUE INDEX CONCURRENTLY items_b ON items (b)';
    expect(sqlstate(await error_of(builder.query(incomplete)))).toBe('23505');
    await builder.query('CREATE INDEX CONCURRENTLY items_a ON items (a)');
    expect(await sessions.column(2, INDEXES)).toEqual(['items_a', 'items_b incomplete']);

    await sessions.run(1, "UPDATE items SET b = 'b' || id", incomplete);
    expect(await sessions.failure(2, 'CREATE INDEX CONCURRENTLY items_a ON items (a)')).toBe('42P07');
    await sessions.run(2, 'CREATE INDEX CONCURRENTLY IF NOT EXISTS items_a ON items (a)');
    await sessions.all_give(INDEXES, ['items_a', 'items_b']);

    await builder.query('CREATE INDEX CONCURRENTLY items_other ON items (b)');
    await sessions.run(3, 'DROP INDEX CONCURRENTLY IF EXISTS items_other');
    await sessions.all_give(INDEXES, ['items_a', 'items_b']);
  });

  test('another index of that name on one node: it is said where', async () => {
    const builder = await another(3);
    await builder.query('SET multimaster.bypass = on');
    await builder.query('CREATE INDEX items_a ON items (b)');
    const error = await error_of(sessions.on(1).query('CREATE INDEX CONCURRENTLY items_a ON items (a)'));
    expect(error).toMatchObject({ code: '42P07' });
    expect(error.message).toMatch(/node 3/);
    for (const node of sessions.nodes.ids) {
      expect(await sessions.column(node, INDEXES)).toEqual(node === 3 ? ['items_a'] : []);
    }
    await builder.query('DROP INDEX items_a');
  });

  test('two nodes at once: one makes it, the other is told that it is there', async () => {
    const build = { name: 'build', text: 'CREATE INDEX CONCURRENTLY items_a ON items (a)' };
    const clients = await all_ended([another(1), another(3)]);
    const ends = await Promise.allSettled(clients.map((client) => client.query(build)));
    const losers = ends.flatMap((end) => (end.status === 'rejected' ? [sqlstate(end.reason)] : []));
    expect(losers).toEqual(['42P07']);
    await sessions.all_give(INDEXES, ['items_a']);
  });

  test('it runs with the rights of its role', async () => {
    const client = await sessions.nodes.client(1, { user: 'schema_outside', password: 'outside' });
    others.push(client);
    await client.query('SET search_path = outside');
    expect(sqlstate(await error_of(client.query('CREATE INDEX CONCURRENTLY ON items (a)')))).toBe('42501');
    expect(sqlstate(await error_of(client.query('DROP INDEX CONCURRENTLY items_pkey')))).toBe('42501');
    expect(sqlstate(await error_of(client.query("CALL mtm.run_unfinished('a', 'b')")))).toBe('42501');
    expect(sqlstate(await error_of(client.query("CREATE TABLESPACE t LOCATION '/tmp'")))).toBe('42501');
    await sessions.run(1, 'ALTER TABLE items OWNER TO schema_outside');
    await client.query('CREATE INDEX CONCURRENTLY items_a ON items (a)');
    await sessions.all_give(INDEXES, ['items_a']);
    await client.query('DROP INDEX CONCURRENTLY items_a');
    await sessions.all_give(INDEXES, []);
  });

  test('PostgreSQL refuses what it always does', async () => {
    const create = 'CREATE INDEX CONCURRENTLY items_a ON items (a)';
    expect(await sessions.failure(1, 'BEGIN', create)).toBe('25001');
    expect(await sessions.failure(1, `SELECT 1; ${create}`)).toBe('25001');
    expect(await sessions.failure(1, 'CREATE INDEX CONCURRENTLY ON nothing (a)')).toBe('42P01');
    expect(await sessions.failure(1, 'DROP INDEX CONCURRENTLY nothing')).toBe('42704');
    expect(await sessions.failure(1, 'DROP INDEX CONCURRENTLY items_pkey')).toBe('2BP01');
    await sessions.run(1, 'DROP INDEX CONCURRENTLY IF EXISTS nothing');
    await sessions.all_give(INDEXES, []);
  });

  test('names of the system mean on each node what they mean on the first', async () => {
    const client = await another(1);
    await client.query('CREATE FUNCTION abs(int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT 0 $$');
    await client.query("CREATE FUNCTION plain(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'");
    await client.query("CREATE FUNCTION calls(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN plain($1); END'");
    await client.query('SET search_path = outside, pg_catalog');
    await client.query('CREATE INDEX CONCURRENTLY items_a ON items (pg_catalog.abs(a), calls(a))');
    await sessions.all_give(INDEXES, ['items_a']);
    await client.query('DROP FUNCTION calls(int), plain(int), outside.abs(int) CASCADE');
  });

  test('event triggers that fire before it', async () => {
    const [create, drop] = ['CREATE INDEX CONCURRENTLY items_a ON items (a)', 'DROP INDEX CONCURRENTLY items_a'];
    await sessions.run(
      1,
      'CREATE TABLE told (tag text)',
      `CREATE FUNCTION tell() RETURNS event_trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO outside.told VALUES (tg_tag); END'`,
      "CREATE EVENT TRIGGER tell ON ddl_command_start WHEN TAG IN ('CREATE INDEX', 'DROP INDEX') EXECUTE FUNCTION tell()",
    );
    const hint = 'Use ddl_command_end.';
    expect(await error_of(sessions.on(1).query(create))).toMatchObject({ code: '0A000', hint });
    await sessions.all_give(INDEXES, []);
    await sessions.run(1, 'ALTER EVENT TRIGGER tell DISABLE', create, 'ALTER EVENT TRIGGER tell ENABLE');
    expect(await error_of(sessions.on(1).query(drop))).toMatchObject({ code: '0A000', hint });
    await sessions.all_give(INDEXES, ['items_a']);
    await sessions.run(1, 'DROP EVENT TRIGGER tell', 'DROP FUNCTION tell()', 'DROP TABLE told', drop);
    await sessions.all_give(INDEXES, []);
  });

  test('who waits for another statement about it is told so after lock_timeout', async () => {
    const reader = await hold_snapshot(2);
    const first = await another(1);
    const building = first.query('CREATE INDEX CONCURRENTLY items_a ON items (a)');
    await until(sessions.on(2), BUILDING);
    const second = await another(3);
    await second.query("SET lock_timeout = '100ms'");
    const error = await error_of(second.query('CREATE INDEX CONCURRENTLY items_a ON items (a)'));
    expect(error.code).toBe('55P03');
    expect(error.detail).toContain('index outside.items_a');
    await reader.query('COMMIT');
    await building;
    await sessions.all_give(INDEXES, ['items_a']);
  });

  test('REINDEX CONCURRENTLY is local, and so is what it leaves', async () => {
    await sessions.run(1, 'CREATE INDEX items_a ON items (a)', 'REINDEX TABLE CONCURRENTLY items');
    await sessions.run(2, 'REINDEX INDEX CONCURRENTLY items_a');
    const builder = await another(1);
    await builder.query('SET multimaster.bypass = on');
    const incomplete = 'CREATE UNIQUE INDEX CONCURRENTLY items_ccnew ON items (b)';
    expect(sqlstate(await error_of(builder.query(incomplete)))).toBe('23505');
    await sessions.run(1, 'DROP INDEX items_ccnew');
    await sessions.all_give(INDEXES, ['items_a']);
  });

  describe('DETACH PARTITION CONCURRENTLY', () => {
    const DETACH = 'ALTER TABLE parts DETACH PARTITION part_1 CONCURRENTLY';
    const FINALIZE = 'ALTER TABLE parts DETACH PARTITION part_1 FINALIZE';
    const PARTITIONS = `SELECT inhrelid::regclass || CASE WHEN inhdetachpending THEN ' pending' ELSE '' END
      FROM pg_inherits WHERE inhparent = to_regclass('parts') ORDER BY 1`;
    const CHECKS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'part_1'::regclass AND contype = 'c'";

    beforeEach(async () => {
      await sessions.run(
        1,
        'CREATE TABLE parts (id int PRIMARY KEY, t text) PARTITION BY RANGE (id)',
        'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10)',
        'CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)',
        'INSERT INTO parts SELECT i FROM generate_series(1, 19) i',
      );
      await sessions.settled();
    });

    afterEach(async () => {
      await sessions.run(1, 'DROP TABLE IF EXISTS part_1, parts');
    });

    test('it is detached on all nodes, and keeps its bound', async () => {
      // the table can be changed at once
      await sessions.run(2, DETACH, 'ALTER TABLE parts ADD COLUMN later int');
      await sessions.all_give(PARTITIONS, ['part_2']);
      await sessions.all_give(CHECKS, ['CHECK (((id IS NOT NULL) AND (id >= 1) AND (id < 10)))']);
      await same_schema_everywhere(sessions.nodes);
      await sessions.run(3, "UPDATE part_1 SET t = 'alone'", "UPDATE parts SET t = 'left'", 'DELETE FROM part_1 WHERE id = 3');
      await same_everywhere(sessions.nodes, ['outside.parts', 'outside.part_1']);
      await sessions.all_give('SELECT count(*) FROM parts UNION ALL SELECT count(*) FROM part_1', ['10', '8']);
      expect(await sessions.failure(1, DETACH)).toBe('42P01');
      expect(await sessions.failure(1, FINALIZE)).toBe('42P01');
      await sessions.run(
        1,
        'ALTER TABLE part_1 ADD COLUMN later int',
        'ALTER TABLE parts ATTACH PARTITION part_1 FOR VALUES FROM (1) TO (10)',
      );
      await sessions.all_give(PARTITIONS, ['part_1', 'part_2']);
      await same_schema_everywhere(sessions.nodes);
    });

    test('PostgreSQL refuses what it always does', async () => {
      expect(await sessions.failure(1, 'BEGIN', DETACH)).toBe('25001');
      expect(await sessions.failure(1, FINALIZE)).toBe('55000');
      expect(await sessions.failure(1, 'ALTER TABLE parts DETACH PARTITION items CONCURRENTLY')).toBe('42P01');
      expect(await sessions.failure(1, 'ALTER TABLE parts DETACH PARTITION nothing CONCURRENTLY')).toBe('42P01');
      await sessions.run(1, 'ALTER TABLE IF EXISTS nothing DETACH PARTITION part_1 CONCURRENTLY');
      const client = await sessions.nodes.client(1, { user: 'schema_outside', password: 'outside' });
      others.push(client);
      await client.query('SET search_path = outside');
      expect(sqlstate(await error_of(client.query(DETACH)))).toBe('42501');
      await sessions.run(1, 'CREATE TABLE part_rest PARTITION OF parts DEFAULT');
      expect(await sessions.failure(1, DETACH)).toBe('55000');
      await sessions.all_give('SELECT target FROM mtm.unfinished_statements', []);
      await sessions.run(1, 'DROP TABLE part_rest');
      await sessions.all_give(PARTITIONS, ['part_1', 'part_2']);
    });

    test('what another node did not end: nobody changes the table meanwhile, any node ends it', async () => {
      const reader = await another(3);
      await reader.query('BEGIN; SELECT FROM parts');
      const client = await another(1);
      const pid = await until(client, 'SELECT pg_backend_pid()');
      const failing = error_of(client.query(DETACH));
      await until(sessions.on(3), "SELECT 1 FROM pg_inherits WHERE inhdetachpending AND inhparent = 'parts'::regclass");
      await sessions.on(1).query(`SELECT pg_cancel_backend(${pid})`);
      const error = await failing;
      expect(error.code).toBe('57014');
      expect(error.hint).toContain('ALTER TABLE outside.parts DETACH PARTITION outside.part_1 FINALIZE');
      await sessions.all_give('SELECT target FROM mtm.unfinished_statements', ['partition outside.part_1']);
      expect(await sessions.column(1, PARTITIONS)).toEqual(['part_2']);
      expect(await sessions.column(3, PARTITIONS)).toEqual(['part_1 pending', 'part_2']);

      for (const [node, statement] of [
        [1, 'ALTER TABLE parts ADD COLUMN later int'],
        [2, 'CREATE INDEX ON parts (t)'],
        [1, 'DROP TABLE parts'],
        [2, 'ALTER TABLE parts RENAME TO others'],
        [1, 'ALTER TABLE part_1 RENAME TO other'],
        [2, 'ALTER SCHEMA outside RENAME TO outside_too'],
        [1, 'CREATE TABLE child (id int REFERENCES parts)'],
      ] as const) {
        expect(await sessions.failure(node, statement), statement).toBe('55006');
      }
      await sessions.run(2, 'ALTER TABLE items ADD COLUMN later int', "UPDATE parts SET t = 'x' WHERE id > 15");

      await reader.query('COMMIT');
      await sessions.run(2, FINALIZE);
      await sessions.all_give(PARTITIONS, ['part_2']);
      await sessions.all_give('SELECT target FROM mtm.unfinished_statements', []);
      await same_schema_everywhere(sessions.nodes);
      await sessions.run(1, 'ALTER TABLE parts ADD COLUMN later int');
    });

    test('who drops the partition ends it, with the table or alone', async () => {
      for (const statement of ['DROP TABLE part_1', 'DROP TABLE parts, part_1']) {
        const reader = await another(2);
        await reader.query('BEGIN; SELECT FROM parts');
        const client = await another(1);
        await client.query("SET lock_timeout = '50ms'");
        expect(sqlstate(await error_of(client.query(DETACH)))).toBe('55P03');
        await reader.query('COMMIT');
        expect(await sessions.failure(3, 'DROP TABLE parts')).toBe('55006');
        await sessions.run(3, statement);
        await sessions.all_give('SELECT target FROM mtm.unfinished_statements', []);
        await same_schema_everywhere(sessions.nodes);
        if (statement === 'DROP TABLE part_1') {
          await sessions.run(1, 'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10)');
          await sessions.settled();
        }
      }
    });

    test('the same statement again ends it, too', async () => {
      const builder = await another(2);
      await builder.query('SET multimaster.bypass = on');
      await builder.query(DETACH);
      const error = await error_of(sessions.on(2).query(DETACH));
      expect(error.code).toBe('42P01');
      await sessions.run(3, DETACH);
      await sessions.all_give(PARTITIONS, ['part_2']);
      await same_schema_everywhere(sessions.nodes);
    });
  });

  test('a tablespace is on every node, or on none', async () => {
    const spaces = "SELECT spcname FROM pg_tablespace WHERE spcname ~ 'outside'";
    await sessions.run(1, 'SET allow_in_place_tablespaces = on', "CREATE TABLESPACE outside LOCATION ''");
    await sessions.all_give(spaces, ['outside']);
    await sessions.run(2, 'ALTER TABLE items SET TABLESPACE outside');
    await sessions.run(2, 'CREATE INDEX CONCURRENTLY items_a ON items (a) TABLESPACE outside');
    expect(await sessions.failure(3, 'DROP TABLESPACE outside')).toBe('55000');
    await sessions.all_give(spaces, ['outside']);
    await sessions.run(1, 'ALTER TABLE items SET TABLESPACE pg_default', 'DROP INDEX items_a');
    await sessions.run(3, 'DROP TABLESPACE outside');
    await sessions.all_give(spaces, []);
    expect(await sessions.failure(1, "CREATE TABLESPACE outside LOCATION '/nowhere/outside'")).toBe('58P01');
    await sessions.all_give(spaces, []);
    await sessions.run(1, 'RESET allow_in_place_tablespaces');
  });
});
