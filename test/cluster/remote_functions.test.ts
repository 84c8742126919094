// A call of a function in multimaster.remote_functions runs on every node, in the caller's
// transaction. Seen by what only the call itself could have put there: rows of an unlogged table.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const LISTED = ['note', 'note_all', 'note_from', 'note_rows', 'note_any', 'note_stable', 'note_as_owner',
  'note_temporary', 'note_deferred', 'note_table', 'note_both', 'note_locked', 'note_notified',
  'note_sql_rows'];
const NOT_SUPPORTED = '0A000';

describe('remote functions', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE ROLE remote_caller',
      'CREATE SCHEMA remote',
      'GRANT USAGE ON SCHEMA remote TO remote_caller',
      'SET search_path = remote, pg_catalog',
      'CREATE TABLE orders (id int PRIMARY KEY, v text)',
      'CREATE UNLOGGED TABLE noted (n serial, v text, who text DEFAULT current_user, path text DEFAULT ' +
        "current_setting('search_path'), at timestamptz DEFAULT now())",
      'GRANT INSERT, SELECT ON noted TO remote_caller',
      'GRANT USAGE ON SEQUENCE noted_n_seq TO remote_caller',
      'CREATE TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
      `CREATE FUNCTION note(v text) RETURNS text LANGUAGE sql AS
         $$INSERT INTO remote.noted (v) VALUES (v) RETURNING v$$`,
      `CREATE FUNCTION note_all(VARIADIC v float8[]) RETURNS void LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO remote.noted (v) VALUES (v::text); END$$`,
      `CREATE FUNCTION note_from(v timestamptz, b bytea = '\\x27', c text = NULL) RETURNS void LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO remote.noted (v) SELECT concat_ws('|', v AT TIME ZONE 'UTC', b, c IS NULL); END$$`,
      `CREATE FUNCTION note_rows(n int) RETURNS TABLE (id int, v text) LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO remote.noted (v) VALUES ('rows'); RETURN QUERY SELECT i, 'x' FROM generate_series(1, n) i; END$$`,
      `CREATE FUNCTION note_any(v anyelement) RETURNS void LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO remote.noted (v) VALUES (concat(pg_typeof(v), ' ', v::text)); END$$`,
      `CREATE FUNCTION note_stable() RETURNS int STABLE LANGUAGE sql AS 'SELECT 1'`,
      `CREATE FUNCTION note_as_owner(v anyelement) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
         $$BEGIN INSERT INTO remote.noted (v) VALUES (v); END$$`,
      `CREATE FUNCTION note_temporary() RETURNS bigint LANGUAGE plpgsql AS
         $$DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM pg_temp.remote_temporary' INTO n; RETURN n; END$$`,
      `CREATE FUNCTION note_deferred() RETURNS void LANGUAGE sql AS 'INSERT INTO remote.deferred VALUES (1), (1)'`,
      `CREATE FUNCTION note_table() RETURNS void LANGUAGE plpgsql AS
         $$BEGIN CREATE TABLE remote.made (v text); INSERT INTO remote.made VALUES ('a'), ('b'); END$$`,
      `CREATE FUNCTION note_both(v text) RETURNS void LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO remote.orders VALUES (100, v); PERFORM remote.note('inner'); END$$`,
      `CREATE FUNCTION note_locked() RETURNS void LANGUAGE plpgsql AS
         $$BEGIN PERFORM pg_advisory_lock(77, 77), set_config('work_mem', '77MB', false); PERFORM remote.note(current_setting('work_mem')); END$$`,
      `CREATE FUNCTION note_sql_rows() RETURNS SETOF int LANGUAGE sql AS
         $$INSERT INTO remote.noted (v) VALUES ('rows of SQL'); SELECT generate_series(1, 3)$$`,
      `CREATE FUNCTION note_notified() RETURNS void LANGUAGE plpgsql AS $$BEGIN NOTIFY remote_channel; END$$`,
      'CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS ' +
        "$$BEGIN INSERT INTO remote.noted (v) VALUES ('trigger'); RETURN NEW; END$$",
      'CREATE TABLE not_listed (v text)',
      `CREATE FUNCTION plain(v text) RETURNS void LANGUAGE sql AS 'INSERT INTO remote.noted (v) VALUES (v)'`,
    );
    await sessions.run(1, `SET multimaster.remote_functions = ${LISTED.map((name) => `'remote.${name}'`).join(', ')}`);
  });

  beforeEach(async () => {
    await sessions.run(1, 'RESET ROLE', 'RESET datestyle', 'SET search_path = remote, pg_catalog');
    await sessions.settled();
    for (const node of sessions.nodes.ids) await sessions.run(node, 'TRUNCATE remote.noted');
    await sessions.run(1, 'DELETE FROM orders');
  });

  afterAll(async () => {
    await sessions.run(1, 'RESET ROLE', 'RESET multimaster.remote_functions', 'DROP SCHEMA remote CASCADE', 'DROP ROLE remote_caller');
    await sessions.close();
  });

  const all_noted = (expected: string[], column = 'v') => sessions.all_give(`SELECT ${column} FROM remote.noted ORDER BY n`, expected);

  test('not listed: what it writes to an unlogged table stays here', async () => {
    await sessions.run(1, "SELECT plain('x')");
    expect(await sessions.column(1, 'SELECT v FROM noted')).toEqual(['x']);
    expect(await sessions.column(2, 'SELECT v FROM remote.noted')).toEqual([]);
  });

  test.each([
    ["SELECT note('it''s \\ here')", "it's \\ here"],
    ['SELECT note(NULL)', 'null'],
    ["DO $$BEGIN PERFORM remote.note('in DO'); END$$", 'in DO'],
    ["SELECT 1 WHERE note('in WHERE') IS NULL", 'in WHERE'],
    ["SELECT * FROM note('in FROM')", 'in FROM'],
    ['SELECT note_all(1, 0.1, 1e300)', '{1,0.1,1e+300}'],
    ['SELECT note_all(VARIADIC ARRAY[NULL, 2])', '{NULL,2}'],
    ["SELECT note_from(b => '\\x00ff', v => '2020-01-02 03:04:05+01')", '2020-01-02 02:04:05|\\x00ff|t'],
    ['SELECT count(*) FROM note_rows(3)', 'rows'],
    ['SELECT note_rows(3)', 'rows'],
    ['SELECT note_sql_rows()', 'rows of SQL'],
    ['SELECT note_any(ARRAY[1.5, 2])', 'numeric[] {1.5,2}'],
    ["SELECT note_any(B'101')", 'bit 101'],
    ["SELECT note_any('orders'::regclass)", 'regclass orders'],
    ["SELECT note_any('2020-01-02'::date) FROM set_config('datestyle', 'SQL, DMY', false)", 'date 02/01/2020'],
  ])('%s', async (statement, expected) => {
    await sessions.run(1, statement);
    await all_noted([expected]);
  });

  test('once for each call, in order with rows and savepoints of its transaction', async () => {
    await sessions.run(
      1,
      'BEGIN',
      "INSERT INTO orders VALUES (1, 'one'), (2, 'two')",
      'SELECT note(v) FROM orders ORDER BY id',
      'SAVEPOINT s',
      "SELECT note('undone')",
      'ROLLBACK TO s',
      "UPDATE orders SET v = note('three') WHERE id = 2",
      'COMMIT',
    );
    await all_noted(['one', 'two', 'three']);
    await sessions.all_give('SELECT v FROM remote.orders ORDER BY id', ['one', 'three']);
    await sessions.run(1, 'BEGIN', "SELECT note('lost')", 'ROLLBACK');
    await all_noted(['one', 'two', 'three']);
  });

  test('what it writes to a replicated table is there once, and a listed function within it is not called again', async () => {
    await sessions.run(1, "SELECT note_both('x')");
    await sessions.all_give('SELECT v FROM remote.orders', ['x']);
    await all_noted(['inner']);
  });

  test('by the extended protocol, with parameters', async () => {
    const client = sessions.on(1);
    for (const v of ['first', 'second']) {
      await client.query({ name: 'note', text: 'SELECT note($1)', values: [v] });
    }
    await all_noted(['first', 'second']);
  });

  test('role, settings and time are those of the client', async () => {
    await sessions.run(1, 'SET ROLE remote_caller', 'SET search_path = pg_catalog, remote', "SELECT note('x')");
    await sessions.quiet();
    const seen = await sessions.column(1, 'SELECT (who, path, at) FROM remote.noted');
    expect(seen[0]).toMatch(/^\(remote_caller,"pg_catalog, remote",/);
    await sessions.run(1, 'RESET ROLE');
    await all_noted(seen, '(who, path, at)');
  });

  test('what fails on another node fails as a whole, with its SQLSTATE', async () => {
    await sessions.run(2, "SET multimaster.bypass = on", "ALTER TABLE remote.noted ADD CHECK (v <> 'bad')", 'RESET multimaster.bypass');
    try {
      expect(await sessions.failure(1, "INSERT INTO orders VALUES (1, 'x')", "SELECT note('good')", "SELECT note('bad')")).toBe('23514');
      await sessions.run(1, "INSERT INTO orders VALUES (2, note('after'))");
    } finally {
      await sessions.run(2, "SET multimaster.bypass = on", 'ALTER TABLE remote.noted DROP CONSTRAINT noted_v_check', 'RESET multimaster.bypass');
    }
    for (const node of sessions.nodes.ids.slice(1)) {
      expect(await sessions.column(node, 'SELECT v FROM remote.noted ORDER BY n')).toEqual(['good', 'after']);
    }
  });

  test('triggers of what it writes fire on every node', async () => {
    await sessions.run(1, 'CREATE TRIGGER mark AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION mark()');
    await sessions.run(1, "SELECT note_both('x')");
    await all_noted(['trigger', 'inner']);
    await sessions.run(1, 'DROP TRIGGER mark ON orders');
  });

  test("what it leaves with the session is not left with another node's worker", async () => {
    await sessions.run(1, 'BEGIN', 'SELECT note_locked()', 'COMMIT');
    await all_noted(['77MB']);
    const held = 'SELECT mode FROM pg_locks WHERE locktype = \'advisory\' AND (classid, objid) = (77, 77)';
    expect(await sessions.column(1, held)).toEqual(['ExclusiveLock']);
    for (const node of sessions.nodes.ids.slice(1)) expect(await sessions.column(node, held)).toEqual([]);
    await sessions.run(1, 'SELECT pg_advisory_unlock(77, 77)', 'RESET work_mem');
  });

  test('while rows are computed that are sent: called on every node, and its results are the rows', async () => {
    await sessions.run(
      1,
      "CREATE TABLE computed AS SELECT note('created') AS v",
      "ALTER TABLE computed ADD COLUMN w text DEFAULT note('altered')",
      "INSERT INTO computed (v) VALUES ('c')",
    );
    await all_noted(['created', 'altered', 'altered']);
    await sessions.all_give("SELECT v || ' ' || w FROM remote.computed ORDER BY v", ['c altered', 'created altered']);
    await sessions.run(1, 'DROP TABLE computed');
  });

  test('an event trigger that fires within it is a part of it', async () => {
    await sessions.run(
      1,
      `CREATE FUNCTION event() RETURNS event_trigger LANGUAGE plpgsql AS
         $$BEGIN INSERT INTO remote.noted (v) VALUES ('event'); PERFORM remote.note('within'); END$$`,
      'CREATE EVENT TRIGGER remote_event ON ddl_command_end WHEN TAG IN (\'CREATE TABLE\') EXECUTE FUNCTION event()',
    );
    try {
      await sessions.run(1, 'SELECT note_table()', 'SELECT note(\'outside\')', 'CREATE TABLE made_outside (id int PRIMARY KEY)');
      const expected = ['event', 'within', 'outside'];
      await sessions.quiet();
      expect(await sessions.column(1, 'SELECT v FROM remote.noted ORDER BY n')).toEqual([...expected, 'event', 'within']);
      for (const node of sessions.nodes.ids.slice(1)) {
        expect(await sessions.column(node, 'SELECT v FROM remote.noted ORDER BY n')).toEqual([...expected, 'within']);
      }
    } finally {
      await sessions.run(1, 'DROP EVENT TRIGGER remote_event', 'DROP TABLE IF EXISTS made, made_outside');
    }
  });

  test('a table that it makes is as any other afterwards', async () => {
    await sessions.run(1, 'SELECT note_table()', "INSERT INTO made VALUES ('c')", "DELETE FROM made WHERE v = 'a'");
    await sessions.all_give('SELECT v FROM remote.made ORDER BY v', ['b', 'c']);
    await sessions.all_give("SELECT relreplident FROM pg_class WHERE oid = 'remote.made'::regclass", ['f']);
    await sessions.run(1, 'DROP TABLE made');
  });

  test.each([
    ['SELECT note_stable()', NOT_SUPPORTED],
    ['SELECT note_as_owner(1)', NOT_SUPPORTED],
    ["SET multimaster.remote_functions = 'pg_catalog.lo_create'; SELECT lo_create(0)", NOT_SUPPORTED],
    ['BEGIN READ ONLY', "SELECT note('x')", '25006'],
    ['CREATE TEMP TABLE remote_temporary (v int)', 'SELECT note_temporary()', NOT_SUPPORTED],
    ['SELECT note_deferred()', '42501'],
    ['SELECT note_notified()', NOT_SUPPORTED],
    ["SET multimaster.remote_functions = 'note'", '22023'],
    ['SET ROLE remote_caller', "SET multimaster.remote_functions = 'remote.note'", '42501'],
  ])('refused: %s %s', async (...parts) => {
    const code = parts.pop();
    expect(await sessions.failure(1, ...(parts as string[]))).toBe(code);
    await sessions.run(1, 'DROP TABLE IF EXISTS pg_temp.remote_temporary');
  });
});
