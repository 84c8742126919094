// What INSERT, UPDATE, DELETE, TRUNCATE and COPY do on one node is on all nodes.
import { describe } from 'vitest';
import { row_scenarios, type RowScenario } from './row_scenario.ts';

const SCENARIOS: RowScenario[] = [
  {
    title: 'INSERT of one row, of many, from a query, of defaults, ON CONFLICT',
    create: [
      'CREATE TABLE inserts (id int PRIMARY KEY, v text DEFAULT $$default$$, at date DEFAULT $$epoch$$)',
    ],
    steps: [
      [1, "INSERT INTO inserts VALUES (1, 'one')"],
      [2, "INSERT INTO inserts VALUES (2, 'two', DEFAULT), (3, NULL, '2000-01-01')"],
      [3, "INSERT INTO inserts (id, v) SELECT n, n::text FROM generate_series(4, 6) n"],
      [1, 'INSERT INTO inserts (id) VALUES (7)'],
      [2, "INSERT INTO inserts VALUES (1, 'again'), (8, 'new') ON CONFLICT DO NOTHING"],
      [
        3,
        `INSERT INTO inserts VALUES (2, 'upserted'), (9, 'nine')
         ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
      ],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, v, at) FROM inserts ORDER BY id",
        [
          '1 one 1970-01-01',
          '2 upserted 1970-01-01',
          '3 2000-01-01',
          '4 4 1970-01-01',
          '5 5 1970-01-01',
          '6 6 1970-01-01',
          '7 default 1970-01-01',
          '8 new 1970-01-01',
          '9 nine 1970-01-01',
        ],
      ],
    ],
    tables: ['inserts'],
  },
  {
    title: 'UPDATE of rows that have values of a dropped column: they are gone everywhere',
    create: [
      'CREATE TABLE slimmed (id int PRIMARY KEY, gone text, n int)',
      "INSERT INTO slimmed SELECT id, repeat('g', 1000), 0 FROM generate_series(1, 2) id",
      'ALTER TABLE slimmed DROP COLUMN gone',
    ],
    steps: [[1, 'UPDATE slimmed SET n = 1 WHERE id = 1']],
    gives: [
      [
        "SELECT concat_ws(' ', id, n, pg_column_size(slimmed) > 1000) FROM slimmed ORDER BY id",
        ['1 1 f', '2 0 t'],
      ],
    ],
    tables: ['slimmed'],
  },
  {
    title: 'UPDATE of values and of key columns, also of a row again and again',
    create: [
      'CREATE TABLE updates (id int PRIMARY KEY, v text)',
      "INSERT INTO updates SELECT n, 'v' || n FROM generate_series(1, 6) n",
    ],
    steps: [
      [1, "UPDATE updates SET v = 'changed' WHERE id = 1"],
      [2, 'UPDATE updates SET id = 20 WHERE id = 2'],
      [3, "UPDATE updates SET id = 30, v = 'both' WHERE id = 3"],
      [1, 'UPDATE updates SET id = id WHERE id = 4', 'UPDATE updates SET v = v'],
      [
        2,
        'BEGIN',
        "UPDATE updates SET v = v || '+' WHERE id = 5",
        "UPDATE updates SET id = 50, v = v || '+' WHERE id = 5",
        "UPDATE updates SET v = v || '+' WHERE id = 50",
        'COMMIT',
      ],
      [3, "UPDATE updates SET v = NULL WHERE id = 6"],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, v) FROM updates ORDER BY id",
        ['1 changed', '4 v4', '6', '20 v2', '30 both', '50 v5+++'],
      ],
    ],
    tables: ['updates'],
  },
  {
    title: 'keys that two rows swap, over a third value and by a deferred constraint',
    create: [
      'CREATE TABLE swaps (id int PRIMARY KEY, v text)',
      "INSERT INTO swaps VALUES (1, 'a'), (2, 'b'), (3, 'c')",
      `CREATE TABLE deferred_swaps (id int UNIQUE DEFERRABLE INITIALLY IMMEDIATE, v text)`,
      "INSERT INTO deferred_swaps VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    ],
    steps: [
      [
        2,
        'BEGIN',
        'UPDATE swaps SET id = -1 WHERE id = 1',
        'UPDATE swaps SET id = 1 WHERE id = 2',
        'UPDATE swaps SET id = 2 WHERE id = -1',
        'COMMIT',
      ],
      [3, 'UPDATE deferred_swaps SET id = 4 - id'],
      [1, 'UPDATE deferred_swaps SET id = id % 3 + 1'],
    ],
    gives: [
      ["SELECT concat(id, v) FROM swaps ORDER BY id", ['1b', '2a', '3c']],
      ["SELECT concat(id, v) FROM deferred_swaps ORDER BY id", ['1a', '2c', '3b']],
    ],
    tables: ['swaps', 'deferred_swaps'],
  },
  {
    title: 'DELETE of one row, by a join, of all; a row that comes back',
    create: [
      'CREATE TABLE deletes (id int PRIMARY KEY, v text)',
      "INSERT INTO deletes SELECT n, 'first' FROM generate_series(1, 9) n",
      'CREATE TABLE doomed (id int PRIMARY KEY)',
      'INSERT INTO doomed VALUES (3), (4)',
      'CREATE TABLE emptied (id int PRIMARY KEY)',
      'INSERT INTO emptied SELECT generate_series(1, 100)',
    ],
    steps: [
      [1, 'DELETE FROM deletes WHERE id = 1'],
      [2, 'DELETE FROM deletes USING doomed WHERE doomed.id = deletes.id'],
      [3, 'DELETE FROM emptied'],
      [
        3,
        'BEGIN',
        'DELETE FROM deletes WHERE id = 5',
        "INSERT INTO deletes VALUES (5, 'second')",
        'DELETE FROM deletes WHERE id = 5',
        "INSERT INTO deletes VALUES (5, 'third')",
        'COMMIT',
      ],
      [1, 'WITH gone AS (DELETE FROM deletes WHERE id = 6 RETURNING *) SELECT FROM gone'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, v) FROM deletes ORDER BY id",
        ['2 first', '5 third', '7 first', '8 first', '9 first'],
      ],
      ['SELECT count(*) FROM emptied', ['0']],
    ],
    tables: ['deletes', 'emptied'],
  },
  {
    title: 'MERGE, data-modifying WITH, and a function that writes',
    create: [
      'CREATE TABLE stock (item text PRIMARY KEY, n int)',
      "INSERT INTO stock VALUES ('nut', 1), ('bolt', 2), ('screw', 3)",
      'CREATE TABLE moved (item text, n int)',
      `CREATE FUNCTION take(what text) RETURNS int LANGUAGE sql AS
       $$ UPDATE stock SET n = n - 1 WHERE item = what RETURNING n $$`,
    ],
    steps: [
      [
        2,
        `MERGE INTO stock USING (VALUES ('nut', 5), ('bolt', 0), ('nail', 7)) AS s (item, n)
         ON stock.item = s.item
         WHEN MATCHED AND s.n = 0 THEN DELETE
         WHEN MATCHED THEN UPDATE SET n = stock.n + s.n
         WHEN NOT MATCHED THEN INSERT VALUES (s.item, s.n)`,
      ],
      [
        3,
        `WITH gone AS (DELETE FROM stock WHERE item = 'screw' RETURNING *)
         INSERT INTO moved SELECT * FROM gone`,
      ],
      [1, "SELECT take('nail')"],
    ],
    gives: [
      ["SELECT concat_ws(' ', item, n) FROM stock ORDER BY item", ['nail 6', 'nut 6']],
      ["SELECT concat_ws(' ', item, n) FROM moved", ['screw 3']],
    ],
    tables: ['stock', 'moved'],
  },
  {
    title: 'TRUNCATE of one table, of several, of what CASCADE reaches, before new rows',
    create: [
      'CREATE TABLE one (id int PRIMARY KEY)',
      'CREATE TABLE two (id int PRIMARY KEY)',
      'CREATE TABLE three (id int PRIMARY KEY)',
      'CREATE TABLE parents (id int PRIMARY KEY)',
      'CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents)',
      'CREATE TABLE grandchildren (id int PRIMARY KEY, parent int REFERENCES children)',
      'CREATE TABLE kept (id int PRIMARY KEY)',
      ...['one', 'two', 'three', 'parents', 'kept'].map(
        (name) => `INSERT INTO ${name} SELECT generate_series(1, 10)`,
      ),
      'INSERT INTO children SELECT n, n FROM generate_series(1, 10) n',
      'INSERT INTO grandchildren SELECT n, n FROM generate_series(1, 10) n',
    ],
    steps: [
      [1, 'TRUNCATE one'],
      [
        2,
        'BEGIN',
        'INSERT INTO two VALUES (100)',
        'DELETE FROM three WHERE id > 5',
        'TRUNCATE two, three',
        'INSERT INTO two VALUES (1)',
        'TRUNCATE two',
        'INSERT INTO two VALUES (2)',
        'COMMIT',
      ],
      [3, 'TRUNCATE parents CASCADE'],
      [1, 'BEGIN', 'TRUNCATE kept', 'ROLLBACK'],
    ],
    gives: [
      [
        `SELECT count(*) FROM one UNION ALL SELECT count(*) FROM three
         UNION ALL SELECT count(*) FROM parents UNION ALL SELECT count(*) FROM children
         UNION ALL SELECT count(*) FROM grandchildren UNION ALL SELECT count(*) FROM kept`,
        ['0', '0', '0', '0', '0', '10'],
      ],
      ['SELECT id FROM two', ['2']],
    ],
    tables: ['one', 'two', 'three', 'parents', 'children', 'grandchildren', 'kept'],
  },
  {
    title: 'COPY into a table, into some columns, with rows that a condition leaves out',
    create: [
      'CREATE TABLE copied (id int PRIMARY KEY, v text)',
      'CREATE TABLE copied_no_key (id int, v text)',
    ],
    steps: [
      [1, "COPY copied FROM PROGRAM 'seq 1 3 | sed s/$/,one/' (FORMAT csv)"],
      [2, "COPY copied (id) FROM PROGRAM 'seq 10 12' WHERE id <> 11"],
      [
        3,
        'BEGIN',
        "COPY copied_no_key FROM PROGRAM 'yes 1,same | head -5000' (FORMAT csv)",
        'DELETE FROM copied WHERE id = 3',
        'COMMIT',
      ],
      [1, 'BEGIN', "COPY copied (id) FROM PROGRAM 'seq 20 30'", 'ROLLBACK'],
    ],
    gives: [
      ["SELECT concat_ws(' ', id, v) FROM copied ORDER BY id", ['1 one', '2 one', '10', '12']],
      ["SELECT concat_ws(' ', id, v, count(*)) FROM copied_no_key GROUP BY id, v", ['1 same 5000']],
    ],
    tables: ['copied', 'copied_no_key'],
  },
  {
    title: 'one transaction over several tables, with savepoints that are rolled back',
    create: [
      'CREATE TABLE orders (id int PRIMARY KEY, total int)',
      'CREATE TABLE lines (order_id int REFERENCES orders, n int, PRIMARY KEY (order_id, n))',
      'CREATE TABLE notes (text text)',
    ],
    steps: [
      [
        2,
        'BEGIN',
        'INSERT INTO orders VALUES (1, 0)',
        'SAVEPOINT a',
        'INSERT INTO lines VALUES (1, 1), (1, 2)',
        'SAVEPOINT b',
        "INSERT INTO notes VALUES ('rolled back')",
        'UPDATE orders SET total = 99',
        'DELETE FROM lines',
        'ROLLBACK TO b',
        'UPDATE orders SET total = total + 1',
        'RELEASE a',
        'SAVEPOINT c',
        'TRUNCATE notes',
        'INSERT INTO orders VALUES (2, 2)',
        'ROLLBACK TO c',
        "INSERT INTO notes VALUES ('kept')",
        'COMMIT',
      ],
      [
        3,
        `DO $$ BEGIN
           FOR i IN 3..5 LOOP
             BEGIN
               INSERT INTO orders VALUES (i, i);
               IF i = 4 THEN PERFORM 1 / 0; END IF;
             EXCEPTION WHEN division_by_zero THEN
               INSERT INTO notes VALUES ('caught ' || i);
             END;
           END LOOP;
         END $$`,
      ],
    ],
    gives: [
      ["SELECT concat_ws(' ', id, total) FROM orders ORDER BY id", ['1 1', '3 3', '5 5']],
      ["SELECT concat_ws(' ', order_id, n) FROM lines ORDER BY n", ['1 1', '1 2']],
      ['SELECT text FROM notes ORDER BY text', ['caught 4', 'kept']],
    ],
    tables: ['orders', 'lines', 'notes'],
  },
  {
    title: 'foreign keys that act: CASCADE, SET NULL, SET DEFAULT, on update and delete',
    create: [
      'CREATE TABLE owners (id int PRIMARY KEY)',
      'INSERT INTO owners SELECT generate_series(0, 5)',
      `CREATE TABLE cascading (id int PRIMARY KEY,
         owner int REFERENCES owners ON DELETE CASCADE ON UPDATE CASCADE)`,
      `CREATE TABLE setting (id int PRIMARY KEY,
         owner int REFERENCES owners ON DELETE SET NULL ON UPDATE SET NULL)`,
      `CREATE TABLE resetting (id int PRIMARY KEY,
         owner int DEFAULT 0 REFERENCES owners ON DELETE SET DEFAULT ON UPDATE CASCADE)`,
      ...['cascading', 'setting', 'resetting'].map(
        (name) => `INSERT INTO ${name} SELECT n, n FROM generate_series(1, 5) n`,
      ),
    ],
    steps: [
      [2, 'DELETE FROM owners WHERE id IN (1, 2)'],
      [3, 'UPDATE owners SET id = id * 10 WHERE id IN (3, 4)'],
    ],
    gives: [
      ["SELECT concat_ws(' ', id, owner) FROM cascading ORDER BY id", ['3 30', '4 40', '5 5']],
      [
        "SELECT concat_ws(' ', id, owner) FROM setting ORDER BY id",
        ['1', '2', '3', '4', '5 5'],
      ],
      [
        "SELECT concat_ws(' ', id, owner) FROM resetting ORDER BY id",
        ['1 0', '2 0', '3 30', '4 40', '5 5'],
      ],
    ],
    tables: ['owners', 'cascading', 'setting', 'resetting'],
  },
];

describe('replicated rows', () => {
  row_scenarios('replicated_rows', SCENARIOS);
});
