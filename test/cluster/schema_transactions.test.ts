// A schema change is a part of its transaction: mixed with rows in any order, in
// savepoints, exception blocks, functions, DO and procedures; with the role and the
// settings it was given.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions, sqlstate } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const TABLES = `SELECT relname FROM pg_class
  WHERE relnamespace = 'schema_tx'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1`;

/** One and a half times deadlock_timeout: so long a row is waited for. */
const LONGER_THAN_CONFLICTS_MS = 1600;

describe('schema changes in transactions', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, 'CREATE SCHEMA schema_tx');
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = schema_tx, public');
    }
  });

  afterAll(async () => {
    await sessions.run(1, 'DROP SCHEMA schema_tx CASCADE');
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
  });

  async function only_tables(...names: string[]): Promise<void> {
    await sessions.all_give(TABLES, names);
    await same_schema_everywhere(sessions.nodes);
    await same_everywhere(
      sessions.nodes,
      names.map((name) => `schema_tx.${name}`),
    );
  }

  async function drop(...names: string[]): Promise<void> {
    await sessions.run(2, `DROP TABLE ${names.join(', ')} CASCADE`);
  }

  test('rows before, between and after schema changes of one transaction', async () => {
    await sessions.run(1, 'CREATE TABLE mixed (id int PRIMARY KEY, a text)');
    await sessions.run(
      2,
      'BEGIN',
      "INSERT INTO mixed SELECT i, 'before' FROM generate_series(1, 20) AS i",
      'ALTER TABLE mixed ADD COLUMN b int DEFAULT 7',
      "INSERT INTO mixed SELECT i, 'between', i FROM generate_series(21, 40) AS i",
      'ALTER TABLE mixed DROP COLUMN a',
      'CREATE TABLE beside (id int PRIMARY KEY REFERENCES mixed)',
      'INSERT INTO beside SELECT id FROM mixed',
      'UPDATE mixed SET b = b + 1 WHERE id % 2 = 0',
      'ALTER TABLE mixed RENAME TO blended',
      'DELETE FROM blended USING beside WHERE false',
      'INSERT INTO blended VALUES (41, 0)',
      'COMMIT',
    );
    await sessions.all_give('SELECT count(*) FROM blended', ['41']);
    await only_tables('beside', 'blended');
    await drop('beside', 'blended');
  });

  test('several statements in one message are one transaction', async () => {
    await sessions.run(
      1,
      `CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1);
       ALTER TABLE one ADD COLUMN x text DEFAULT 'y;z'; INSERT INTO one VALUES (2, ';')`,
    );
    expect(
      await sessions.failure(1, 'CREATE TABLE two (id int); INSERT INTO two VALUES (1 / 0)'),
    ).toBe('22012');
    await only_tables('one');
    await drop('one');
  });

  test('a rolled back schema change is nowhere', async () => {
    await sessions.run(1, 'BEGIN', 'CREATE TABLE never (id int)', 'ROLLBACK');
    await sessions.run(
      1,
      'BEGIN',
      'CREATE TABLE outer_1 (id int PRIMARY KEY)',
      'SAVEPOINT s',
      'CREATE TABLE inner_1 (id int PRIMARY KEY)',
      'INSERT INTO inner_1 VALUES (1)',
      'ALTER TABLE outer_1 ADD COLUMN gone int',
      'ROLLBACK TO s',
      'CREATE TABLE outer_2 (id int PRIMARY KEY)',
      'INSERT INTO outer_2 VALUES (1)',
      'COMMIT',
    );
    await only_tables('outer_1', 'outer_2');
    await drop('outer_1', 'outer_2');
  });

  test('after a failed schema change in a savepoint, the next ones are sent', async () => {
    await sessions.run(1, 'BEGIN', 'CREATE TABLE first (id int PRIMARY KEY)', 'SAVEPOINT s');
    await expect(sessions.on(1).query('CREATE TABLE first (id int)')).rejects.toMatchObject({
      code: '42P07',
    });
    await sessions.run(
      1,
      'ROLLBACK TO s',
      'CREATE TABLE second (id int PRIMARY KEY)',
      'INSERT INTO second VALUES (1)',
      'COMMIT',
    );
    await only_tables('first', 'second');
    await drop('first', 'second');
  });

  test('exception blocks, DO, functions and procedures that commit', async () => {
    await sessions.run(
      2,
      `DO $$ BEGIN
         CREATE TABLE done (id int PRIMARY KEY);
         BEGIN
           CREATE TABLE undone (id int); INSERT INTO done VALUES (1);
           CREATE TABLE done (id int);
         EXCEPTION WHEN duplicate_table THEN INSERT INTO done VALUES (2);
         END;
         EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY)', 'by_name');
         ALTER TABLE done ADD COLUMN late int DEFAULT 3;
         INSERT INTO done VALUES (4);
       END $$`,
      `CREATE FUNCTION make() RETURNS void LANGUAGE plpgsql
         AS $$ BEGIN CREATE TABLE made (id int PRIMARY KEY); INSERT INTO made VALUES (1); END $$`,
      'SELECT make()',
      `CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$ BEGIN
         FOR i IN 1..3 LOOP
           EXECUTE 'CREATE TABLE step_' || i || ' (id int PRIMARY KEY)';
           EXECUTE 'INSERT INTO step_' || i || ' VALUES (1)';
           IF i = 2 THEN ROLLBACK; ELSE COMMIT; END IF;
         END LOOP; END $$`,
      'CALL steps()',
    );
    await sessions.all_give('SELECT id FROM done ORDER BY 1', ['2', '4']);
    await only_tables('by_name', 'done', 'made', 'step_1', 'step_3');
    await sessions.run(
      1,
      'DROP TABLE by_name, done, made, step_1, step_3',
      'DROP PROCEDURE steps()',
      'DROP FUNCTION make()',
    );
  });

  test('search_path and other settings are those of the session', async () => {
    await sessions.run(
      1,
      'CREATE SCHEMA schema_other',
      'BEGIN',
      'SET LOCAL search_path = schema_other, schema_tx',
      "SET LOCAL DateStyle = 'SQL, DMY'",
      "SET LOCAL TimeZone = 'Asia/Tokyo'",
      'SET LOCAL standard_conforming_strings = off',
      "CREATE TABLE placed (id int PRIMARY KEY, d date DEFAULT '02/03/2020', " +
        "t timestamptz DEFAULT '2020-01-01 00:00', s text DEFAULT 'a\\'b')",
      'COMMIT',
      'SET check_function_bodies = off',
      "CREATE FUNCTION unready() RETURNS int LANGUAGE sql AS 'SELECT x FROM not_yet_there'",
      'RESET check_function_bodies',
    );
    await sessions.run(2, 'INSERT INTO schema_other.placed VALUES (1)');
    await sessions.all_give(
      "SELECT concat_ws(',', d, t AT TIME ZONE 'UTC', s) FROM schema_other.placed",
      ["2020-03-02,2019-12-31 15:00:00,a'b"],
    );
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(2, 'DROP FUNCTION unready()', 'DROP SCHEMA schema_other CASCADE');
  });

  test('objects belong to the role that made them, on every node', async () => {
    await sessions.run(
      1,
      'CREATE ROLE schema_maker',
      'GRANT CREATE, USAGE ON SCHEMA schema_tx TO schema_maker',
      'SET ROLE schema_maker',
      'CREATE TABLE owned (id serial PRIMARY KEY, maker name DEFAULT current_user)',
      'INSERT INTO owned DEFAULT VALUES',
      'RESET ROLE',
      `CREATE FUNCTION as_maker() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
         AS $$ BEGIN CREATE TABLE schema_tx.definer (id int PRIMARY KEY); END $$`,
      'ALTER FUNCTION as_maker() OWNER TO schema_maker',
      'SELECT as_maker()',
    );
    await sessions.all_give(
      `SELECT relowner::regrole FROM pg_class
       WHERE relname IN ('owned', 'definer') ORDER BY relname`,
      ['schema_maker', 'schema_maker'],
    );
    await only_tables('definer', 'owned');
    expect(
      await sessions.failure(1, 'BEGIN', 'SET LOCAL ROLE schema_maker', 'CREATE SCHEMA not_mine'),
    ).toBe('42501');
    await sessions.run(
      2,
      'DROP TABLE owned, definer',
      'DROP FUNCTION as_maker()',
      'DROP OWNED BY schema_maker',
      'DROP ROLE schema_maker',
    );
  });

  test('code of a user cannot take the rights of the process that applies', async () => {
    await sessions.run(
      1,
      "CREATE ROLE schema_climber LOGIN PASSWORD 'climbing'",
      'GRANT CREATE, USAGE ON SCHEMA schema_tx TO schema_climber',
      `CREATE FUNCTION climb(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
         BEGIN PERFORM set_config('session_authorization', 'postgres', true);
         EXCEPTION WHEN insufficient_privilege THEN NULL; END;
         IF current_setting('is_superuser') = 'on' OR current_user <> 'schema_climber' THEN
           RAISE EXCEPTION 'climbed';
         END IF;
         RETURN $1; END $$`,
      `CREATE FUNCTION with_role() RETURNS int LANGUAGE sql SET role = 'schema_climber'
         AS 'SELECT 1'`,
      'ALTER ROLE schema_climber SET role = schema_climber',
    );
    const climber = await sessions.nodes.client(1, {
      user: 'schema_climber',
      password: 'climbing',
    });
    try {
      await climber.query('CREATE TABLE schema_tx.steps (a int)');
      await climber.query('INSERT INTO schema_tx.steps VALUES (1)');
      await climber.query('ALTER TABLE schema_tx.steps ALTER a TYPE int USING schema_tx.climb(a)');
    } finally {
      await climber.end();
    }
    await only_tables('steps');
    await sessions.run(
      2,
      'DROP FUNCTION climb(int), with_role()',
      'DROP OWNED BY schema_climber',
      'DROP ROLE schema_climber',
    );
  });

  test('now() is one moment on all nodes', async () => {
    await sessions.run(
      1,
      'CREATE TABLE timed (id int PRIMARY KEY)',
      'INSERT INTO timed SELECT generate_series(1, 50)',
      'ALTER TABLE timed ADD COLUMN at timestamptz NOT NULL DEFAULT now()',
      'ALTER TABLE timed ADD COLUMN said text DEFAULT statement_timestamp()::text',
      'ALTER TABLE timed ADD COLUMN later int',
      'ALTER TABLE timed ALTER later TYPE timestamptz USING now()',
    );
    await only_tables('timed');
    await drop('timed');
  });

  test('temporary objects stay where they are', async () => {
    await sessions.run(
      1,
      'CREATE TABLE kept (id int PRIMARY KEY)',
      'BEGIN',
      'CREATE TEMP TABLE passing (id serial PRIMARY KEY, n int) ON COMMIT DROP',
      'CREATE INDEX ON passing (n)',
      'INSERT INTO passing (n) SELECT generate_series(1, 10)',
      'ALTER TABLE passing ADD COLUMN r float DEFAULT random()',
      'CREATE VIEW seen_here AS SELECT * FROM passing',
      "COMMENT ON TABLE passing IS 'temporary'",
      'INSERT INTO kept SELECT n FROM passing',
      'CREATE TABLE kept_too (id int PRIMARY KEY)',
      'COMMIT',
    );
    await only_tables('kept', 'kept_too');
    await sessions.run(1, 'CREATE TEMP TABLE mine (id int PRIMARY KEY)');
    expect(await sessions.failure(1, 'CREATE TABLE from_mine (LIKE mine)')).toBe('0A000');
    await sessions.run(
      1,
      'CREATE FUNCTION uses(mine) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      "COMMENT ON FUNCTION uses(mine) IS 'temporary'",
      'CREATE DOMAIN mine_domain AS mine',
      'CREATE FUNCTION gives(mine_domain) RETURNS SETOF mine LANGUAGE sql AS $$ SELECT * FROM mine $$',
    );
    const functions = "SELECT proname FROM pg_proc WHERE proname IN ('uses', 'gives') ORDER BY 1";
    expect(await sessions.column(1, functions)).toEqual(['gives', 'uses']);
    expect(await sessions.column(2, functions)).toEqual([]);
    await sessions.run(
      1,
      'DROP FUNCTION gives(mine_domain)',
      'DROP DOMAIN mine_domain',
      'DROP FUNCTION uses(mine)',
      'CREATE FUNCTION looks_up() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM mine $$',
      'DROP FUNCTION looks_up()',
      'DROP TABLE mine',
    );
    await only_tables('kept', 'kept_too');
    await drop('kept', 'kept_too');
  });

  test('what an event trigger of a user does is sent, and it fires on one node', async () => {
    await sessions.run(
      1,
      'CREATE TABLE schema_tx.history (n serial PRIMARY KEY, event text, tag text)',
      `CREATE FUNCTION schema_tx.keep() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO schema_tx.history (event, tag) VALUES (tg_event, tg_tag);
         IF tg_event = 'ddl_command_end' AND tg_tag = 'CREATE TABLE'
            AND to_regclass('schema_tx.companion') IS NULL THEN
           CREATE TABLE schema_tx.companion (id int PRIMARY KEY);
         END IF; END $$`,
      `CREATE EVENT TRIGGER schema_keep_start ON ddl_command_start
         WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION schema_tx.keep()`,
      `CREATE EVENT TRIGGER schema_keep_end ON ddl_command_end
         WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION schema_tx.keep()`,
      `CREATE EVENT TRIGGER schema_keep_drop ON sql_drop EXECUTE FUNCTION schema_tx.keep()`,
      'ALTER EVENT TRIGGER schema_keep_drop ENABLE ALWAYS',
    );
    await sessions.run(2, 'CREATE TABLE noted (id int PRIMARY KEY)', 'DROP TABLE noted');
    await sessions.all_give('SELECT event FROM history ORDER BY n', [
      'ddl_command_start',
      'ddl_command_end',
      'ddl_command_start',
      'ddl_command_end',
      'sql_drop',
    ]);
    await only_tables('companion', 'history');
    await sessions.run(
      1,
      'DROP EVENT TRIGGER schema_keep_start',
      'DROP EVENT TRIGGER schema_keep_end',
      'DROP EVENT TRIGGER schema_keep_drop',
      'DROP TABLE companion, history',
      'DROP FUNCTION keep()',
    );
  });

  test('one of table_rewrite fires once, and one for replicas not at all', async () => {
    await sessions.run(
      1,
      'CREATE TABLE schema_tx.history (n serial PRIMARY KEY, event text, at text)',
      `CREATE FUNCTION schema_tx.keep() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO schema_tx.history (event, at)
           VALUES (tg_event, current_setting('multimaster.node_id')); END $$`,
      'CREATE EVENT TRIGGER schema_keep_rewrite ON table_rewrite EXECUTE FUNCTION schema_tx.keep()',
      'ALTER EVENT TRIGGER schema_keep_rewrite ENABLE ALWAYS',
      'CREATE EVENT TRIGGER schema_keep_replica ON ddl_command_end EXECUTE FUNCTION schema_tx.keep()',
      'ALTER EVENT TRIGGER schema_keep_replica ENABLE REPLICA',
      'CREATE TABLE rewritten (id int PRIMARY KEY)',
      'INSERT INTO rewritten VALUES (1), (2)',
    );
    await sessions.run(3, 'ALTER TABLE rewritten ALTER id TYPE bigint');
    await sessions.all_give("SELECT concat_ws(' ', event, at) FROM history", ['table_rewrite 3']);
    await same_everywhere(sessions.nodes, ['schema_tx.rewritten']);
    await sessions.run(
      1,
      'DROP EVENT TRIGGER schema_keep_rewrite',
      'DROP EVENT TRIGGER schema_keep_replica',
      'DROP TABLE rewritten, history',
      'DROP FUNCTION keep()',
    );
  });

  test('an extension brings its own rows on every node, once', async () => {
    await sessions.run(1, 'CREATE EXTENSION earthdistance CASCADE');
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(2, 'DROP EXTENSION earthdistance, cube');
    await same_schema_everywhere(sessions.nodes);
  });

  test("the client's lock_timeout holds on every node, and the error says what was waited for", async () => {
    await sessions.run(1, 'CREATE TABLE busy (id int PRIMARY KEY)', "SET lock_timeout = '200ms'");
    await sessions.settled();
    await sessions.on(2).query('BEGIN; SELECT FROM busy');
    const alter = 'ALTER TABLE busy ADD COLUMN a int';
    const error: unknown = await sessions.on(1).query(alter).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: '55P03' });
    expect((error as Error & { detail: string }).detail).toMatch(
      /^It waited for AccessExclusiveLock on relation "schema_tx.busy", held by process \d+ \(role .*\). On node 2.$/,
    );

    await sessions.on(2).query('COMMIT; BEGIN; SELECT FROM busy');
    await sessions.on(1).query("SET lock_timeout = '60s'");
    const altering = sessions.on(1).query(alter);
    await sleep(LONGER_THAN_CONFLICTS_MS);
    await sessions.on(2).query('COMMIT');
    await altering;
    await sessions.on(1).query('RESET lock_timeout');
    await only_tables('busy');
    await drop('busy');
  });

  test('two nodes that create one name: at most one wins, and all agree', async () => {
    const ends = await Promise.allSettled(
      [1, 2].map((node) =>
        sessions.on(node).query(`CREATE TABLE contested (id int, on_${node} int)`),
      ),
    );
    const losers = ends.flatMap((end) => (end.status === 'rejected' ? [sqlstate(end.reason)] : []));
    expect(losers.length).toBeGreaterThanOrEqual(1);
    for (const code of losers) expect(['40001', '40P01', '42P07', '23505']).toContain(code);
    await sessions.settled();
    if (losers.length === 2) return only_tables();
    await only_tables('contested');
    await drop('contested');
  });
});
