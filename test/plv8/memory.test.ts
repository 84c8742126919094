// No call leaves memory behind. Each load runs twice: once to reach the size
// it needs, then the growth of the second is bounded in bytes.
import { describe, expect, test } from 'vitest';
import { connect, privateBytes, type Session } from './session.js';

const mb = 1024 * 1024;

interface Load {
  /** What V8 may not have collected yet, in MB; less than a round would leak. */
  garbage?: number;
  setup?: string[];
  run: string | ((s: Session) => Promise<void>);
}

const many = async (s: Session, count: number, statement: (i: number) => string) => {
  for (let i = 0; i < count; i += 100)
    await s.client.query(Array.from({ length: 100 }, (_, n) => statement(i + n)).join(';'));
};

const echo = "CREATE FUNCTION pg_temp.echo(j jsonb) RETURNS jsonb LANGUAGE plv8 AS 'return j'";

const loads: Record<string, Load> = {
  'a million calls, jsonb in and out': {
    setup: [echo],
    run: `SELECT count(pg_temp.echo('{"a": 1}')) FROM generate_series(1, 500000)`,
  },
  'calls with text, arrays and composites': {
    setup: [
      'CREATE TYPE pg_temp.pair AS (a int, b text)',
      `CREATE FUNCTION pg_temp.mixed(t text, a int[], p pg_temp.pair) RETURNS SETOF pg_temp.pair
       LANGUAGE plv8 AS 'plv8.return_next(p); return [{a: a.length, b: t}]'`,
    ],
    run: `SELECT count(*) 
      FROM generate_series(1, 20000), pg_temp.mixed('text', '{1,2,3}', (1, 'b'))
      WHERE generate_series > 0`,
  },
  'SQL with and without parameters in one call': {
    run: `DO $$ for (let i = 0; i < 8000; i++) {
      plv8.execute('SELECT $1::int AS a, $2 AS b', [i, 'x']); plv8.execute('SELECT 1');
        } $$ LANGUAGE plv8`,
  },
  'a hundred thousand statements in one subtransaction': {
    run: `DO $$ plv8.subtransaction(() => {
      const p = plv8.prepare('SELECT $1::text AS a');
      for (let i = 0; i < 50000; i++) p.execute(['x'.repeat(500)]); p.free() }) $$ LANGUAGE plv8`,
  },
  'caught errors, of both kinds': {
    run: `DO $$ for (let i = 0; i < 5000; i++) {
      try { plv8.execute('SELECT 1 / 0') } catch (e) {}
      try { plv8.subtransaction(() => {
        throw new Error('x') }) } catch (e) {} } $$ LANGUAGE plv8`,
  },
  'uncaught errors': {
    run: (s) =>
      many(s, 3000, () =>
        `DO $x$ BEGIN DO $y$ throw new Error('x'.repeat(2000)) $y$ LANGUAGE plv8;
         EXCEPTION WHEN OTHERS THEN NULL; END $x$`),
  },
  'plans that nobody frees': {
    run: (s) =>
      many(s, 2000, (i) =>
        `DO $$ plv8.prepare('SELECT $1::int + ${i}').execute([1]) $$ LANGUAGE plv8`),
  },
  'cursors': {
    run: `DO $$ const p = plv8.prepare('SELECT * FROM generate_series(1, 3)');
      for (let i = 0; i < 10000; i++) { const c = p.cursor(); c.fetch(2); c.close();
        } p.free() $$ LANGUAGE plv8`,
  },
  'functions that are replaced': {
    garbage: 20,
    run: (s) =>
      many(s, 450, (i) =>
        `CREATE OR REPLACE FUNCTION pg_temp.again() RETURNS int LANGUAGE plv8 AS
         'return ${i}; //${'x'.repeat(60_000)}';
         SELECT pg_temp.again()`),
  },
  'functions that are dropped': {
    garbage: 20,
    run: (s) =>
      many(s, 450, (i) =>
        `CREATE FUNCTION pg_temp.f${i}() RETURNS int LANGUAGE plv8 AS
         'return ${i}; //${'x'.repeat(60_000)}';
         SELECT pg_temp.f${i}(); DROP FUNCTION pg_temp.f${i}()`),
  },
  'triggers': {
    setup: [
      'CREATE TEMP TABLE tg (a int, b text)',
      `CREATE FUNCTION pg_temp.tg() RETURNS trigger LANGUAGE plv8 AS 'NEW.a++; return NEW'`,
      'CREATE TRIGGER tg BEFORE INSERT ON tg FOR EACH ROW EXECUTE FUNCTION pg_temp.tg()',
    ],
    run: `INSERT INTO tg SELECT g, 'text' FROM generate_series(1, 30000) g; TRUNCATE tg`,
  },
};

describe('the second round of a load needs no more memory than the first:', () => {
  for (const [name, load] of Object.entries(loads))
    test(name, async () => {
      const s = await connect();
      for (const statement of load.setup ?? []) await s.rows(statement);
      const round = async () => {
        if (typeof load.run === 'string') await s.client.query(load.run);
        else await load.run(s);
        return privateBytes(s.pid);
      };
      const first = await round();
      const second = await round();
      expect(second - first).toBeLessThan((load.garbage ?? 6) * mb);
      expect(second).toBeLessThan(80 * mb);
    });
});
