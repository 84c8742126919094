// Comparing tables between nodes, and repairing them: what was changed behind the
// cluster's back is found, and nothing else, whatever is written meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { BANK, open_bank, type Bank } from './bank_load.ts';
import { failure, NodeSessions, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const ROWS = 25_000;
const CHECKS_UNDER_LOAD = 8;
const TABLES = [
  'CREATE TABLE keyed (id int PRIMARY KEY, v text, n numeric)',
  `INSERT INTO keyed SELECT g, 'v' || g, g / 7.0 FROM generate_series(1, ${ROWS}) g`,
  'CREATE TABLE pairs (a text, b int, v text, PRIMARY KEY (b, a))',
  `INSERT INTO pairs SELECT 'it''s \\ "' || g % 10, g / 10, 'v' FROM generate_series(1, 1000) g`,
  'CREATE TABLE keyless (a int, b text)',
  `INSERT INTO keyless VALUES (1, 'twice'), (1, 'twice'), (2, NULL), (3, ''), (4, 'more')`,
  'CREATE TABLE nothing (id int PRIMARY KEY)',
  'CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)',
  'CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)',
  'CREATE TABLE parts_2 PARTITION OF parts DEFAULT',
  `INSERT INTO parts SELECT g, 'v' FROM generate_series(1, 200) g`,
  "CREATE TYPE mood AS ENUM ('good', 'bad')",
  'CREATE DOMAIN positive AS int CHECK (VALUE > 0)',
  'CREATE TYPE pair AS (x int, y text)',
  `CREATE TABLE kinds (id timestamptz, m mood, p positive, PRIMARY KEY (id, m, p), i interval,
     f float8, b bytea, d date, c money, j jsonb, ar mood[], r tstzrange, co pair, "odd "" name" text,
     g int GENERATED ALWAYS AS (p * 2) STORED, ident int GENERATED ALWAYS AS IDENTITY)`,
  `INSERT INTO kinds SELECT '2020-01-01 00:00+00'::timestamptz + g * interval '1 hour',
     CASE g % 2 WHEN 0 THEN 'good' ELSE 'bad' END::mood, g, g * interval '1 day 3 hours', g / 3.0,
     decode(lpad(to_hex(g), 8, '0'), 'hex'), '2020-01-01'::date + g, g, jsonb_build_object('g', g), '{good,bad}',
     tstzrange('2020-01-01', '2021-01-01'), ROW(g, CASE g % 3 WHEN 0 THEN NULL ELSE '' END)::pair, E'tab\\tline\\nback\\\\ \\r'
   FROM generate_series(1, 100) g`,
];
/** What the text of those depends on. */
const OTHER_SETTINGS = `-c DateStyle=German -c TimeZone=Asia/Tokyo -c IntervalStyle=iso_8601
  -c extra_float_digits=-3 -c bytea_output=escape`.replace(/\s+/g, ' ');

interface Problem {
  node_id: number;
  relation: string | null;
  key: string | null;
  problem: string;
}

describe('tables of all nodes are compared', () => {
  let sessions: NodeSessions;
  let client: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'checked');
    client = sessions.on(1);
    for (const statement of [...TABLES, ...BANK]) await client.query(statement);
    await sessions.settled();
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['checked.keyed', 'checked.keyless', 'checked.kinds']);
    await client.query('DROP SCHEMA bank CASCADE');
    await sessions.close();
  });

  async function check(table: string, on = client, max_rows = 100): Promise<Problem[]> {
    const { rows } = await on.query<Problem>(
      'SELECT node_id, relation::text, key, problem FROM mtm.check_table($1, $2)',
      [table, max_rows],
    );
    return rows;
  }

  const problem = (node_id: number, relation: string, key: string | null, text: string) => ({
    node_id,
    relation,
    key,
    problem: text,
  });

  async function repaired(table: string, ...nodes: number[]): Promise<void> {
    for (const node of nodes) await client.query('SELECT mtm.copy_table($1, $2)', [table, node]);
    expect(await check(table)).toEqual([]);
  }

  /** Messages of warnings and notices while it runs. */
  async function said(run: () => Promise<unknown>, on = client): Promise<string[]> {
    const texts: string[] = [];
    const listener = ({ message }: { message?: string | undefined }) => texts.push(message ?? '');
    on.on('notice', listener);
    try {
      await run();
    } finally {
      on.off('notice', listener);
    }
    return texts;
  }

  test.each(['keyed', 'pairs', 'keyless', 'nothing', 'parts', 'kinds', 'mtm.local_tables'])(
    'equal: %s, asked on each node',
    async (table) => {
      for (const node of sessions.nodes.ids) {
        expect(await check(table, sessions.on(node)), `node ${node}`).toEqual([]);
      }
    },
  );

  test('a row that was changed, removed or added on one node only', async () => {
    await sessions.only_on(
      2,
      'DELETE FROM keyed WHERE id = 77',
      "UPDATE keyed SET v = 'other', n = NULL WHERE id = 15000",
      'UPDATE keyed SET n = 1.0 WHERE id = 7',
      `INSERT INTO keyed VALUES (-1, 'more'), (${ROWS + 1}, 'more')`,
    );
    await sessions.only_on(3, `INSERT INTO keyed VALUES (${ROWS + 1}, 'more')`, 'UPDATE keyed SET v = NULL WHERE id = 77');
    const expected = [
      problem(2, 'keyed', '77', 'missing'),
      problem(3, 'keyed', '77', 'differs: column v'),
      problem(2, 'keyed', '15000', 'differs: columns v, n'),
      problem(2, 'keyed', '7', 'differs: column n'),
      problem(2, 'keyed', '-1', 'not on nodes 1, 3'),
      // Two nodes have it, so it is the third that lacks it.
      problem(1, 'keyed', String(ROWS + 1), 'missing'),
    ];
    for (const node of sessions.nodes.ids) {
      const found = await check('keyed', sessions.on(node));
      expect(found, `node ${node}`).toHaveLength(expected.length);
      expect(found, `node ${node}`).toEqual(expect.arrayContaining(expected));
    }
    await repaired('keyed', 2, 3);
  });

  test('more than is asked for: the list is cut, and says so', async () => {
    await sessions.only_on(3, "UPDATE keyed SET v = 'x' WHERE id > 5000");
    const warnings = await said(async () => {
      expect(await check('keyed', client, 5)).toHaveLength(5);
    });
    expect(warnings).toEqual(['only the first 5 problems are listed']);
    expect(await check('keyed')).toHaveLength(100);
    await repaired('keyed', 3);
  });

  test('a table that is empty on one node', async () => {
    await sessions.only_on(1, 'TRUNCATE keyed');
    for (const node of [1, 2]) {
      const found = await check('keyed', sessions.on(node), 3);
      expect(found.map(({ node_id, problem: text }) => [node_id, text])).toEqual(
        Array(3).fill([1, 'missing']),
      );
    }
    await sessions.on(2).query("SELECT mtm.copy_table('keyed', 1)");
    expect(await check('keyed')).toEqual([]);
  });

  test('a key of several columns, with quotes in it', async () => {
    await sessions.only_on(2, 'DELETE FROM pairs WHERE b = 50 AND a LIKE \'%" 3\' ESCAPE \'~\'', 'DELETE FROM pairs WHERE ctid = (SELECT max(ctid) FROM pairs)');
    const found = await check('pairs');
    expect(found).toEqual([problem(2, 'pairs', '(100, it\'s \\ "0)', 'missing')]);
    await repaired('pairs', 2);
  });

  test('rows without a key, and how often they are there', async () => {
    await sessions.only_on(
      2,
      'DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless WHERE a = 1)',
      'UPDATE keyless SET b = NULL WHERE a = 3',
    );
    const found = await check('keyless');
    const expected = [
      problem(2, 'keyless', '(1,twice)', 'differs: once, 2 times on node 1'),
      problem(2, 'keyless', '(3,)', 'not on nodes 1, 3'),
      problem(2, 'keyless', '(3,"")', 'missing'),
    ];
    expect(found).toHaveLength(3);
    expect(found).toEqual(expect.arrayContaining(expected));
    await repaired('keyless', 2);
  });

  test('partitions, each by its name', async () => {
    await sessions.only_on(2, 'DELETE FROM parts WHERE id IN (5, 150)');
    expect(await check('parts')).toEqual([
      problem(2, 'parts_1', '5', 'missing'),
      problem(2, 'parts_2', '150', 'missing'),
    ]);
    expect(await check('parts_2')).toEqual([problem(2, 'parts_2', '150', 'missing')]);
    await repaired('parts', 2);
  });

  test('types whose text depends on settings of the session or the database', async () => {
    await sessions.only_on(3, 'UPDATE kinds SET i = i + interval \'1 second\', f = f + 1e-14 WHERE p = 9');
    const other = await sessions.nodes.client(2, { options: OTHER_SETTINGS });
    try {
      const { rows } = await other.query("SELECT key, problem FROM mtm.check_table('checked.kinds')");
      expect(rows).toEqual([
        { key: '(2020-01-01 09:00:00+00, bad, 9)', problem: 'differs: columns i, f' },
      ]);
      await other.query("SELECT mtm.broadcast_table('checked.kinds', 7)");
    } finally {
      await other.end();
    }
    expect(await check('kinds')).toEqual([]);
  });

  test('other definitions are found, and rows are compared where columns are the same', async () => {
    await sessions.only_on(
      2,
      'CREATE INDEX extra ON keyless (a)',
      'ALTER TABLE nothing ADD more int',
      'DELETE FROM keyless WHERE a = 4',
      'DROP TABLE parts_2',
      'CREATE TABLE surplus (id int)',
    );
    const index = 'CREATE INDEX extra ON checked.keyless USING btree (a)';
    expect(await check('keyless')).toEqual([
      problem(2, 'keyless', null, `definition differs: has ${index}`),
      problem(2, 'keyless', '(4,more)', 'missing'),
    ]);
    expect(await check('nothing')).toEqual([
      problem(2, 'nothing', null, 'definition differs: has column more integer'),
    ]);
    expect(await check('parts')).toEqual([problem(2, 'parts_2', null, 'table missing')]);
    const { rows } = await client.query(
      "SELECT node_id, relation, problem FROM mtm.check_database() WHERE key IS NULL AND problem ~ 'surplus'",
    );
    expect(rows).toEqual([
      { node_id: 2, relation: null, problem: 'checked.surplus: table not on nodes 1, 3' },
    ]);
    const error = await failure(client, "SELECT mtm.copy_table('nothing', 2)");
    expect([error.code, error.message]).toEqual([
      '55000',
      'node 2: node 1: table checked.nothing has other columns here',
    ]);
    await sessions.only_on(
      2,
      'DROP INDEX extra',
      'ALTER TABLE nothing DROP more',
      'DROP TABLE surplus',
      'CREATE TABLE parts_2 PARTITION OF parts DEFAULT',
    );
    await repaired('parts', 2);
    await repaired('keyless', 2);
    await repaired('nothing', 2);
    const after = await client.query('SELECT node_id, relation, key, problem FROM mtm.check_database()');
    expect(after.rows).toEqual([]);
  });

  test('rows that are older than a constraint which is NOT VALID', async () => {
    for (const statement of [
      'CREATE DOMAIN aging AS int',
      'CREATE TABLE aged (id int PRIMARY KEY, d aging, n int, g int GENERATED ALWAYS AS (n * 2) STORED)',
      'INSERT INTO aged VALUES (1, -1, 1), (2, 1, -1), (3, NULL, 1)',
      'ALTER DOMAIN aging ADD CONSTRAINT a CHECK (VALUE IS NOT NULL AND VALUE > 0) NOT VALID',
      'ALTER TABLE aged ADD CONSTRAINT a CHECK (n > 0) NOT VALID',
    ]) {
      await client.query(statement);
    }
    await sessions.settled();
    await sessions.only_on(3, 'DELETE FROM aged');
    await repaired('aged', 3);
    await client.query('DROP TABLE aged; DROP DOMAIN aging');
  });

  test("a table of an ordinary user, whose code runs with the user's rights", async () => {
    const owner = await sessions.another(1);
    await client.query('CREATE ROLE check_owner');
    await client.query('GRANT USAGE, CREATE ON SCHEMA checked TO check_owner');
    await owner.query('SET ROLE check_owner');
    for (const statement of [
      `CREATE FUNCTION guard(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
       BEGIN
         IF current_user <> 'check_owner' THEN RAISE EXCEPTION 'run by %', current_user; END IF;
         RETURN 'x';
       END $$`,
      'CREATE DOMAIN guarded AS int CHECK (checked.guard(VALUE) IS NOT NULL)',
      'CREATE TABLE owned (id int PRIMARY KEY, v text, g guarded)',
      'CREATE INDEX ON owned ((checked.guard(id) || v))',
      'INSERT INTO owned SELECT g, g, g FROM generate_series(1, 50) g',
      'ALTER TABLE owned ENABLE ROW LEVEL SECURITY',
    ]) {
      await owner.query(statement);
    }
    await sessions.settled();
    // What is constant in an index is computed by whoever plans a query of its table.
    for (const node of sessions.nodes.ids) {
      await sessions.only_on(
        node,
        'SET ROLE check_owner',
        'CREATE INDEX constant ON owned ((checked.guard(1) || v))',
      );
    }
    await sessions.only_on(3, 'SET ROLE check_owner', "UPDATE owned SET v = 'other' WHERE id = 9", 'DELETE FROM owned WHERE id = 10');
    expect(await check('owned')).toEqual([
      problem(3, 'owned', '9', 'differs: column v'),
      problem(3, 'owned', '10', 'missing'),
    ]);
    await repaired('owned', 3);
    await owner.query('DROP TABLE owned; DROP DOMAIN guarded; DROP FUNCTION guard');
    await client.query('DROP OWNED BY check_owner');
    await client.query('DROP ROLE check_owner');
  });

  test('what is no replicated table', async () => {
    await client.query('CREATE VIEW a_view AS SELECT 1');
    await client.query('CREATE TABLE own (id int)');
    await client.query("SELECT mtm.make_table_local('own')");
    for (const name of ['a_view', 'own', 'pg_catalog.pg_class']) {
      expect((await failure(client, `SELECT mtm.check_table('${name}')`)).code, name).toBe('42809');
      expect((await failure(client, `SELECT mtm.copy_table('${name}', 2)`)).code, name).toBe('42809');
    }
    await client.query("DELETE FROM mtm.local_tables WHERE rel_name = 'own'");
  });

  describe('mtm.check_query()', () => {
    test('the same rows in whatever order', async () => {
      expect(await value(client, "SELECT mtm.check_query('SELECT * FROM keyed ORDER BY n; ')")).toBe(true);
      expect(await value(client, "SELECT mtm.check_query('VALUES (1), (1), (NULL) -- end')")).toBe(true);
    });

    test('other rows', async () => {
      await sessions.only_on(2, "UPDATE keyed SET v = 'other' WHERE id = 3");
      const warnings = await said(async () => {
        const query = "SELECT mtm.check_query('SELECT id, v FROM keyed WHERE id < 10')";
        expect(await value(client, query)).toBe(false);
      });
      expect(warnings.sort()).toEqual([
        'query results mismatch: node 2, row (3,other): not on nodes 1, 3',
        'query results mismatch: node 2, row (3,v3): missing',
      ]);
      await repaired('keyed', 2);
    });

    test('it reads, and does nothing else', async () => {
      const codes = async (query: string) =>
        (await failure(client, 'SELECT mtm.check_query($1)', [query])).code;
      expect(await codes('SELECT nope FROM keyed')).toBe('42703');
      expect(await codes("WITH d AS (DELETE FROM keyed RETURNING 1) SELECT * FROM d")).toBe('0A000');
      expect(await codes("SELECT nextval('checked.kinds_ident_seq')")).toBe('42501');
      expect(await codes("SELECT pg_read_file('postgresql.conf')")).toBe('42501');
      expect(await codes("SELECT 1) AS q; DROP TABLE keyed; SELECT 1 FROM (SELECT 1")).toBe('42601');
      expect(await check('keyed')).toEqual([]);
    });
  });

  describe('under load from all nodes', () => {
    let load: Bank | null = null;

    afterEach(async () => {
      if (load === null) return;
      const tally = await load.close();
      load = null;
      console.log(
        `transfers ${JSON.stringify([...tally.transfers])}, conflicts ${JSON.stringify([...tally.conflicts])}`,
      );
      expect(tally.wrong).toEqual([]);
      expect(await check('bank.accounts')).toEqual([]);
      expect(await check('bank.journal')).toEqual([]);
    });

    test('equal tables are never said to differ', async () => {
      load = open_bank(sessions.nodes, 2);
      await sleep(1_000);
      const times: number[] = [];
      for (let i = 0; i < CHECKS_UNDER_LOAD; i++) {
        const on = sessions.on(1 + (i % sessions.nodes.count));
        const started = Date.now();
        for (const table of ['bank.accounts', 'bank.journal']) {
          expect(await check(table, on), `check ${i} of ${table}`).toEqual([]);
        }
        const query = "SELECT mtm.check_query('SELECT sum(balance), count(*) FROM bank.accounts')";
        expect(await value(on, query)).toBe(true);
        times.push(Date.now() - started);
      }
      console.log(`three checks took ${times.join(', ')} ms`);
    });

    test('a difference is found and repaired', async () => {
      load = open_bank(sessions.nodes, 2);
      await sleep(1_000);
      const [{ ctid, row }] = (
        await sessions.on(2).query('SELECT ctid, j::text AS row FROM bank.journal j LIMIT 1')
      ).rows as [{ ctid: string; row: string }];
      // No one changes or reads it.
      await sessions.only_on(2, `UPDATE bank.journal SET node = -1 WHERE ctid = '${ctid}'`);
      const found = await check('bank.journal');
      expect(found).toHaveLength(2);
      expect(found).toContainEqual(problem(2, 'bank.journal', row, 'missing'));
      const started = Date.now();
      await client.query("SELECT mtm.copy_table('bank.accounts', 3)");
      await client.query("SELECT mtm.copy_table('bank.journal', 2)");
      console.log(`two copies took ${Date.now() - started} ms`);
      expect(await check('bank.accounts')).toEqual([]);
      expect(await check('bank.journal')).toEqual([]);
    });
  });
});
