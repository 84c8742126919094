// Values that do not fit in a page, rows with as many columns as there may be, and
// large values that a change leaves alone.
import { describe } from 'vitest';
import { row_scenarios, type RowScenario } from './row_scenario.ts';

const STORAGES = ['plain', 'external', 'extended', 'main'] as const;
const WIDE = 1600;

/** A text that does not compress, the same for the same arguments. */
const noise = (seed: string | number, bytes: number) =>
  `(SELECT string_agg(md5('${seed}' || i), '') FROM generate_series(1, ${bytes / 32}) i)`;

const columns = (make: (n: number) => string) =>
  Array.from({ length: WIDE }, (_, n) => make(n)).join(', ');

const SCENARIOS: RowScenario[] = [
  {
    title: 'a large value that an UPDATE of another column does not change',
    create: [
      'CREATE TABLE kept_keyed (id int PRIMARY KEY, n int, large text, other text)',
      'CREATE TABLE kept_full (id int, n int, large text, other text)',
      'CREATE TABLE kept_moved (id int, n int, large text, other text) PARTITION BY RANGE (id)',
      'CREATE TABLE kept_moved_1 PARTITION OF kept_moved FOR VALUES FROM (0) TO (100)',
      'CREATE TABLE kept_moved_2 PARTITION OF kept_moved FOR VALUES FROM (100) TO (200)',
      ...['kept_keyed', 'kept_full', 'kept_moved'].flatMap((table) => [
        `INSERT INTO ${table} SELECT n, 0, ${noise('large', 1_000_000)}, ${noise('other', 9_984)}
         FROM generate_series(1, 3) n`,
      ]),
    ],
    steps: [
      ...['kept_keyed', 'kept_full', 'kept_moved'].flatMap((table): RowScenario['steps'] => [
        [2, `UPDATE ${table} SET n = n + 1`],
        [3, `UPDATE ${table} SET other = 'short', n = n + 1 WHERE id = 1`],
        [1, `UPDATE ${table} SET id = id + 100 WHERE id = 2`],
        [2, `UPDATE ${table} SET large = large || '!' WHERE id = 3`],
        [3, 'BEGIN', `UPDATE ${table} SET n = 8`, `UPDATE ${table} SET n = 9`, 'COMMIT'],
      ]),
    ],
    gives: ['kept_keyed', 'kept_full', 'kept_moved'].map((table) => [
      `SELECT concat_ws(' ', id, n, length(large), length(other),
         starts_with(large, ${noise('large', 1_000_000)})) FROM ${table} ORDER BY id`,
      ['1 9 1000000 5 t', '3 9 1000001 9984 t', '102 9 1000000 9984 t'],
    ]),
    tables: ['kept_keyed', 'kept_full', 'kept_moved'],
  },
  {
    title: 'values stored in every way, compressed and not, by both compressions',
    create: [
      'CREATE TABLE stored (id int PRIMARY KEY, plain text, external text, extended text, main text, lz text COMPRESSION lz4, bytes bytea)',
      ...STORAGES.map((name) => `ALTER TABLE stored ALTER ${name} SET STORAGE ${name.toUpperCase()}`),
    ],
    steps: [
      [
        1,
        `INSERT INTO stored SELECT 1, repeat('p', 2000), ${noise(1, 64_000)}, repeat('e', 1000000),
           repeat('m', 500000), repeat('lz', 100000), decode(repeat('00ff', 50000), 'hex')`,
      ],
      [2, `INSERT INTO stored SELECT 2, '', repeat('x', 3000), ${noise(2, 96_000)}, '', NULL, ''`],
      [3, "UPDATE stored SET plain = plain || 'p'", "UPDATE stored SET extended = extended || 'e' WHERE id = 1"],
      [1, "UPDATE stored SET external = upper(external), lz = lz || lz"],
    ],
    gives: [
      [
        `SELECT concat_ws(' ', id, length(plain), md5(external) = md5(upper(${noise(1, 64_000)})),
           length(extended), length(main), length(lz), length(bytes)) FROM stored ORDER BY id`,
        ['1 2001 t 1000001 500000 400000 100000', '2 1 f 96000 0 0'],
      ],
    ],
    tables: ['stored'],
  },
  {
    title: 'a row of 1600 columns',
    create: [
      `CREATE TABLE wide (${columns((n) => `c${n} ${n % 3 === 0 ? 'text' : 'int'}`)})`,
      'ALTER TABLE wide ADD PRIMARY KEY (c1, c1598)',
    ],
    steps: [
      [1, `INSERT INTO wide SELECT ${columns((n) => (n % 3 === 0 ? `'t${n % 7}'` : `${n}`))}`],
      [2, `INSERT INTO wide (c1, c1598) VALUES (-1, -1)`],
      [3, `UPDATE wide SET ${columns((n) => (n % 3 === 0 ? `c${n} = NULL` : `c${n} = c${n} + 1`))} WHERE c1 = 1`],
      [1, "UPDATE wide SET c1599 = 'end' WHERE c1 = -1"],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', c0, c1, c2, c1597, c1598, c1599) FROM wide ORDER BY c1",
        ['-1 -1 end', '2 3 1598 1599'],
      ],
    ],
    tables: ['wide'],
  },
  {
    title: 'a value of 50 MB',
    create: ['CREATE TABLE huge (id int PRIMARY KEY, n int, v bytea)'],
    steps: [
      [2, `INSERT INTO huge SELECT 1, 0, decode(repeat('00017f80feff', 8333333), 'hex')`],
      [3, 'UPDATE huge SET n = 1'],
      [1, 'BEGIN', "UPDATE huge SET v = v || '\\x01'", 'UPDATE huge SET n = n + 1', 'COMMIT'],
    ],
    gives: [
      [
        "SELECT concat_ws(' ', n, length(v), md5(v) = md5(decode(repeat('00017f80feff', 8333333), 'hex') || '\\x01')) FROM huge",
        ['2 49999999 t'],
      ],
    ],
    tables: ['(SELECT id, n, md5(v) FROM large_values.huge)'],
  },
];

describe('large values', () => {
  row_scenarios('large_values', SCENARIOS);
});
