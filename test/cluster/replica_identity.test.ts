// Rows are found on other nodes by whatever identifies them: a primary key, a chosen
// index, or all their columns; a row among equal ones is one row.
import { describe } from 'vitest';
import { row_scenarios, type RowScenario } from './row_scenario.ts';

const SCENARIOS: RowScenario[] = [
  {
    title: 'a primary key of several columns, one that includes others, one of text',
    create: [
      'CREATE TABLE composite (a int, b text, c date, v int, PRIMARY KEY (c, a, b))',
      `INSERT INTO composite SELECT n % 2, 'b' || n % 3, date '2000-01-01' + n, n
       FROM generate_series(1, 6) n`,
      'CREATE TABLE including (v int, id int, w text, PRIMARY KEY (id) INCLUDE (w))',
      "INSERT INTO including SELECT n, n, 'w' FROM generate_series(1, 4) n",
      'CREATE TABLE by_text (k text COLLATE "C" PRIMARY KEY, v int)',
      "INSERT INTO by_text VALUES ('', 0), ('a', 1), ('A', 2), ('ä', 3), (' ', 4), ($$'\"\\$$, 5)",
    ],
    steps: [
      [2, "UPDATE composite SET v = -v WHERE b = 'b1'", 'UPDATE composite SET a = 9 WHERE v = 2'],
      [3, "DELETE FROM composite WHERE b = 'b0'"],
      [2, "UPDATE including SET w = 'changed' WHERE id = 1", 'UPDATE including SET id = 40 WHERE v = 4'],
      [3, 'DELETE FROM including WHERE id = 2', 'UPDATE including SET v = NULL WHERE id = 3'],
      [2, "UPDATE by_text SET v = v + 10 WHERE k IN ('', 'A')"],
      [3, "DELETE FROM by_text WHERE k IN (' ', 'a')"],
      [1, "UPDATE by_text SET k = k || '!' WHERE v IN (3, 5)"],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', a, b, c, v) FROM composite ORDER BY c",
        ['1 b1 2000-01-02 -1', '9 b2 2000-01-03 2', '0 b1 2000-01-05 -4', '1 b2 2000-01-06 5'],
      ],
      [
        "SELECT concat_ws(' ', id, v, w) FROM including ORDER BY id",
        ['1 1 changed', '3 w', '40 4 w'],
      ],
      ["SELECT concat(k, v) FROM by_text ORDER BY v", ['ä!3', `'"\\!5`, '10', 'A12']],
    ],
    tables: ['composite', 'including', 'by_text'],
  },
  {
    title: 'REPLICA IDENTITY USING INDEX, beside a primary key and without one',
    create: [
      'CREATE TABLE chosen (id int PRIMARY KEY, code text NOT NULL UNIQUE, v int)',
      'ALTER TABLE chosen REPLICA IDENTITY USING INDEX chosen_code_key',
      "INSERT INTO chosen SELECT n, 'code' || n, n FROM generate_series(1, 5) n",
      'CREATE TABLE chosen_no_key (a int NOT NULL, b int NOT NULL, v text)',
      'CREATE UNIQUE INDEX chosen_index ON chosen_no_key (b, a)',
      'ALTER TABLE chosen_no_key REPLICA IDENTITY USING INDEX chosen_index',
      "INSERT INTO chosen_no_key SELECT n, -n, 'v' FROM generate_series(1, 4) n",
    ],
    steps: [
      [2, "UPDATE chosen SET v = 0 WHERE id = 1", 'UPDATE chosen SET id = 20 WHERE id = 2'],
      [3, "UPDATE chosen SET code = 'other' WHERE id = 3", 'DELETE FROM chosen WHERE id = 4'],
      [2, "UPDATE chosen_no_key SET v = 'w' WHERE a = 1"],
      [3, 'UPDATE chosen_no_key SET a = 20, b = 20 WHERE a = 2', 'DELETE FROM chosen_no_key WHERE a = 3'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, code, v) FROM chosen ORDER BY id",
        ['1 code1 0', '3 other 3', '5 code5 5', '20 code2 2'],
      ],
      [
        "SELECT concat_ws(' ', a, b, v) FROM chosen_no_key ORDER BY a",
        ['1 -1 w', '4 -4 v', '20 20 v'],
      ],
    ],
    tables: ['chosen', 'chosen_no_key'],
  },
  {
    title: 'REPLICA IDENTITY FULL, with and without a primary key',
    create: [
      'CREATE TABLE full_key (id int PRIMARY KEY, v text, w numeric)',
      'ALTER TABLE full_key REPLICA IDENTITY FULL',
      "INSERT INTO full_key SELECT n, 'v' || n, n / 10.0 FROM generate_series(1, 5) n",
      'CREATE TABLE full_no_key (id int, v text, w numeric)',
      'ALTER TABLE full_no_key REPLICA IDENTITY FULL',
      "INSERT INTO full_no_key SELECT n, 'v' || n, n / 10.0 FROM generate_series(1, 5) n",
    ],
    steps: (['full_key', 'full_no_key'] as const).flatMap((name): RowScenario['steps'] => [
      [2, `UPDATE ${name} SET v = NULL WHERE id = 1`, `UPDATE ${name} SET id = 20 WHERE id = 2`],
      [3, `UPDATE ${name} SET w = 1.10 WHERE id = 3`, `DELETE FROM ${name} WHERE id = 4`],
      [1, `UPDATE ${name} SET v = 'back' WHERE id = 1`],
    ]),
    gives: ['full_key', 'full_no_key'].map((name) => [
      `SELECT concat_ws(' ', id, v, w::text) FROM ${name} ORDER BY id`,
      ['1 back 0.10000000000000000000', '3 v3 1.10', '5 v5 0.50000000000000000000', '20 v2 0.20000000000000000000'],
    ]),
    tables: ['full_key', 'full_no_key'],
  },
  {
    title: 'no key at all: one row among equal ones is changed, and nulls are equal',
    create: [
      'CREATE TABLE heap (a int, b text)',
      "INSERT INTO heap SELECT 1, 'same' FROM generate_series(1, 5)",
      'INSERT INTO heap SELECT NULL, NULL FROM generate_series(1, 3)',
      "INSERT INTO heap VALUES (2, NULL), (NULL, 'two')",
      'CREATE TABLE nothing ()',
      'INSERT INTO nothing SELECT FROM generate_series(1, 4)',
    ],
    steps: [
      [2, "DELETE FROM heap WHERE ctid = (SELECT min(ctid) FROM heap WHERE a = 1)"],
      [3, "UPDATE heap SET a = 9 WHERE ctid = (SELECT max(ctid) FROM heap WHERE a = 1)"],
      [1, 'DELETE FROM heap WHERE ctid = (SELECT min(ctid) FROM heap WHERE a IS NULL AND b IS NULL)'],
      [2, "UPDATE heap SET b = 'was null' WHERE a = 2"],
      [3, "UPDATE heap SET a = 1, b = 'same' WHERE b = 'two'"],
      [1, "UPDATE heap SET b = b WHERE a = 1"],
      [2, 'DELETE FROM nothing WHERE ctid = (SELECT max(ctid) FROM nothing)'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', a, b, count(*)) FROM heap GROUP BY a, b ORDER BY a, b",
        ['1 same 4', '2 was null 1', '9 same 1', '2'],
      ],
      ['SELECT count(*) FROM nothing', ['3']],
    ],
    tables: ['heap', 'nothing'],
  },
  {
    title: 'rows that are equal but not the same are not taken for each other',
    create: [
      'CREATE TABLE alike (n numeric, f float8, t text)',
      `INSERT INTO alike VALUES (1.0, 0.0, 'x'), (1.00, 0.0, 'x'), (1.000, '-0', 'x'),
         ('NaN', 'NaN', 'x'), ('Infinity', '-Infinity', '')`,
    ],
    steps: [
      [2, "UPDATE alike SET t = 'two digits' WHERE n::text = '1.00'"],
      [3, "DELETE FROM alike WHERE f::text = '-0'"],
      [1, "UPDATE alike SET t = 'not a number' WHERE n = 'NaN'"],
      [2, "UPDATE alike SET f = 0 WHERE t = ''"],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', n, f, t) FROM alike ORDER BY n, t",
        ['1.00 0 two digits', '1.0 0 x', 'Infinity 0 ', 'NaN NaN not a number'],
      ],
    ],
    tables: ['alike'],
  },
  {
    title: 'no key, and columns of types that have no equality',
    create: [
      'CREATE TABLE no_equality (j json, p point, x xml, b box, g polygon)',
      `INSERT INTO no_equality SELECT
         json '{"a": 1,  "a": 2}', point(n, n), xml '<a>x</a>', box(point(0, 0), point(n, 1)),
         polygon '((0,0),(1,1),(1,0))' FROM generate_series(1, 3) n`,
      `INSERT INTO no_equality VALUES (json '{"a": 1, "a": 2}', NULL, NULL, NULL, NULL)`,
      // The declaration is a part of the stored value that a client does not see.
      `INSERT INTO no_equality (p, x) VALUES ('(9,9)',
         '<?xml version="1.0" encoding="LATIN1" standalone="yes"?><a/>')`,
    ],
    steps: [
      [2, "UPDATE no_equality SET j = '[]' WHERE p ~= '(1,1)'"],
      [3, "DELETE FROM no_equality WHERE p ~= '(2,2)'"],
      [2, "UPDATE no_equality SET j = '\"written on 2\"' WHERE p IS NULL"],
      [3, "UPDATE no_equality SET j = '\"declared\"' WHERE p ~= '(9,9)'"],
      [1, "UPDATE no_equality SET x = '<b/>' WHERE p ~= '(3,3)'"],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', j, p, x) FROM no_equality ORDER BY p[0]",
        [
          '[] (1,1) <a>x</a>',
          '{"a": 1,  "a": 2} (3,3) <b/>',
          '"declared" (9,9) <?xml version="1.0" standalone="yes"?><a/>',
          '"written on 2"',
        ],
      ],
    ],
    tables: ['no_equality', '(SELECT x::text FROM replica_identity.no_equality)'],
  },
  {
    title: 'a key that changes its kind: dropped, added, set to FULL and back',
    create: [
      'CREATE TABLE changing (id int CONSTRAINT key PRIMARY KEY, v text)',
      "INSERT INTO changing SELECT n, 'v' FROM generate_series(1, 6) n",
    ],
    steps: [
      [2, 'ALTER TABLE changing DROP CONSTRAINT key', "UPDATE changing SET v = 'no key' WHERE id = 1"],
      [3, 'DELETE FROM changing WHERE id = 2'],
      [1, 'ALTER TABLE changing ADD PRIMARY KEY (id)', "UPDATE changing SET v = 'key' WHERE id = 3"],
      [2, 'ALTER TABLE changing REPLICA IDENTITY FULL', "UPDATE changing SET v = 'full' WHERE id = 4"],
      [3, 'ALTER TABLE changing REPLICA IDENTITY DEFAULT', 'UPDATE changing SET id = 50 WHERE id = 5'],
      [1, 'DELETE FROM changing WHERE id = 6'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', id, v) FROM changing ORDER BY id",
        ['1 no key', '3 key', '4 full', '50 v'],
      ],
    ],
    tables: ['changing'],
  },
  {
    title: 'a key that is a generated column, and one that is longer than a page holds',
    create: [
      `CREATE TABLE made_key (a int,
         k text GENERATED ALWAYS AS ('k' || a::text) STORED PRIMARY KEY, v int)`,
      'INSERT INTO made_key (a, v) SELECT n, n FROM generate_series(1, 4) n',
      'CREATE TABLE long_key (k text PRIMARY KEY, v int, w text)',
      'ALTER TABLE long_key ALTER k SET STORAGE EXTERNAL, ALTER w SET STORAGE EXTERNAL',
      "INSERT INTO long_key SELECT repeat(n::text, 2500), n, repeat('w', 5000) FROM generate_series(1, 4) n",
    ],
    steps: [
      [2, 'UPDATE made_key SET v = -1 WHERE a = 1', 'UPDATE made_key SET a = 20 WHERE a = 2'],
      [3, 'DELETE FROM made_key WHERE a = 3'],
      [2, 'UPDATE long_key SET v = -1 WHERE v = 1'],
      [3, "UPDATE long_key SET k = 'short' WHERE v = 2", 'DELETE FROM long_key WHERE v = 3'],
      [1, "UPDATE long_key SET w = 'short' WHERE v = 4"],
    ],
    gives: [
      ["SELECT concat_ws(' ', k, a, v) FROM made_key ORDER BY a", ['k1 1 -1', 'k4 4 4', 'k20 20 2']],
      [
        "SELECT concat_ws(' ', left(k, 5), length(k), v, length(w)) FROM long_key ORDER BY k",
        ['11111 2500 -1 5000', '44444 2500 4 5', 'short 5 2 5000'],
      ],
    ],
    tables: ['made_key', 'long_key'],
  },
];

describe('the identity of rows', () => {
  row_scenarios('replica_identity', SCENARIOS);
});
