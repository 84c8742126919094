// What plv8 does to the backend's process: one thread that takes no signal, no
// signal handler changed, and nothing at all before the first call.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connect, processStatus } from './session.js';

test('no signal handler is installed or changed, one thread is added', async () => {
  const s = await connect();
  // Signals 32 and 33 are glibc's own, taken with the first thread.
  const signals = (field: string) => BigInt(`0x${processStatus(s.pid, field)}`) & 0x7fffffffn;
  const [caught, ignored] = [signals('SigCgt'), signals('SigIgn')];
  expect(processStatus(s.pid, 'Threads')).toBe('1');
  await s.rows('DO $$ 1 $$ LANGUAGE plv8');
  expect(signals('SigCgt')).toBe(caught);
  expect(signals('SigIgn')).toBe(ignored);
  expect(processStatus(s.pid, 'Threads')).toBe('2');
});

test('the thread takes no signal of the backend', async () => {
  const s = await connect();
  await s.rows('DO $$ 1 $$ LANGUAGE plv8');
  const other = readdirSync(`/proc/${s.pid}/task`).find((task) => task !== String(s.pid));
  const status = readFileSync(`/proc/${s.pid}/task/${other}/status`, 'utf8');
  const blocked = BigInt(`0x${/SigBlk:\s*(\w+)/.exec(status)?.[1]}`);
  for (const signal of [1, 2, 3, 10, 12, 14, 15])
    expect(blocked & (1n << BigInt(signal - 1)), `signal ${signal}`).not.toBe(0n);
});

test('a session without plv8 does not load V8', async () => {
  const s = await connect();
  await s.value('SELECT count(*) FROM pg_class');
  expect(readFileSync(`/proc/${s.pid}/maps`, 'utf8')).not.toContain('libnode');
});

test('a backend process ends cleanly after JavaScript', async () => {
  const [s, observer] = [await connect(), await connect()];
  await s.rows('DO $$ globalThis.keep = plv8.prepare("SELECT 1") $$ LANGUAGE plv8');
  await s.client.end();
  for (let left = 1; left !== 0; )
    left = (await observer.value('SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1',
      [s.pid])) as number;
  const log = readFileSync(process.env.PLV8_TEST_LOG ?? '', 'utf8');
  expect(log).not.toMatch(/terminated by signal/);
});
