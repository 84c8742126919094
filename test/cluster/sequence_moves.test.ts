// setval(), RESTART and the like put the sequence of every node somewhere else, and each goes
// on from there with its own values.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

/** So many nodes have values of their own, whether they are there or not. */
const STEP = 8;

describe('sequences that go on elsewhere', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, 'CREATE SCHEMA seq_moves');
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = seq_moves');
    }
    await sessions.run(
      1,
      'CREATE SEQUENCE s',
      'CREATE TABLE numbered (id serial PRIMARY KEY, other int GENERATED ALWAYS AS IDENTITY, node int)',
      'CREATE TABLE called (v bigint PRIMARY KEY DEFAULT setval(\'s\', 5000))',
      'CREATE VIEW calls AS SELECT setval(\'s\', 6000) AS v',
      `CREATE FUNCTION in_sql(bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT setval('s', $1) $$`,
      `CREATE FUNCTION in_tree(bigint) RETURNS bigint LANGUAGE sql RETURN setval('s', $1)`,
      `CREATE FUNCTION in_plpgsql(bigint) RETURNS bigint LANGUAGE plpgsql AS $$
         DECLARE v bigint := setval('s', $1); BEGIN RETURN v; END $$`,
      `CREATE FUNCTION in_tables(bigint) RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT setval('s', $1) $$`,
      `CREATE FUNCTION inner_sql(bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT in_sql($1) $$`,
      'CREATE PROCEDURE takes(bigint) LANGUAGE sql AS \'SELECT 1\'',
    );
  });

  beforeEach(async () => {
    await sessions.run(1, "SELECT setval('s', 1, false)", 'TRUNCATE numbered RESTART IDENTITY');
    await sessions.settled();
  });

  afterAll(async () => {
    await sessions.run(1, 'DROP SCHEMA seq_moves CASCADE');
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
  });

  /** The values that each node draws, `count` of them. */
  async function drawn(sequence: string, count: number): Promise<number[][]> {
    await sessions.settled();
    const all: number[][] = [];
    for (const node of sessions.nodes.ids) {
      const values = await sessions.column(
        node,
        `SELECT nextval('${sequence}') FROM generate_series(1, ${count})`,
      );
      all.push(values.map(Number));
    }
    expect(new Set(all.flat()).size).toBe(count * sessions.nodes.count);
    return all;
  }

  /** What each node draws from a sequence that begins at `start`. */
  const from_start = (start: number, increment = 1) =>
    sessions.nodes.ids.map((node) =>
      [0, 1].map((round) => start + (node - 1 + round * STEP) * increment),
    );

  /** All values lie behind `value`, and none is skipped for nothing. */
  async function behind(sequence: string, value: number): Promise<void> {
    for (const [first] of await drawn(sequence, 3)) {
      expect(first).toBeGreaterThan(value);
      expect(first).toBeLessThanOrEqual(value + STEP);
    }
  }

  test('setval() as pg_dump writes it, behind rows with numbers of their own', async () => {
    await sessions.run(
      2,
      'INSERT INTO numbered (id, node) SELECT i, 0 FROM generate_series(1, 100) AS i',
      "SELECT pg_catalog.setval('seq_moves.numbered_id_seq', 100, true)",
    );
    await sessions.settled();
    await Promise.all(
      sessions.nodes.ids.map(async (node) => {
        for (let row = 0; row < 20; row++) {
          await sessions.on(node).query(`INSERT INTO numbered (node) VALUES (${node})`);
        }
      }),
    );
    await sessions.all_give('SELECT count(*) FROM numbered', [String(100 + 20 * sessions.nodes.count)]);
    await same_everywhere(sessions.nodes, ['seq_moves.numbered']);
  });

  test('forwards, backwards, and to the value that comes next', async () => {
    await sessions.run(1, "SELECT setval('s', 1000)");
    await behind('s', 1000);
    await sessions.run(3, "SELECT setval('s', 20, true)");
    await behind('s', 20);
    await sessions.run(2, "SELECT setval('s', 41, false)");
    await behind('s', 40);
    expect(await sessions.column(1, "SELECT setval('s', 77)")).toEqual(['77']);
  });

  test.each([
    ["SELECT in_sql(2000)", 2000],
    ["SELECT in_tree(2001)", 2001],
    ["SELECT in_plpgsql(2002)", 2002],
    ["SELECT * FROM in_tables(2003)", 2003],
    ["SELECT inner_sql(2004)", 2004],
    ["DO $$ BEGIN PERFORM setval('s', 2005); END $$", 2005],
    ["SELECT * FROM setval('s', 2006)", 2006],
    ["WITH a AS MATERIALIZED (SELECT setval('s', 2007) AS v) SELECT (SELECT v FROM a)", 2007],
    ["SELECT 1 FROM generate_series(1, 3) AS i ORDER BY (SELECT setval('s', 2008))", 2008],
    ['INSERT INTO called DEFAULT VALUES', 5000],
    ['SELECT * FROM calls', 6000],
    // Computed on one node, and so called on one.
    ["CREATE TABLE made AS SELECT setval('s', 2009) AS v", 2009],
  ])('%s', async (statement, value) => {
    await sessions.run(2, statement);
    await behind('s', value);
  });

  test('a prepared statement, a cursor, and a savepoint that is undone', async () => {
    await sessions.run(
      1,
      "PREPARE moves AS SELECT setval('s', $1)",
      'EXECUTE moves(300)',
      'EXECUTE moves(310)',
      'DEALLOCATE moves',
    );
    await behind('s', 310);
    await sessions.run(
      1,
      'BEGIN',
      "DECLARE c CURSOR FOR SELECT setval('s', 400)",
      'FETCH c',
      'SAVEPOINT a',
      "SELECT setval('s', 9000)",
      'ROLLBACK TO a',
      "SELECT setval('s', 420)",
      'COMMIT',
    );
    await behind('s', 420);
  });

  test('a transaction that is undone moves its own node, and no value comes twice', async () => {
    await sessions.run(1, 'BEGIN', "SELECT setval('s', 500)", 'ROLLBACK');
    const [own, ...others] = await drawn('s', 3);
    expect(own![0]).toBeGreaterThan(500);
    expect(others.map(([first]) => first)).toEqual(sessions.nodes.ids.slice(1));
  });

  test('from two nodes at once: all go on where one of them put it', async () => {
    for (const start of [100, 20_000]) {
      const places = [start, 2 * start];
      for (const [i, place] of places.entries()) {
        await sessions.on(i + 1).query('BEGIN');
        await sessions.on(i + 1).query(`SELECT setval('s', ${place})`);
      }
      const ends = await Promise.allSettled([1, 2].map((node) => sessions.on(node).query('COMMIT')));
      const values = (await drawn('s', 1)).flat();
      const won = ends.findIndex(({ status }) => status === 'fulfilled');
      for (const end of ends) {
        if (end.status === 'rejected') expect(['40001', '40P01']).toContain(end.reason.code);
      }
      for (const value of values) expect(value - (places[won] ?? 0), `${values}`).toBeGreaterThan(0);
      expect(Math.max(...values) - Math.min(...values)).toBeLessThan(STEP);
    }
  });

  test('who may not, may not', async () => {
    await sessions.run(1, 'CREATE ROLE seq_moves_ann', 'GRANT USAGE ON SCHEMA seq_moves TO seq_moves_ann');
    const setval = "SELECT setval('s', 800)";
    expect(await sessions.failure(1, 'BEGIN', 'SET LOCAL ROLE seq_moves_ann', setval)).toBe('42501');
    expect(await sessions.failure(1, 'BEGIN READ ONLY', setval)).toBe('25006');
    expect(await sessions.failure(1, "SELECT setval('s', 0)")).toBe('22003');
    expect(await sessions.failure(1, "SELECT setval('numbered', 1)")).toBe('42809');
    await sessions.run(1, 'REVOKE EXECUTE ON FUNCTION setval(regclass, bigint) FROM PUBLIC',
      'GRANT ALL ON SEQUENCE s TO seq_moves_ann');
    expect(await sessions.failure(1, 'BEGIN', 'SET LOCAL ROLE seq_moves_ann', setval)).toBe('42501');
    await sessions.run(1, 'GRANT EXECUTE ON FUNCTION setval(regclass, bigint) TO PUBLIC',
      'SET ROLE seq_moves_ann', setval, 'RESET ROLE');
    await behind('s', 800);
    await sessions.run(1, 'DROP OWNED BY seq_moves_ann', 'DROP ROLE seq_moves_ann');
  });

  test('temporary and unlogged ones stay here', async () => {
    await sessions.run(1, 'CREATE TEMP SEQUENCE mine', "SELECT setval('mine', 10)");
    expect(await sessions.column(1, "SELECT nextval('mine')")).toEqual(['11']);
    await sessions.run(1, 'DROP SEQUENCE mine');
  });

  test('the last value', async () => {
    await sessions.run(1, 'CREATE SEQUENCE short MAXVALUE 40', "SELECT setval('short', 40)");
    await sessions.settled();
    for (const node of sessions.nodes.ids) {
      expect(await sessions.failure(node, "SELECT nextval('short')")).toBe('2200H');
    }
    await sessions.run(1, 'DROP SEQUENCE short');
  });

  test('RESTART, of a sequence, an identity and with TRUNCATE', async () => {
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, `INSERT INTO numbered (node) SELECT ${node} FROM generate_series(1, 5)`);
    }
    await sessions.run(2, 'ALTER SEQUENCE numbered_id_seq RESTART WITH 300');
    expect(await drawn('numbered_id_seq', 1)).toEqual([[305], [306], [307]]);
    await sessions.run(3, 'ALTER TABLE numbered ALTER other RESTART WITH 41, ALTER node SET DEFAULT 0');
    expect(await drawn('numbered_other_seq', 2)).toEqual(from_start(41));
    await sessions.run(3, 'ALTER TABLE numbered ALTER other SET GENERATED BY DEFAULT RESTART');
    expect(await drawn('numbered_other_seq', 2)).toEqual(from_start(1));
    await sessions.run(2, 'TRUNCATE numbered RESTART IDENTITY');
    expect(await drawn('numbered_id_seq', 2)).toEqual(from_start(1));
    expect(await drawn('numbered_other_seq', 2)).toEqual(from_start(1));
    await sessions.run(1, 'BEGIN', 'TRUNCATE numbered RESTART IDENTITY', 'ROLLBACK');
    expect((await drawn('numbered_id_seq', 1))[0]).toEqual([1 + 2 * STEP]);
    await same_schema_everywhere(sessions.nodes);
  });

  test('other values of a sequence that nobody has drawn from', async () => {
    await sessions.run(1, 'CREATE SEQUENCE fresh', 'ALTER SEQUENCE fresh INCREMENT 50');
    expect(await drawn('fresh', 2)).toEqual(from_start(1, 50));
    await sessions.run(1, 'ALTER SEQUENCE fresh INCREMENT -3 MINVALUE -1000 MAXVALUE 10 START 10 RESTART');
    expect(await drawn('fresh', 2)).toEqual(from_start(10, -3));
    await sessions.run(1, 'DROP SEQUENCE fresh');
    await sessions.run(
      1,
      'CREATE TABLE first (a int, id int GENERATED ALWAYS AS IDENTITY)',
      'ALTER TABLE first ALTER id SET INCREMENT 10',
    );
    expect(await drawn('first_id_seq', 2)).toEqual(from_start(1, 10));
    await sessions.run(1, 'DROP TABLE first');
    await same_schema_everywhere(sessions.nodes);
  });

  test('other values go on behind those that were given, or are refused', async () => {
    await sessions.run(2, "SELECT nextval('s') FROM generate_series(1, 50)");
    await sessions.run(1, "SELECT nextval('s')");
    for (const change of ['INCREMENT 5', 'START 4']) {
      expect(await sessions.failure(1, `ALTER SEQUENCE s ${change}`)).toBe('55000');
    }
    await sessions.run(1, 'SELECT mtm.alter_sequences()', 'ALTER SEQUENCE s INCREMENT 5');
    const all = await drawn('s', 3);
    expect(Math.min(...all.flat())).toBeGreaterThan(2 + 49 * STEP);
    await sessions.run(1, 'ALTER SEQUENCE s INCREMENT 1 RESTART');
    expect(await drawn('s', 2)).toEqual(from_start(1));
  });

  test('mtm.alter_sequences() takes each node back to its own values, behind all that were given', async () => {
    await sessions.run(2, "SELECT nextval('s') FROM generate_series(1, 30)");
    await sessions.run(3, 'SET multimaster.bypass = on', "CALL takes(setval('s', 100))");
    await sessions.run(3, 'RESET multimaster.bypass');
    expect(await sessions.column(1, 'SELECT mtm.alter_sequences()')).toEqual(['true']);
    expect(await sessions.column(1, 'SELECT mtm.alter_sequences()')).toEqual(['false']);
    expect(Math.min(...(await drawn('s', 3)).flat())).toBeGreaterThan(2 + 29 * STEP);
    expect(await sessions.failure(1, 'BEGIN', 'SET LOCAL ROLE pg_monitor', 'SELECT mtm.alter_sequences()')).toBe('42501');
  });

  test('multimaster.monotonic_sequences: values grow from node to node, with the commits', async () => {
    for (const node of sessions.nodes.ids) await sessions.run(node, 'SET multimaster.monotonic_sequences = on');
    const given: number[] = [];
    for (let i = 0; i < 30; i++) {
      const node = 1 + ((i * 7) % sessions.nodes.count);
      const drawing = [
        "SELECT nextval('s') AS v",
        "INSERT INTO numbered (id, node) VALUES (nextval('s'), 1) RETURNING id AS v",
        "SELECT max(nextval('s')) AS v FROM generate_series(1, 10)",
      ][i % 3]!;
      given.push(Number((await sessions.column(node, drawing))[0]));
    }
    expect(given).toEqual([...given].sort((a, b) => a - b));
    for (const node of sessions.nodes.ids) {
      const { rows } = await sessions.on(node).query('INSERT INTO numbered (id, node) VALUES (-$1::int, 1) RETURNING other', [node]);
      given.push(rows[0].other);
    }
    expect(given.slice(-3)).toEqual(given.slice(-3).sort((a, b) => a - b));
    for (const node of sessions.nodes.ids) await sessions.run(node, 'RESET multimaster.monotonic_sequences');
  });
});
