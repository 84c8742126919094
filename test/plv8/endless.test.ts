// An endless script ends on cancel, statement_timeout and terminate, whatever
// it does. A test that fails here does not return, and vitest's limit ends it.
import { describe, expect, test } from 'vitest';
import { connect, runs } from './session.js';

const scripts: Record<string, string> = {
  'an empty loop': 'while (true) {}',
  'a loop that catches all': 'for (;;) { try { for (;;) {} } catch (e) {} }',
  'a loop in finally': 'try { for (;;) {} } finally { for (;;) {} }',
  'recursion that catches its overflow': 'const f = () => { try { f() } finally { f() } }; f()',
  'a promise chain': '(async () => { for (;;) await null })()',
  'a regular expression': '/(a+)+b/.test("a".repeat(60))',
  'a getter of a thrown object': 'throw { get message() { for (;;) {} } }',
  'a toString of an argument': 'plv8.elog(DEBUG5, { toString() { for (;;) {} } })',
  'a toJSON of a parameter':
    'plv8.execute("SELECT $1::jsonb", [{ toJSON() { for (;;) {} } }])',
  'a loop of SQL that catches all':
    'for (;;) { try { plv8.execute("SELECT 1") } catch (e) {} }',
  'a sleep in SQL, caught':
    'for (;;) { try { plv8.execute("SELECT pg_sleep(1000)") } catch (e) {} }',
  'a subtransaction': 'plv8.subtransaction(() => { for (;;) {} })',
  'plv8 in SQL in plv8':
    'for (;;) { try { plv8.execute("DO $x$ for (;;) {} $x$ LANGUAGE plv8") } catch (e) {} }',
};

describe('statement_timeout ends', () => {
  for (const [name, script] of Object.entries(scripts))
    test(name, async () => {
      const s = await connect();
      await s.rows("SET statement_timeout = '100ms'");
      const error = await s.error(`DO $js$ ${script} $js$ LANGUAGE plv8`);
      expect(error.code).toBe('57014');
      expect(error.message).toBe('canceling statement due to statement timeout');
      await s.rows('SET statement_timeout = 0');
      await s.rows('DO $js$ globalThis.x = [1, 2].map(n => n * 2).join() $js$ LANGUAGE plv8');
      expect(await s.value('SELECT 1')).toBe(1);
    });
});

describe('pg_cancel_backend ends', () => {
  for (const [name, script] of Object.entries(scripts))
    test(name, async () => {
      const [s, observer] = [await connect(), await connect()];
      const error = s.error(`DO $js$ ${script} $js$ LANGUAGE plv8`);
      await runs(observer, s.pid);
      await observer.value('SELECT pg_cancel_backend($1)', [s.pid]);
      expect((await error).message).toBe('canceling statement due to user request');
      expect((await error).code).toBe('57014');
      expect(await s.value('SELECT 1')).toBe(1);
    });
});

describe('pg_terminate_backend ends', () => {
  for (const [name, script] of Object.entries(scripts))
    test(name, async () => {
      const [s, observer] = [await connect(), await connect()];
      const error = s.error(`DO $js$ ${script} $js$ LANGUAGE plv8`);
      await runs(observer, s.pid);
      const started = await observer.value('SELECT pg_postmaster_start_time()::text');
      expect(await observer.value('SELECT pg_terminate_backend($1, 30000)', [s.pid])).toBe(true);
      expect((await error).code).toBe('57P01');
      expect(await observer.value('SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1',
        [s.pid]))
        .toBe(0);
      expect(await observer.value('SELECT pg_postmaster_start_time()::text')).toBe(started);
    });
});

test('a cancelled script leaves nothing of its transaction', async () => {
  const s = await connect();
  await s.rows('CREATE TEMP TABLE t (a int)');
  await s.rows("SET statement_timeout = '100ms'");
  await s.error('DO $$ plv8.execute("INSERT INTO t VALUES (1)"); for (;;) {} $$ LANGUAGE plv8');
  expect(await s.value('SELECT count(*)::int FROM t')).toBe(0);
});

test('promises of a cancelled script are not settled by the next', async () => {
  const s = await connect();
  await s.rows("SET statement_timeout = '100ms'");
  await s.error(
    `DO $$ globalThis.n = 0; Promise.resolve().then(() => { n++ });
     for (;;) {} $$ LANGUAGE plv8`);
  await s.rows('SET statement_timeout = 0');
  await s.rows("CREATE FUNCTION pg_temp.n() RETURNS int LANGUAGE plv8 AS 'return globalThis.n'");
  expect(await s.value('SELECT pg_temp.n()')).toBe(0);
});

test('a statement that PL/pgSQL cancels is caught by nobody but PL/pgSQL', async () => {
  const s = await connect();
  await s.rows(`DO $x$ BEGIN
    DO $js$ try { plv8.execute("DO $y$ BEGIN RAISE query_canceled; END $y$") } catch (e) {
      plv8.elog(WARNING, 'caught') } $js$ LANGUAGE plv8;
    RAISE EXCEPTION 'not cancelled';
  EXCEPTION WHEN query_canceled THEN NULL; END $x$`);
});

test('a trigger in a loop is cancelled', async () => {
  const s = await connect();
  await s.rows('CREATE TEMP TABLE t (a int)');
  await s.rows("CREATE FUNCTION pg_temp.spin() RETURNS trigger LANGUAGE plv8 AS 'for (;;) {}'");
  await s.rows(
    'CREATE TRIGGER spin BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pg_temp.spin()');
  await s.rows("SET statement_timeout = '100ms'");
  expect((await s.error('INSERT INTO t VALUES (1)')).code).toBe('57014');
});
