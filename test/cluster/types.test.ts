// Values of every type arrive on other nodes as they were written, as values and as
// keys: bit for bit as far as a dump can tell.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Type and SQL expressions of that type; the first two are used as array elements. */
const CATEGORIES: Record<string, [type: string, ...values: string[]][]> = {
  numbers: [
    ['boolean', 'true', 'false'],
    ['smallint', '-32768', '32767', '0'],
    ['integer', '-2147483648', '2147483647'],
    ['bigint', '-9223372036854775808', '9223372036854775807'],
    [
      'numeric',
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      '0.000',
      '1.10',
      "repeat('9', 1000)::numeric",
      "('0.' || repeat('0', 500) || '1')::numeric",
    ],
    ['numeric(10,3)', '1234567.891', '-0.5'],
    ['real', "'NaN'", "'-Infinity'", "'-0'", '3.4028235e38', '1e-45', '0.1'],
    [
      'double precision',
      "'NaN'",
      "'Infinity'",
      "'-0'",
      '1.7976931348623157e308',
      '4.9e-324',
      '0.1::float8 + 0.2::float8',
    ],
    ['money', "'-92233720368547758.08'::money", "'12.34'::money"],
  ],
  'texts and bytes': [
    ['text', "''", "'ä€😀\\ \"''{}'", "repeat('x', 100000)", "E'\\u0001\\t\\r\\n'"],
    ['varchar(5)', "'abcde'", "' a  '"],
    ['char(5)', "'ab'", "''"],
    ['"char"', "'a'", `'\\377'::"char"`, `''`],
    ['name', "'a name'", "repeat('n', 63)::name"],
    ['bytea', "''", "'\\x00ff10'", "decode(repeat('00', 5000), 'hex')"],
  ],
  times: [
    ['date', "'-infinity'", "'infinity'", "'4713-01-01 BC'", "'5874897-12-31'", "'0001-01-01 BC'"],
    ['time', "'00:00'", "'24:00:00'", "'12:34:56.789012'"],
    ['time(2)', "'12:34:56.78'", "'00:00'"],
    ['timetz', "'00:00-15:59:59'", "'24:00+15:59'", "'12:34:56.789012+05:45'"],
    ['timestamp', "'-infinity'", "'infinity'", "'4713-01-01 00:00 BC'", "'294276-12-31 23:59:59.999999'"],
    [
      'timestamptz',
      "'-infinity'",
      "'infinity'",
      "'4713-11-24 00:00:00+00 BC'",
      "'294276-12-31 23:59:59.999999+00'",
      "'1883-11-18 12:03:57 America/New_York'",
    ],
    [
      'interval',
      "'-178000000 years'",
      "'178000000 years'",
      "'1 mon -1 day +00:00:00.000001'",
      "'-1 year 2 months -3 days 4:05:06.789'",
      "'0'",
    ],
    ['interval day to second(1)', "'1 day 2:03:04.5'", "'-1 second'"],
  ],
  'bits, addresses, documents, words': [
    ['uuid', "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    ['bit(3)', "B'101'", "B'000'"],
    ['varbit', "B''", "B'1'", "repeat('10', 500)::varbit"],
    ['inet', "'192.168.0.1/24'", "'::1'", "'2001:db8::/32'", "'0.0.0.0/0'"],
    ['cidr', "'192.168.0.0/24'", "'::/0'"],
    ['macaddr', "'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'"],
    ['macaddr8', "'08:00:2b:01:02:03:04:05'", "'00:00:00:00:00:00:00:00'"],
    ['json', `'{"b": 1,  "a": [1.0, null], "a": 2}'`, "'\"x\"'"],
    ['jsonb', `'{"b": 1, "a": [1.00, null, true, "\\u20ac"]}'`, "'null'", "'12345678901234567890.1234567890'"],
    ['jsonpath', `'$.a[*] ? (@ > 1).b'`, "'strict $'"],
    ['xml', `'<a b="c">ä</a>'`, "'text only'"],
    ['tsvector', "'a:1A,2B fat:3 rat'", "''", "to_tsvector('simple', repeat('word ', 300))"],
    ['tsquery', "'fat & (rat | !cat:ab) <-> dog:*'", "''"],
  ],
  shapes: [
    ['point', "'(1,-2.5)'", "'(1e300,NaN)'"],
    ['line', "'{1,-1,0.5}'", "'{0,1,2}'"],
    ['lseg', "'[(1,2),(3,4)]'", "'[(0,0),(0,0)]'"],
    ['box', "'(3,4),(1,2)'", "'(0,0),(0,0)'"],
    ['path', "'[(1,2),(3,4)]'", "'((1,2),(3,4),(5,6))'"],
    ['polygon', "'((1,2),(3,4),(5,0))'", "'((0,0))'"],
    ['circle', "'<(1,2),3>'", "'<(0,0),0>'"],
  ],
  ranges: [
    ['int4range', "'empty'", "'[1,10)'", "'(,)'"],
    ['int8range', "'[1,]'", "'empty'"],
    ['numrange', "'(0.10,1.5]'", "'(,2]'"],
    ['tsrange', "'[2000-01-01,infinity)'", "'empty'"],
    ['tstzrange', "'[2000-01-01 00:00+00,2000-01-02 00:00+00]'", "'(,)'"],
    ['daterange', "'[2000-01-01,2000-02-01]'", "'empty'"],
    ['int4multirange', "'{}'", "'{[1,3),[5,8)}'"],
    ['nummultirange', "'{(,0.5),[1.50,2]}'", "'{}'"],
    ['datemultirange', "'{[2000-01-01,2000-02-01)}'", "'{}'"],
  ],
  'identifiers of the server': [
    ['oid', '0', '4294967295'],
    ['xid', "'0'", "'4294967295'"],
    ['xid8', "'0'", "'18446744073709551615'"],
    ['cid', "'0'", "'4294967295'"],
    ['tid', "'(0,1)'", "'(4294967295,65535)'"],
    ['pg_lsn', "'0/0'", "'FFFFFFFF/FFFFFFFF'"],
    ['pg_snapshot', "'10:20:10,14,15'", "'1:1:'"],
    ['int2vector', "'1 2 3'", "''"],
    ['oidvector', "'1 2 3'", "''"],
    ['aclitem', "'postgres=r*w/postgres'", "'=X/postgres'"],
    ['refcursor', "'a cursor'", "''"],
  ],
  'objects by name': [
    // By name: the number is another one on each node.
    ['regclass', "'types.mood_table'", "'pg_class'", "'-'"],
    ['regtype', "'types.mood'", "'int4'"],
    ['regproc', "'types.only_one'", "'now'"],
    ['regprocedure', "'types.only_one(int)'", "'abs(int)'"],
    ['regoper', "'||/'", "'!!'"],
    ['regoperator', "'+(int,int)'", "'-(none,int)'"],
    ['regrole', "'postgres'", "'types_role'"],
    ['regnamespace', "'types'", "'pg_catalog'"],
    ['regconfig', "'simple'", "'types.words'"],
    ['regdictionary', "'simple'", "'english_stem'"],
    ['regcollation', "'\"C\"'", "'types.bytes'"],
  ],
  'types of users': [
    // Of users.
    ['types.mood', "'sad'", "'very \"happy\", ok'"],
    ['types.positive', '1', '2147483647'],
    ['types.short_texts', "'{a,NULL,\"\"}'", "'{}'"],
    ['types.mood_domain', "'sad'", "'ok'"],
    ['types.pair', "'(1,\"a, \\\"b\\\" (c)\")'", "'(,)'", "ROW(NULL, '')"],
    ['types.nested', "ROW(1.50, ARRAY['(1,x)'::types.pair, NULL], '{sad}', '2000-01-01 BC', '-0'::float8)", "ROW(NULL, NULL, '{}', NULL, 'NaN')"],
    ['types.pair_domain', "'(5,five)'", "'(6,)'"],
    ['types.texts_range', "'[a,c)'", "'empty'"],
    ['types.texts_multirange', "'{[a,b),[x,z)}'", "'{}'"],
    ['types.after_drop', "ROW('kept', 'added')", "ROW(NULL, '')"],
    ['types.reg_pair', "ROW('types.mood_table'::regclass, '12.34'::money)", "ROW(NULL, NULL)"],
  ],
};


const SETUP = [
  "CREATE TYPE types.mood AS ENUM ('sad', 'ok', 'very \"happy\", ok')",
  'CREATE TABLE types.mood_table (m types.mood)',
  'CREATE FUNCTION types.only_one(int) RETURNS int LANGUAGE sql AS $$ SELECT $1 $$',
  'CREATE TEXT SEARCH CONFIGURATION types.words (COPY = simple)',
  "CREATE COLLATION types.bytes (locale = 'C')",
  'CREATE DOMAIN types.positive AS int CHECK (value > 0)',
  'CREATE DOMAIN types.short_texts AS text[] CHECK (cardinality(value) < 10)',
  'CREATE DOMAIN types.mood_domain AS types.mood',
  'CREATE TYPE types.pair AS (a int, b text)',
  'CREATE TYPE types.nested AS (n numeric, pairs types.pair[], moods types.mood[], d date, f float8)',
  'CREATE DOMAIN types.pair_domain AS types.pair CHECK ((value).a > 0)',
  'CREATE TYPE types.texts_range AS RANGE (subtype = text, multirange_type_name = types.texts_multirange)',
  'CREATE TYPE types.after_drop AS (gone int, kept text)',
  'ALTER TYPE types.after_drop DROP ATTRIBUTE gone',
  'ALTER TYPE types.after_drop ADD ATTRIBUTE added text',
  'CREATE TYPE types.reg_pair AS (r regclass, m money)',
];

/** Without operators for it, or of a length that no index holds. */
const NO_KEY = new Set([
  'json',
  'xml',
  'point',
  'line',
  'lseg',
  'box',
  'path',
  'polygon',
  'circle',
  'aclitem',
  'jsonpath',
  'cid',
  'xid',
  'int2vector',
  'pg_snapshot',
  'refcursor',
  'text',
  'bytea',
  'types.reg_pair',
]);

const NO_ARRAY = new Set(['types.pair_domain', 'types.mood_domain']);

interface TypeTable {
  type: string;
  table: string;
  key_table: string;
  array_type: string;
  /** SQL expressions; row n holds values[n] and arrays[n % arrays.length]. */
  values: string[];
  arrays: string[];
}

function type_table(name: string, [type, ...texts]: [string, ...string[]]): TypeTable {
  const [first, second] = texts;
  const mark = type === 'box' ? ';' : ',';
  const has_array = !NO_ARRAY.has(type);
  return {
    type,
    table: `types.t_${name}`,
    key_table: NO_KEY.has(type) ? '' : `types.k_${name}`,
    array_type: has_array ? `${type}[]` : 'int[]',
    values: [...texts.map((text) => `(${text})::${type}`), 'NULL'],
    arrays: has_array
      ? [
          `ARRAY[${first}, NULL, ${second}]::${type}[]`,
          `'{}'::${type}[]`,
          `('[-1:0][2:2]={{NULL}${mark}{NULL}}')::${type}[]`,
          `ARRAY[[${first}, ${second}], [${second}, ${first}]]::${type}[]`,
        ]
      : ['NULL'],
  };
}

describe('types', () => {
  let sessions: SchemaSessions;
  const compared: string[] = [];

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    // Objects of the same name get other numbers on each node then.
    for (const node of sessions.nodes.ids) {
      for (let more = 0; more < node; more++) {
        await sessions.run(node, 'CREATE TEMP TABLE numbers_used (a text)', 'DROP TABLE numbers_used');
      }
    }
    await sessions.run(1, 'CREATE SCHEMA types', 'CREATE ROLE types_role', ...SETUP);
    await sessions.quiet();
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, compared);
    await sessions.run(1, 'DROP SCHEMA types CASCADE', 'DROP ROLE types_role');
    await sessions.close();
  });

  test('the nodes number their objects differently', async () => {
    const numbers = await Promise.all(
      sessions.nodes.ids.map((node) => sessions.column(node, "SELECT 'types.mood_table'::regclass::oid")),
    );
    expect(new Set(numbers.flat()).size).toBe(sessions.nodes.count);
  });

  /** One transaction on a node, once all before it are visible there. */
  async function transaction(node: number, statements: string[]): Promise<void> {
    await sessions.quiet();
    await sessions.run(node, 'BEGIN', ...statements, 'COMMIT');
  }

  describe.each(Object.entries(CATEGORIES))('%s', (category, types) => {
    const tables = types.map((entry, index) =>
      type_table(`${category.split(/\W/)[0]}_${index}`, entry),
    );
    const keyed = tables.filter((table) => table.key_table !== '');

    test('written on every node, found by all its values, changed on another node', async () => {
      await transaction(
        1,
        tables.map(
          ({ table, type, array_type }) =>
            `CREATE TABLE ${table} (node int, n int, v ${type}, a ${array_type})`,
        ),
      );
      compared.push(...tables.map(({ table }) => table));
      for (const node of sessions.nodes.ids) await transaction(node, tables.flatMap(inserts(node)));
      for (const node of sessions.nodes.ids) {
        const other = (node % sessions.nodes.count) + 1;
        await transaction(
          node,
          tables.flatMap(({ table }) => [
            `UPDATE ${table} SET n = n + 100 WHERE node = ${other} AND n < 2`,
            `DELETE FROM ${table} WHERE node = ${other} AND n = 2`,
          ]),
        );
      }
      await sessions.quiet();
      for (const table of tables) await has_the_values(table);
    });

    test('as a key', async () => {
      await transaction(
        1,
        keyed.flatMap(({ key_table, type, values }) => [
          `CREATE TABLE ${key_table} (k ${type} PRIMARY KEY, n int, node int)`,
          `INSERT INTO ${key_table} VALUES (${values[0]}, 0, 1), (${values[1]}, 1, 1)`,
        ]),
      );
      compared.push(...keyed.map(({ key_table }) => key_table));
      await transaction(
        2,
        keyed.map(({ key_table }) => `UPDATE ${key_table} SET node = 2 WHERE n = 0`),
      );
      await transaction(
        3,
        keyed.map(({ key_table }) => `DELETE FROM ${key_table} WHERE n = 1`),
      );
      for (const { key_table, values } of keyed) {
        await sessions.all_give(
          `SELECT concat_ws(' ', k::text = (${values[0]})::text, n, node) FROM ${key_table}`,
          ['t 0 2'],
        );
      }
    });
  });

  function inserts(node: number) {
    return ({ table, values, arrays }: TypeTable) =>
      values.map(
        (value, n) =>
          `INSERT INTO ${table} VALUES (${node}, ${n}, ${value}, ${arrays[n % arrays.length]})`,
      );
  }

  /** Every node prints each row as the node does that was told to write it. */
  async function has_the_values({ table, values, arrays }: TypeTable): Promise<void> {
    const rows = values.flatMap((value, n) => {
      if (n === 2) return [];
      const array = arrays[n % arrays.length];
      return [`(${n < 2 ? n + 100 : n}, (${value})::text, (${array})::text)`];
    });
    const query = `
      SELECT count(*) || ' ' || count(DISTINCT t.node) FROM ${table} AS t
      JOIN (VALUES ${rows.join(', ')}) AS w (n, v, a) ON t.n = w.n
        AND t.v::text IS NOT DISTINCT FROM w.v AND t.a::text IS NOT DISTINCT FROM w.a`;
    const count = sessions.nodes.count;
    for (const node of sessions.nodes.ids) {
      const found = await sessions.column(node, query);
      expect(found, `${table} on node ${node}`).toEqual([`${rows.length * count} ${count}`]);
    }
  }

  test('settings of the session and of the database do not change what arrives', async () => {
    await sessions.run(1, 'CREATE TABLE types.settings (node int PRIMARY KEY, v types.nested, x xml)');
    compared.push('types.settings');
    await transaction(2, [
      "SET LOCAL datestyle = 'German, DMY'",
      "SET LOCAL intervalstyle = 'sql_standard'",
      'SET LOCAL extra_float_digits = -15',
      "SET LOCAL timezone = 'America/New_York'",
      'SET LOCAL search_path = types',
      `INSERT INTO types.settings VALUES
         (2, ROW(1, NULL, NULL, '31.12.1999', 0.1::float8 + 0.2::float8), '<a/>b<c/>')`,
    ]);
    await sessions.all_give("SELECT (v).d || ' ' || (v).f || x::text FROM types.settings", [
      '1999-12-31 0.30000000000000004<a/>b<c/>',
    ]);
  });
});
