// What a statement of the schema computes (a query's rows, volatile defaults) is the same
// on all nodes: peers get the rows of the node that ran it, and compute none.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const RELATIONS = `SELECT relname FROM pg_class
  WHERE relnamespace = 'schema_computed'::regnamespace AND relkind IN ('r', 'm') ORDER BY 1`;

describe('what a schema change computes', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = schema_computed, public');
    }
  });

  afterAll(async () => {
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
  });

  beforeEach(async () => {
    await sessions.run(1, 'CREATE SCHEMA schema_computed');
  });

  afterEach(async () => {
    await sessions.run(1, 'DROP SCHEMA schema_computed CASCADE');
  });

  /** Too large and too random for a row: it goes to TOAST. */
  const BIG = `(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300) WHERE i = i)`;

  async function same(...names: string[]): Promise<void> {
    await sessions.all_give(RELATIONS, names);
    await same_schema_everywhere(sessions.nodes);
    await same_everywhere(
      sessions.nodes,
      names.map((name) => `schema_computed.${name}`),
    );
  }

  test('is not done on one node alone: in a transaction that only reads, by the last of several options', async () => {
    const created = 'EXPLAIN ANALYZE CREATE TABLE alone AS SELECT 1 AS a';
    expect(await sessions.failure(1, 'BEGIN READ ONLY', created)).toBe('25006');
    await sessions.run(1, 'EXPLAIN (ANALYZE off, ANALYZE on) CREATE TABLE together AS SELECT 1 AS a');
    await sessions.run(1, 'EXPLAIN (ANALYZE on, ANALYZE off) CREATE TABLE alone AS SELECT 1 AS a');
    await sessions.all_give("SELECT relname FROM pg_class WHERE relname IN ('alone', 'together')", ['together']);
    await sessions.run(1, 'DROP TABLE together');
  });

  test('CREATE TABLE AS, SELECT INTO, EXECUTE, EXPLAIN ANALYZE, with rows around them', async () => {
    await sessions.run(
      1,
      'CREATE TABLE source (id serial PRIMARY KEY, v text COLLATE "C", big text)',
      `INSERT INTO source (v, big) SELECT md5(i::text), ${BIG} FROM generate_series(1, 20) AS i`,
      'CREATE TEMP TABLE mine AS SELECT random() AS r FROM generate_series(1, 5)',
      'PREPARE drawn(int) AS SELECT i, random() AS r FROM generate_series(1, $1) AS i',
      'BEGIN',
      "INSERT INTO source (v) VALUES ('before')",
      `CREATE TABLE taken WITH (fillfactor = 70, toast.autovacuum_enabled = false) AS
         SELECT s.*, random() AS r, '{1,2}'::int[] AS list, 'x'::varchar(7) AS short,
                now() AS at, gen_random_uuid() AS u, NULL AS nothing
         FROM source AS s WHERE true`,
      'UPDATE taken SET r = r + 1 WHERE id % 2 = 0',
      'SELECT random() AS a, v INTO into_it FROM source',
      'ALTER TABLE into_it ADD COLUMN later int DEFAULT 3',
      'CREATE TABLE executed AS EXECUTE drawn(7)',
      'CREATE TABLE executed_empty (n) AS EXECUTE drawn(7) WITH NO DATA',
      'EXPLAIN ANALYZE CREATE TABLE explained AS SELECT random() AS r FROM source',
      'CREATE TABLE from_mine AS SELECT * FROM mine',
      'CREATE TABLE IF NOT EXISTS from_mine AS SELECT 1 AS other',
      'CREATE TABLE columnless AS SELECT FROM generate_series(1, 3)',
      'CREATE UNLOGGED TABLE scratch AS SELECT random() AS r',
      'DELETE FROM from_mine WHERE r < 0.1',
      'COMMIT',
      'DEALLOCATE drawn',
      'DROP TABLE mine',
    );
    await sessions.all_give(
      `SELECT count(*) FROM taken UNION ALL SELECT count(*) FROM executed
       UNION ALL SELECT count(*) FROM explained`,
      ['21', '7', '21'],
    );
    await sessions.run(1, 'DROP TABLE scratch');
    await same(
      'columnless', 'executed', 'executed_empty', 'explained', 'from_mine', 'into_it', 'source', 'taken',
    );
    // rows of tables without a key are found by their content
    await sessions.run(2, 'UPDATE taken SET v = v || 1', 'DELETE FROM executed WHERE i = 3');
    await same_everywhere(sessions.nodes, ['schema_computed.taken', 'schema_computed.executed']);
  });

  test('code that a query calls runs once: its rows and its statements are sent', async () => {
    await sessions.run(
      1,
      'CREATE TABLE calls (n int)',
      `CREATE FUNCTION called(i int) RETURNS float LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO schema_computed.calls VALUES (i);
         EXECUTE 'CREATE TABLE schema_computed.called_' || i || ' AS SELECT random() AS r';
         CREATE TEMP TABLE passing (id serial PRIMARY KEY); DROP TABLE passing;
         RETURN random(); END $$`,
      'CREATE TABLE calling AS SELECT called(i) AS r FROM generate_series(1, 2) AS i',
      'ALTER TABLE calling ADD COLUMN id int GENERATED ALWAYS AS IDENTITY, ADD COLUMN s float DEFAULT 1',
      'ALTER TABLE calling ALTER s TYPE float USING called(id::int + 100)',
    );
    await sessions.all_give('SELECT count(*) FROM calls', ['4']);
    const [first, second] = await sessions.column(1, 'SELECT id + 100 FROM calling ORDER BY id');
    const made = ['1', '2', first, second].map((n) => `called_${n}`).sort();
    await same(...made, 'calling', 'calls');
  });

  test('values of composite types that the same transaction makes and alters', async () => {
    await sessions.run(
      1,
      'BEGIN',
      'CREATE TYPE inner_pair AS (a int, b float)',
      'CREATE DOMAIN checked AS inner_pair',
      'CREATE TYPE outer_pair AS (i checked, list inner_pair[])',
      `CREATE TABLE composed AS SELECT i AS id,
         ROW(ROW(i, random())::checked, ARRAY[ROW(i, random())::inner_pair])::outer_pair AS o
         FROM generate_series(1, 3) AS i`,
      'ALTER TYPE inner_pair ADD ATTRIBUTE c text CASCADE',
      "INSERT INTO composed VALUES (4, ROW(ROW(4, random(), 'x')::checked, NULL))",
      'COMMIT',
    );
    await same('composed');
  });

  test('functions, savepoints, exception blocks and failures', async () => {
    await sessions.run(
      2,
      'CREATE TABLE filled (id int PRIMARY KEY)',
      'INSERT INTO filled SELECT generate_series(1, 5)',
      `DO $$ DECLARE k int := 3; BEGIN
         CREATE TABLE by_do AS SELECT k AS k, random() AS r FROM generate_series(1, k);
         BEGIN
           CREATE TABLE undone AS SELECT random() AS r;
           ALTER TABLE filled ADD COLUMN undone float DEFAULT random();
           RAISE EXCEPTION 'undo';
         EXCEPTION WHEN raise_exception THEN INSERT INTO by_do VALUES (0, random());
         END;
         ALTER TABLE filled ADD COLUMN kept float DEFAULT random();
       END $$`,
      'BEGIN',
      'SAVEPOINT s',
      'CREATE TABLE undone AS SELECT random() AS r',
      'ALTER TABLE filled ADD COLUMN undone uuid DEFAULT gen_random_uuid()',
      'ROLLBACK TO s',
      'CREATE TABLE again AS SELECT random() AS r',
      'ALTER TABLE filled ADD COLUMN again uuid DEFAULT gen_random_uuid()',
      'INSERT INTO filled (id) VALUES (6)',
      'COMMIT',
      'BEGIN',
      'ALTER TABLE filled ADD COLUMN never float DEFAULT random()',
      'CREATE TABLE never AS SELECT random() AS r',
      'ROLLBACK',
    );
    expect(await sessions.failure(2, 'CREATE TABLE never AS SELECT 1 / (random() * 0)')).toBe('22012');
    expect(
      await sessions.failure(2, 'ALTER TABLE filled ADD COLUMN never float DEFAULT 1 / (random() * 0)'),
    ).toBe('22012');
    await same('again', 'by_do', 'filled');
  });

  test('ALTER TABLE that computes values for rows that exist', async () => {
    await sessions.run(
      1,
      'CREATE TABLE parent (id int PRIMARY KEY)',
      'INSERT INTO parent SELECT generate_series(1, 30)',
      `CREATE TABLE filled (id int PRIMARY KEY, p int REFERENCES parent, n int, big text,
         twice int GENERATED ALWAYS AS (n * 2) STORED, gone int)`,
      `INSERT INTO filled (id, p, n, big, gone)
         SELECT i, i, i, ${BIG}, 1 FROM generate_series(1, 30) AS i`,
      'ALTER TABLE filled ADD CONSTRAINT later CHECK (n < 20) NOT VALID',
      'CREATE INDEX ON filled (n)',
      'CREATE TABLE child (id int REFERENCES filled)',
      'INSERT INTO child SELECT generate_series(1, 10)',
      'CREATE TABLE fired (id int)',
      `CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO schema_computed.fired VALUES (new.id); RETURN new; END $$`,
      'CREATE TRIGGER fire BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fire()',
      'ALTER TABLE filled ENABLE ALWAYS TRIGGER fire',
      'BEGIN',
      'UPDATE filled SET n = n + 1 WHERE id < 5',
      'DELETE FROM filled WHERE id = 30',
      `ALTER TABLE filled DROP COLUMN gone, ADD COLUMN r float NOT NULL DEFAULT random(),
         ADD COLUMN u uuid UNIQUE DEFAULT gen_random_uuid()`,
      'UPDATE filled SET n = n + 1 WHERE id < 5',
      'ALTER TABLE filled ADD COLUMN s serial, ADD COLUMN i bigint GENERATED ALWAYS AS IDENTITY',
      'ALTER TABLE filled ALTER big TYPE text USING big || random()',
      'ALTER TABLE filled RENAME TO refilled',
      'DELETE FROM refilled WHERE id = 29',
      'COMMIT',
    );
    await sessions.all_give('SELECT count(*) FROM fired', ['0']);
    await same('child', 'fired', 'parent', 'refilled');
    await sessions.all_give(
      `SELECT count(*) FROM refilled WHERE twice = n * 2 AND length(big) > 9000
         AND u = (SELECT u FROM refilled AS o WHERE o.u = refilled.u)`,
      ['28'],
    );
    await sessions.run(1, 'DROP TRIGGER fire ON refilled');
    // values of the new sequences are given once, by whichever node
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, `INSERT INTO refilled (id, p, n) VALUES (${100 + node}, 1, 1)`);
    }
    await sessions.quiet();
    await sessions.all_give('SELECT count(DISTINCT s) || $$ $$ || count(DISTINCT i) FROM refilled', ['31 31']);
    expect(await sessions.failure(2, 'DELETE FROM parent WHERE id = 7')).toBe('23503');
    expect(
      await sessions.failure(3, 'ALTER TABLE refilled ALTER id TYPE bigint USING id + floor(random())'),
    ).toBe('0A000');
    await sessions.run(3, 'UPDATE refilled SET r = 0 WHERE id = 12', 'DELETE FROM refilled WHERE id = 13');
    await same('child', 'fired', 'parent', 'refilled');
  });

  test('a default that is kept for old rows is computed once, and by everybody for new ones', async () => {
    await sessions.run(
      1,
      'CREATE TABLE kept (id int PRIMARY KEY)',
      'CREATE TABLE heir (own int) INHERITS (kept)',
      'INSERT INTO kept VALUES (1), (2)',
      'INSERT INTO heir VALUES (3)',
      'CREATE TABLE parts (id int) PARTITION BY LIST (id)',
      'CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1)',
      'INSERT INTO parts VALUES (1)',
      "CREATE DOMAIN tenant AS text CHECK (value <> '')",
      "CREATE FUNCTION whose() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('app.tenant') $$",
      "SET app.tenant = 'it''s one'",
      "SET IntervalStyle = 'sql_standard'",
      'SET extra_float_digits = -10',
      `ALTER TABLE kept ADD COLUMN a text NOT NULL DEFAULT current_setting('app.tenant'),
         ADD COLUMN b int DEFAULT pg_backend_pid(), ADD COLUMN c tenant DEFAULT whose(),
         ADD COLUMN d interval DEFAULT (pg_backend_pid() * '-1 day 2:03:04.5'::interval)`,
      'ALTER TABLE kept ADD COLUMN e float DEFAULT 1 / pg_backend_pid()::float CHECK (e < 1), ADD COLUMN r float DEFAULT random()',
      "ALTER TABLE kept ADD COLUMN f text DEFAULT whose(), ALTER f SET DEFAULT 'other'",
      "ALTER TABLE kept ADD COLUMN g text DEFAULT current_setting('app.nothing', true)",
      'ALTER TABLE parts ADD COLUMN a text DEFAULT whose()',
    );
    await sessions.all_give(
      'SELECT a FROM kept UNION ALL SELECT f FROM kept UNION ALL SELECT a FROM parts',
      Array.from({ length: 7 }, () => "it's one"),
    );
    await same('heir', 'kept', 'part_1');
    await sessions.run(1, 'RESET IntervalStyle', 'RESET extra_float_digits');
    await sessions.run(2, "SET app.tenant = 'two'", 'INSERT INTO kept VALUES (4)', 'INSERT INTO heir VALUES (5)');
    await sessions.run(2, 'INSERT INTO parts VALUES (1)');
    await sessions.all_give("SELECT a || c || f FROM kept WHERE id > 3 UNION ALL SELECT a FROM parts WHERE a = 'two'", [
      'twotwoother', 'twotwoother', 'two',
    ]);
    await same('heir', 'kept', 'part_1');
  });

  test('a constant that the session would read as another value is none', async () => {
    await sessions.run(
      1,
      'CREATE TABLE kept (id int PRIMARY KEY)',
      'INSERT INTO kept VALUES (1)',
      `CREATE FUNCTION list() RETURNS text[] LANGUAGE sql STABLE AS
         $$ SELECT ARRAY[current_setting('app.nothing', true), 'NULL'] $$`,
      'SET array_nulls = off',
    );
    expect(await sessions.failure(1, 'ALTER TABLE kept ADD COLUMN a text[] DEFAULT list()')).toBe('0A000');
    await sessions.run(1, 'RESET array_nulls', 'ALTER TABLE kept ADD COLUMN a text[] DEFAULT list()');
    await sessions.all_give('SELECT a IS NOT DISTINCT FROM list() FROM kept', ['true']);
    await same('kept');
  });

  test('a column that is added before in the same statement keeps its default', async () => {
    await sessions.run(
      1,
      'CREATE TABLE kept (id int PRIMARY KEY)',
      'INSERT INTO kept VALUES (1)',
      `ALTER TABLE kept ADD COLUMN IF NOT EXISTS a int DEFAULT 5,
         ADD COLUMN IF NOT EXISTS a int DEFAULT -pg_backend_pid()`,
      'INSERT INTO kept VALUES (2)',
    );
    await sessions.all_give('SELECT a FROM kept', ['5', '5']);
    await same('kept');
  });

  test('bounds of partitions are computed once', async () => {
    await sessions.run(
      2,
      'CREATE TABLE ranges (at timestamptz, n int) PARTITION BY RANGE (at, n)',
      'CREATE TABLE range_1 PARTITION OF ranges FOR VALUES FROM (MINVALUE, MINVALUE) TO (clock_timestamp(), pg_backend_pid())',
      "CREATE TABLE range_2 PARTITION OF ranges FOR VALUES FROM (clock_timestamp(), 1) TO (now() + '1 year', MAXVALUE)",
      'CREATE TABLE lists (id text) PARTITION BY LIST (id)',
      'CREATE TABLE list_1 (id text)',
      "SET app.tenant = 'one'",
      "ALTER TABLE lists ATTACH PARTITION list_1 FOR VALUES IN (current_setting('app.tenant'), gen_random_uuid(), NULL)",
      "CREATE SCHEMA schema_computed_too CREATE TABLE list_2 PARTITION OF schema_computed.lists FOR VALUES IN (random()::text)",
      'CREATE TYPE session AS (pid int)',
      'CREATE FUNCTION session(int) RETURNS session LANGUAGE sql STABLE AS $$ SELECT ROW(pg_backend_pid())::schema_computed.session $$',
      'CREATE CAST (int AS session) WITH FUNCTION session(int)',
      'CREATE TABLE casts (id session) PARTITION BY LIST (id)',
      'CREATE TABLE cast_1 PARTITION OF casts FOR VALUES IN (1::session)',
      "INSERT INTO lists VALUES ('one')",
      "INSERT INTO ranges VALUES ('-infinity', 0), (now() + '1 day', 0)",
    );
    await same('cast_1', 'list_1', 'range_1', 'range_2');
    await sessions.run(2, 'DROP SCHEMA schema_computed_too CASCADE');
  });

  test('partitions and heirs: those that are rewritten come, the others stay', async () => {
    await sessions.run(
      1,
      'CREATE TABLE parts (id int, v int) PARTITION BY RANGE (id)',
      'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10)',
      'CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)',
      'CREATE TABLE part_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)',
      'INSERT INTO parts SELECT i, i % 2 FROM generate_series(1, 19) AS i',
      'CREATE TABLE base (id int)',
      'CREATE TABLE heir () INHERITS (base)',
      'CREATE TABLE heir_with (r float) INHERITS (base)',
      'CREATE UNLOGGED TABLE heir_unlogged () INHERITS (base)',
      'INSERT INTO base VALUES (1)',
      'INSERT INTO heir VALUES (2)',
      'INSERT INTO heir_with VALUES (3, 3)',
    );
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, `INSERT INTO heir_unlogged VALUES (${node})`);
    }
    await sessions.run(
      2,
      'ALTER TABLE parts ADD COLUMN r float DEFAULT random()',
      'ALTER TABLE base ADD COLUMN r float DEFAULT random()',
    );
    await same_everywhere(sessions.nodes, ['parts', 'base', 'heir', 'heir_with'].map((t) => `ONLY schema_computed.${t}`));
    await same_everywhere(sessions.nodes, ['parts', 'heir_with'].map((t) => `schema_computed.${t}`));
    await same_schema_everywhere(sessions.nodes);
    for (const node of sessions.nodes.ids) {
      expect(await sessions.column(node, 'SELECT id FROM heir_unlogged')).toEqual([String(node)]);
    }
    await sessions.run(1, 'UPDATE parts SET v = 7 WHERE v = 0', 'DELETE FROM parts WHERE id = 11');
    await same_everywhere(sessions.nodes, ['schema_computed.parts']);
  });

  test('materialized views: made, refreshed, refreshed concurrently', async () => {
    await sessions.run(
      1,
      'CREATE TABLE source (id int PRIMARY KEY, n int)',
      'INSERT INTO source SELECT i, i FROM generate_series(1, 20) AS i',
      'BEGIN',
      'CREATE MATERIALIZED VIEW seen AS SELECT id, n, random() AS r, repeat(md5(id::text), 300) AS v FROM source',
      'CREATE UNIQUE INDEX ON seen (id)',
      'INSERT INTO source VALUES (21, NULL)',
      'COMMIT',
      'CREATE MATERIALIZED VIEW unseen AS SELECT id, random() AS r FROM source WITH NO DATA',
      'EXPLAIN ANALYZE CREATE MATERIALIZED VIEW explained AS SELECT random() AS r FROM source',
    );
    await sessions.all_give(
      "SELECT relispopulated FROM pg_class WHERE relname IN ('explained', 'seen', 'unseen') ORDER BY relname",
      ['true', 'true', 'false'],
    );
    await sessions.all_give('SELECT count(*) FROM seen', ['20']);
    await same_everywhere(sessions.nodes, ['schema_computed.seen', 'schema_computed.explained']);
    await sessions.run(2, 'BEGIN', 'DELETE FROM source WHERE id = 1', 'REFRESH MATERIALIZED VIEW seen',
      'REFRESH MATERIALIZED VIEW unseen', 'INSERT INTO source VALUES (22, 2)', 'COMMIT');
    await same('explained', 'seen', 'source', 'unseen');
    await sessions.all_give('SELECT count(*) FROM seen', ['20']);
    const before = await sessions.column(1, 'SELECT r FROM seen WHERE id = 5');
    await sessions.run(3, 'REFRESH MATERIALIZED VIEW CONCURRENTLY seen');
    await same('explained', 'seen', 'source', 'unseen');
    expect(await sessions.column(1, 'SELECT r FROM seen WHERE id = 5')).not.toEqual(before);
    await sessions.all_give('SELECT count(*) FROM seen', ['21']);
    await sessions.run(
      1,
      'CREATE UNIQUE INDEX ON unseen (id)',
      'CREATE MATERIALIZED VIEW nulls AS SELECT nullif(id % 3, 0) AS k, random() AS r FROM source WHERE id < 5',
      'CREATE UNIQUE INDEX ON nulls (k, r)',
      'UPDATE source SET id = id + 1000 WHERE id > 10',
      'REFRESH MATERIALIZED VIEW CONCURRENTLY unseen',
      'REFRESH MATERIALIZED VIEW CONCURRENTLY nulls',
      'BEGIN',
      'SAVEPOINT s',
      'REFRESH MATERIALIZED VIEW seen',
      'ROLLBACK TO s',
      'REFRESH MATERIALIZED VIEW CONCURRENTLY seen',
      'REFRESH MATERIALIZED VIEW seen WITH NO DATA',
      'COMMIT',
    );
    await sessions.all_give(
      "SELECT relispopulated FROM pg_class WHERE relname IN ('explained', 'seen', 'unseen') ORDER BY relname",
      ['true', 'false', 'true'],
    );
    await sessions.run(1, 'REFRESH MATERIALIZED VIEW seen');
    await same('explained', 'nulls', 'seen', 'source', 'unseen');
  });

  test('two nodes refresh one view: at most one wins, and all agree', async () => {
    await sessions.run(
      1,
      'CREATE MATERIALIZED VIEW contested AS SELECT i, random() AS r FROM generate_series(1, 50) AS i',
      'CREATE UNIQUE INDEX ON contested (i)',
    );
    await sessions.settled();
    await Promise.allSettled(
      [1, 2].map((node) => sessions.on(node).query('REFRESH MATERIALIZED VIEW CONCURRENTLY contested')),
    );
    await sessions.settled();
    await same('contested');
    await sessions.all_give('SELECT count(*) FROM contested', ['50']);
  });

  test('SET LOGGED gives all nodes the rows of the one that says it', async () => {
    await sessions.run(
      1,
      'CREATE UNLOGGED TABLE scratch (id int, node int, big text)',
      'CREATE INDEX ON scratch (id)',
      'CREATE UNLOGGED TABLE scratch_empty (id int PRIMARY KEY)',
    );
    await sessions.settled();
    for (const node of sessions.nodes.ids) {
      await sessions.run(
        node,
        `INSERT INTO scratch SELECT i, ${node}, ${BIG} FROM generate_series(1, 5) AS i`,
      );
    }
    await sessions.run(3, 'INSERT INTO scratch_empty VALUES (3)');
    await sessions.run(
      2,
      'BEGIN',
      'UPDATE scratch SET id = id + 1 WHERE id = 5',
      'ALTER TABLE scratch SET LOGGED, ADD COLUMN r float DEFAULT random()',
      'ALTER TABLE scratch_empty SET LOGGED',
      'INSERT INTO scratch VALUES (7, 2)',
      'COMMIT',
    );
    await sessions.all_give("SELECT count(*) || ' ' || sum(node) || ' ' || sum(id) FROM scratch", ['6 12 23']);
    await sessions.all_give('SELECT count(*) FROM scratch_empty', ['0']);
    await same('scratch', 'scratch_empty');
    await sessions.run(3, 'DELETE FROM scratch WHERE id = 3');
    await same('scratch', 'scratch_empty');
  });

  test('SET LOGGED of what owns sequences, and of a sequence: from then on each value is given once', async () => {
    await sessions.run(
      1,
      'CREATE UNLOGGED TABLE counted (a serial PRIMARY KEY, b bigint GENERATED ALWAYS AS IDENTITY, node int)',
      'CREATE UNLOGGED SEQUENCE alone',
    );
    await sessions.settled();
    const insert = (node: number, rows: number) =>
      sessions.run(node, `INSERT INTO counted (node) SELECT ${node} FROM generate_series(1, ${rows})`);
    for (const node of sessions.nodes.ids) await insert(node, node * 10);
    await sessions.run(2, 'ALTER TABLE counted SET LOGGED', 'ALTER SEQUENCE alone SET LOGGED');
    await same('counted');
    for (const node of sessions.nodes.ids) await insert(node, 5);
    await same('counted');
    await sessions.all_give('SELECT count(DISTINCT a) FROM counted UNION ALL SELECT count(DISTINCT b) FROM counted', ['35', '35']);
    const given = [];
    for (const node of sessions.nodes.ids) {
      given.push(...(await sessions.column(node, "SELECT nextval('alone') FROM generate_series(1, 4)")));
    }
    expect(new Set(given).size).toBe(12);
    const increments = "SELECT seqincrement FROM pg_sequence WHERE seqrelid = ANY ('{counted_a_seq, counted_b_seq, alone}'::regclass[])";
    await sessions.run(3, 'ALTER TABLE counted SET UNLOGGED', 'ALTER SEQUENCE alone SET UNLOGGED');
    await sessions.all_give(increments, ['1', '1', '1']);
    await sessions.run(1, 'ALTER TABLE counted SET LOGGED', 'ALTER SEQUENCE alone SET LOGGED');
    await sessions.all_give(increments, ['8', '8', '8']);
    for (const node of sessions.nodes.ids) await insert(node, 5);
    await same('counted');
  });

  test('CLUSTER of a partitioned table marks the indexes of its partitions on all nodes', async () => {
    await sessions.run(
      1,
      'CREATE TABLE parts (id int, n int) PARTITION BY LIST (id)',
      'CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY LIST (n)',
      'CREATE TABLE part_11 PARTITION OF part_1 FOR VALUES IN (1)',
      'CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (2)',
      'CREATE INDEX by_n ON parts (n, id)',
      'INSERT INTO parts VALUES (1, 1), (2, 2), (2, 1)',
    );
    expect(await sessions.failure(2, 'BEGIN', 'CLUSTER parts USING by_n')).toBe('25001');
    const marked = `SELECT indrelid::regclass FROM pg_index WHERE indisclustered
      AND indrelid IN (SELECT relid FROM pg_partition_tree('parts')) ORDER BY 1`;
    await sessions.all_give(marked, []);
    await sessions.run(2, 'CLUSTER parts USING by_n');
    expect(await sessions.column(2, 'SELECT n FROM part_2 WHERE ctid IS NOT NULL')).toEqual(['1', '2']);
    await sessions.all_give(marked, ['part_11', 'part_2']);
    await same('part_11', 'part_2');
  });

  test('CLUSTER marks the index on all nodes; DROP takes temporary tables along', async () => {
    await sessions.run(
      1,
      'CREATE TABLE ordered (id int PRIMARY KEY, n int)',
      'CREATE INDEX "Second" ON ordered (n)',
      'INSERT INTO ordered SELECT i, -i FROM generate_series(1, 20) AS i',
      'CLUSTER ordered USING "Second"',
      'CREATE TABLE "Kept" (id int)',
      'CREATE TEMP TABLE passing (id int)',
      'DROP TABLE IF EXISTS passing, "Kept", nowhere CASCADE',
    );
    await sessions.all_give("SELECT count(*) FROM pg_index WHERE indisclustered AND indrelid = 'ordered'::regclass", ['1']);
    await same('ordered');
    expect(await sessions.failure(1, 'SELECT * FROM passing')).toBe('42P01');
  });
});
