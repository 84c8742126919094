// Rows of tables of every kind, with everything that hangs on a table: partitions,
// parents, triggers, rules, policies, generated and dropped columns, odd names.
import { describe } from 'vitest';
import { row_scenarios, type RowScenario } from './row_scenario.ts';

const SCENARIOS: RowScenario[] = [
  {
    title: 'partitions by range, list and hash; rows that an UPDATE moves',
    create: [
      'CREATE TABLE by_range (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)',
      'CREATE TABLE by_range_1 PARTITION OF by_range FOR VALUES FROM (0) TO (10)',
      'CREATE TABLE by_range_2 PARTITION OF by_range FOR VALUES FROM (10) TO (20)',
      'CREATE TABLE by_range_rest PARTITION OF by_range DEFAULT',
      'CREATE TABLE by_list (kind text, v int) PARTITION BY LIST (kind)',
      "CREATE TABLE by_list_a PARTITION OF by_list FOR VALUES IN ('a', NULL)",
      "CREATE TABLE by_list_b PARTITION OF by_list FOR VALUES IN ('b', 'c')",
      'CREATE TABLE by_hash (id int PRIMARY KEY, v int) PARTITION BY HASH (id)',
      ...[0, 1, 2].map(
        (n) =>
          `CREATE TABLE by_hash_${n} PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER ${n})`,
      ),
    ],
    steps: [
      [1, "INSERT INTO by_range SELECT n, 'v' || n FROM generate_series(1, 25, 4) n"],
      [2, "INSERT INTO by_list VALUES ('a', 1), ('b', 2), ('c', 3), (NULL, 4), (NULL, 4)"],
      [3, 'INSERT INTO by_hash SELECT n, n FROM generate_series(1, 30) n'],
      [2, 'UPDATE by_range SET id = id + 10 WHERE id < 10', "UPDATE by_range SET v = 'x' WHERE id = 25"],
      [3, "UPDATE by_list SET kind = 'c' WHERE kind IS NULL", "DELETE FROM by_list WHERE kind = 'b'"],
      [1, 'UPDATE by_hash SET id = id + 100 WHERE id > 20', 'DELETE FROM by_hash WHERE id < 10'],
      [2, 'TRUNCATE by_hash_1'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', tableoid::regclass, id, v) FROM by_range ORDER BY id",
        [
          'by_range_2 11 v1',
          'by_range_2 13 v13',
          'by_range_2 15 v5',
          'by_range_2 17 v17',
          'by_range_2 19 v9',
          'by_range_rest 21 v21',
          'by_range_rest 25 x',
        ],
      ],
      [
        "SELECT concat_ws(' ', tableoid::regclass, kind, v) FROM by_list ORDER BY kind, v",
        ['by_list_a a 1', 'by_list_b c 3', 'by_list_b c 4', 'by_list_b c 4'],
      ],
      ['SELECT count(*) FROM by_hash_1', ['0']],
    ],
    tables: ['by_range', 'by_list', 'by_hash', 'by_range_2', 'by_list_b', 'by_hash_0'],
  },
  {
    title: 'partitions of partitions, attached and detached, with columns in another order',
    create: [
      'CREATE TABLE tree (region text, day int, v text) PARTITION BY LIST (region)',
      "CREATE TABLE tree_n PARTITION OF tree FOR VALUES IN ('n') PARTITION BY RANGE (day)",
      'CREATE TABLE tree_n_1 PARTITION OF tree_n FOR VALUES FROM (1) TO (10)',
      'CREATE TABLE tree_s (v text, dropped int, day int, region text)',
      'ALTER TABLE tree_s DROP COLUMN dropped',
      "INSERT INTO tree_s VALUES ('before', 1, 's')",
    ],
    steps: [
      [2, "ALTER TABLE tree ATTACH PARTITION tree_s FOR VALUES IN ('s')"],
      [3, "INSERT INTO tree VALUES ('s', 2, 'after'), ('n', 1, 'north')"],
      [1, "UPDATE tree SET region = 's' WHERE region = 'n'", "UPDATE tree SET v = v || '!' WHERE day = 1"],
      [2, 'ALTER TABLE tree DETACH PARTITION tree_s', "INSERT INTO tree_s (v, day) VALUES ('alone', 9)"],
      [3, 'DELETE FROM tree_s WHERE day = 2', 'CREATE TABLE tree_n_2 PARTITION OF tree_n DEFAULT',
        "INSERT INTO tree VALUES ('n', 5, 'old'), ('n', 50, 'new')"],
      [1, 'TRUNCATE tree_n', "INSERT INTO tree VALUES ('n', 51, 'newer')"],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', region, day, v) FROM tree_s ORDER BY day, v",
        ['s 1 before!', 's 1 north!', '9 alone'],
      ],
      ["SELECT concat_ws(' ', tableoid::regclass, day, v) FROM tree", ['tree_n_2 51 newer']],
    ],
    tables: ['tree', 'tree_s'],
  },
  {
    title: 'a table that inherits from others',
    create: [
      'CREATE TABLE base (id int PRIMARY KEY, v text)',
      'CREATE TABLE derived (w int) INHERITS (base)',
      'CREATE TABLE mixed (v text, w int, own bool) INHERITS (derived)',
    ],
    steps: [
      [1, "INSERT INTO base VALUES (1, 'base')"],
      [2, "INSERT INTO derived VALUES (1, 'derived', 1), (2, 'derived', 2)"],
      [3, "INSERT INTO mixed (id, v, w, own) VALUES (3, 'mixed', 3, true)"],
      [1, "UPDATE base SET v = v || '+' WHERE id = 1 OR id = 3"],
      [2, 'DELETE FROM base WHERE id = 2', 'UPDATE ONLY base SET id = 10'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', tableoid::regclass, id, v) FROM base ORDER BY id",
        ['derived 1 derived+', 'mixed 3 mixed+', 'base 10 base+'],
      ],
    ],
    tables: ['base', 'derived', 'mixed'],
  },
  {
    title: 'columns that were dropped and added, between rows',
    create: [
      'CREATE TABLE altered (gone int, id int PRIMARY KEY, a text)',
      "INSERT INTO altered VALUES (0, 1, 'a1'), (0, 2, 'a2')",
    ],
    steps: [
      [2, 'ALTER TABLE altered DROP COLUMN gone, ADD COLUMN b int DEFAULT 7'],
      [3, "INSERT INTO altered VALUES (3, 'a3')", "UPDATE altered SET a = 'x' WHERE id = 1"],
      [
        1,
        'BEGIN',
        'INSERT INTO altered VALUES (4)',
        'ALTER TABLE altered ADD COLUMN c text',
        "UPDATE altered SET c = 'c' WHERE id IN (3, 4)",
        'ALTER TABLE altered DROP COLUMN a',
        'INSERT INTO altered VALUES (5, 5, $$five$$)',
        'ALTER TABLE altered RENAME COLUMN b TO bb',
        'UPDATE altered SET bb = -bb WHERE id = 5',
        'COMMIT',
      ],
      [2, 'DELETE FROM altered WHERE id = 2'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, bb, c) FROM altered ORDER BY id",
        ['1 7', '3 7 c', '4 7 c', '5 -5 five'],
      ],
    ],
    tables: ['altered'],
  },
  {
    title: 'generated columns, identity columns, checks and domains with conditions',
    create: [
      "CREATE DOMAIN positive AS int CHECK (value > 0)",
      `CREATE TABLE computed (id int GENERATED ALWAYS AS IDENTITY, price numeric CHECK (price > 0),
         n positive, total numeric GENERATED ALWAYS AS (price * n) STORED,
         label text GENERATED ALWAYS AS (lower(name)) STORED, name text,
         own bool GENERATED ALWAYS AS (tableoid = 'computed'::regclass) STORED CHECK (own))`,
    ],
    steps: [
      [2, "INSERT INTO computed (price, n, name) VALUES (1.5, 2, 'Nut'), (2, 3, 'BOLT')"],
      [3, "UPDATE computed SET n = 10 WHERE name = 'Nut'", "UPDATE computed SET name = 'Bolt' WHERE n = 3"],
      [1, "DELETE FROM computed WHERE total = 6", "INSERT INTO computed (price, n) VALUES (1, 1)"],
    ],
    gives: [
      ["SELECT concat_ws(' ', price, n, total, label) FROM computed ORDER BY n", ['1 1 1', '1.5 10 15.0 nut']],
    ],
    tables: ['computed'],
  },
  {
    title: 'rows that do not meet a NOT VALID constraint of a domain are found, and may stay so',
    create: [
      'CREATE DOMAIN small AS int',
      'CREATE TABLE kept (id int, n small)',
      'INSERT INTO kept VALUES (1, 55), (2, 56)',
      'ALTER DOMAIN small ADD CONSTRAINT low CHECK (value < 11) NOT VALID',
    ],
    steps: [
      [2, 'UPDATE kept SET n = 10 WHERE id = 1'],
      [3, 'UPDATE kept SET id = 3 WHERE id = 2'],
    ],
    gives: [["SELECT concat_ws(' ', id, n) FROM kept ORDER BY id", ['1 10', '3 56']]],
    tables: ['kept'],
  },
  {
    title: 'names that need quotes, of schemas, tables and columns',
    create: [
      'CREATE SCHEMA "Odd ""schema"',
      `CREATE TABLE "Odd ""schema"."a.b;'" ("select" int PRIMARY KEY, "Größe %s \\" text)`,
      `CREATE TABLE "Odd ""schema".${'n'.repeat(63)} (${'c'.repeat(63)} int)`,
    ],
    steps: [
      [2, `INSERT INTO "Odd ""schema"."a.b;'" VALUES (1, 'x'), (2, 'y'), (3, 'z')`],
      [3, `UPDATE "Odd ""schema"."a.b;'" SET "Größe %s \\" = 'ß' WHERE "select" = 1`],
      [1, `DELETE FROM "Odd ""schema"."a.b;'" WHERE "select" = 2`],
      [2, `INSERT INTO "Odd ""schema".${'n'.repeat(63)} VALUES (1), (2)`],
      [3, `UPDATE "Odd ""schema".${'n'.repeat(63)} SET ${'c'.repeat(63)} = 3 WHERE ${'c'.repeat(63)} = 2`],
    ],
    gives: [
      [`SELECT concat("select", "Größe %s \\") FROM "Odd ""schema"."a.b;'" ORDER BY 1`, ['1ß', '3z']],
      [`SELECT * FROM "Odd ""schema".${'n'.repeat(63)} ORDER BY 1`, ['1', '3']],
    ],
    tables: [`(TABLE "Odd ""schema"."a.b;'")`, `(TABLE "Odd ""schema".${'n'.repeat(63)})`],
  },
  {
    title: 'ordinary triggers run once, where the client is; ALWAYS and REPLICA also elsewhere',
    create: [
      'CREATE TABLE watched (id int PRIMARY KEY, v text)',
      'CREATE TABLE history (id int, what text, trigger text)',
      'CREATE TABLE seen_here (node text, trigger text, op text, id int)',
      "INSERT INTO mtm.local_tables VALUES ('replicated_tables', 'seen_here')",
      `CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         INSERT INTO replicated_tables.history VALUES (coalesce(new.id, old.id), tg_op, tg_name);
         RETURN coalesce(new, old);
       END $$`,
      `CREATE FUNCTION note_here() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         INSERT INTO replicated_tables.seen_here
           VALUES (current_setting('multimaster.node_id'), tg_name, tg_op, coalesce(new.id, old.id));
         RETURN coalesce(new, old);
       END $$`,
      `CREATE FUNCTION upper_v() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN new.v := upper(new.v); RETURN new; END $$`,
      `CREATE TRIGGER ordinary AFTER INSERT OR UPDATE OR DELETE ON watched
         FOR EACH ROW EXECUTE FUNCTION note_change()`,
      'CREATE TRIGGER before BEFORE INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION upper_v()',
      `CREATE TRIGGER always AFTER INSERT OR UPDATE OR DELETE ON watched
         FOR EACH ROW EXECUTE FUNCTION note_here()`,
      `CREATE TRIGGER on_replica BEFORE INSERT OR DELETE ON watched
         FOR EACH ROW EXECUTE FUNCTION note_here()`,
      `CREATE CONSTRAINT TRIGGER at_the_end AFTER UPDATE ON watched DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION note_here()`,
      'ALTER TABLE watched ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER on_replica',
      'ALTER TABLE watched ENABLE ALWAYS TRIGGER at_the_end',
    ],
    steps: [
      [1, "INSERT INTO watched VALUES (1, 'one')"],
      [2, "UPDATE watched SET v = 'two' WHERE id = 1"],
      [3, 'DELETE FROM watched WHERE id = 1'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, what, trigger) FROM history ORDER BY what DESC",
        ['1 UPDATE ordinary', '1 INSERT ordinary', '1 DELETE ordinary'],
      ],
      ['SELECT count(*) FROM watched', ['0']],
      [
        `SELECT string_agg(concat_ws(' ', trigger, op, id), ', ' ORDER BY trigger, op) = (
           CASE current_setting('multimaster.node_id')
           WHEN '1' THEN 'always DELETE 1, always INSERT 1, always UPDATE 1, at_the_end UPDATE 1, on_replica DELETE 1'
           WHEN '2' THEN 'always DELETE 1, always INSERT 1, always UPDATE 1, at_the_end UPDATE 1, on_replica DELETE 1, on_replica INSERT 1'
           WHEN '3' THEN 'always DELETE 1, always INSERT 1, always UPDATE 1, at_the_end UPDATE 1, on_replica INSERT 1' END)
           AND bool_and(node = current_setting('multimaster.node_id'))
         FROM seen_here`,
        ['true'],
      ],
    ],
    tables: ['watched', 'history'],
  },
  {
    title: 'rules and views: what they write is replicated, and they do not run again',
    create: [
      'CREATE TABLE ruled (id int PRIMARY KEY, v text)',
      'CREATE TABLE ruled_log (id int, v text)',
      'CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO ruled_log VALUES (new.id, new.v)',
      'CREATE RULE instead AS ON DELETE TO ruled DO INSTEAD UPDATE ruled SET v = NULL WHERE id = old.id',
      'CREATE VIEW ruled_view AS SELECT id, v FROM ruled WHERE v IS NOT NULL',
    ],
    steps: [
      [2, "INSERT INTO ruled VALUES (1, 'a'), (2, 'b')"],
      [3, 'DELETE FROM ruled WHERE id = 1'],
      [1, "UPDATE ruled_view SET v = 'through the view'", "INSERT INTO ruled_view VALUES (3, 'c')"],
    ],
    gives: [
      ["SELECT concat_ws(' ', id, v) FROM ruled ORDER BY id", ['1', '2 through the view', '3 c']],
      ["SELECT concat_ws(' ', id, v) FROM ruled_log ORDER BY id", ['1 a', '2 b', '3 c']],
    ],
    tables: ['ruled', 'ruled_log'],
  },
  {
    title: 'row security: what a restricted role may write is written everywhere',
    create: [
      'CREATE ROLE rows_of_ann',
      'GRANT USAGE ON SCHEMA replicated_tables TO rows_of_ann',
      'CREATE TABLE secured (id int PRIMARY KEY, owner text, v int)',
      'ALTER TABLE secured ENABLE ROW LEVEL SECURITY',
      'ALTER TABLE secured FORCE ROW LEVEL SECURITY',
      'CREATE POLICY own ON secured USING (owner = current_user)',
      'GRANT ALL ON secured TO rows_of_ann',
      "INSERT INTO secured VALUES (1, 'rows_of_ann', 1), (2, 'bob', 2)",
    ],
    steps: [
      [2, 'SET ROLE rows_of_ann', 'UPDATE secured SET v = v + 10', 'RESET ROLE'],
      [3, 'SET ROLE rows_of_ann', "INSERT INTO secured VALUES (3, 'rows_of_ann', 3)", 'RESET ROLE'],
      [1, 'SET ROLE rows_of_ann', 'DELETE FROM secured WHERE id < 3', 'RESET ROLE'],
      [1, 'DROP OWNED BY rows_of_ann', 'DROP ROLE rows_of_ann'],
    ],
    gives: [
      ["SELECT concat_ws(' ', id, owner, v) FROM secured ORDER BY id", ['2 bob 2', '3 rows_of_ann 3']],
    ],
    tables: ['secured'],
  },
];

describe('replicated tables', () => {
  row_scenarios('replicated_tables', SCENARIOS);
});
