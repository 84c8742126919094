// Too deep, too large: an error for the script or, at worst, the end of its
// session; never the end of the server.
import { describe, expect, test } from 'vitest';
import { connect } from './session.js';

const run = (script: string) => `DO $js$ ${script} $js$ LANGUAGE plv8`;

test('infinite recursion is a RangeError', async () => {
  const s = await connect();
  const error = await s.error(run('const f = (n) => f(n + 1) + 1; f(0)'));
  expect(error.message).toBe('RangeError: Maximum call stack size exceeded');
  await s.rows(run('const f = (n) => f(n + 1) + 1; try { f(0) } catch (e) { e.message }'));
});

test('its depth follows max_stack_depth', async () => {
  const s = await connect();
  await s.rows(`CREATE FUNCTION pg_temp.depth() RETURNS int LANGUAGE plv8 AS
    'let n = 0; const f = () => { n++; f() }; try { f() } catch (e) {} return n'`);
  await s.rows("SET max_stack_depth = '500kB'");
  const low = (await s.value('SELECT pg_temp.depth()')) as number;
  await s.rows("SET max_stack_depth = '2MB'");
  const high = (await s.value('SELECT pg_temp.depth()')) as number;
  expect(low).toBeGreaterThan(100);
  expect(high).toBeGreaterThan(2 * low);
});

test('endless recursion through SQL is an error', async () => {
  const s = await connect();
  await s.rows(`CREATE FUNCTION pg_temp.deep() RETURNS int LANGUAGE plv8 AS
    'return plv8.execute("SELECT pg_temp.deep()")'`);
  const error = await s.error('SELECT pg_temp.deep()');
  expect(['54001', 'XX000']).toContain(error.code);
  expect(error.message).toMatch(/stack depth limit|Maximum call stack/);
  expect(await s.value('SELECT 1')).toBe(1);
});

describe('memory beyond plv8.memory_limit is an error:', () => {
  const scripts: Record<string, [string, string]> = {
    'an array that grows': ['53200',
      'const a = []; for (;;) a.push({ n: a.length, s: "x" + a.length })'],
    'buffers': ['XX000', 'const a = []; for (;;) a.push(new ArrayBuffer(1e6))'],
    'promises': ['53200',
      'Promise.resolve().then(function f() { return Promise.resolve().then(f) })'],
    'caught by the script': ['53200',
      'for (;;) { try { const a = []; for (;;) a.push([a.length]) } catch (e) {} }'],
  };
  for (const [name, [code, script]] of Object.entries(scripts))
    test(name, async () => {
      const s = await connect({ options: '-c plv8.memory_limit=32MB' });
      expect((await s.error(run(script))).code).toBe(code);
      await s.rows(run('globalThis.x = new Array(100000).fill(0).map((_, i) => [i]); x = null'));
    });
});

describe('what V8 cannot survive ends one session only:', () => {
  const scripts: Record<string, string> = {
    'one huge array': 'Array.from({ length: 1e9 })',
    'a failed check in V8': "'1'.repeat(0x7ffffff).split('')",
  };
  for (const [name, script] of Object.entries(scripts))
    test(name, async () => {
      const s = await connect({ options: '-c plv8.memory_limit=32MB' });
      const other = await connect();
      const started = await other.value('SELECT pg_postmaster_start_time()::text');
      expect((await s.error(run(script))).severity).toBe('FATAL');
      expect(await other.value('SELECT pg_postmaster_start_time()::text')).toBe(started);
      expect(await other.value('SELECT 1')).toBe(1);
    });
});

test('Atomics.wait is refused, it could not be cancelled', async () => {
  const s = await connect();
  const error = await s.error(
    run('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'),
  );
  expect(error.message).toMatch(/^TypeError/);
});
