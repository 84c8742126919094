// What is printed of a node that catches up.
import { expect, test } from 'vitest';
import { catch_up_text } from './catch_up_report.ts';
import type { CatchUp } from './catch_up.ts';

const MB = 1024 * 1024;
const MEASURED: CatchUp = {
  clients: 4,
  away_s: 20,
  tps: { before: 400, away: 500, reading: 300, after: 400 },
  pauses_ms: { leaving: 1200, coming_back: 300 },
  missed_bytes: 60 * MB,
  start_s: 1.5,
  reading_s: 8,
  caught_up: true,
  read: { bytes_per_s: 9 * MB, transactions_per_s: 1500 },
  written: { bytes_per_s: 1.5 * MB },
  failed: 7,
  cpu: new Map([
    ['lane', { cpu_ms: 10, system_ms: 0, context_switches: 8 }],
    ['multimaster recovery', { cpu_ms: 4000, system_ms: 0, context_switches: 8 }],
  ]),
};

const cells = (text: string, first: string) =>
  text.split('\n').find((line) => line.startsWith(`| ${first}`))?.split('|').map((cell) => cell.trim()).slice(1, -1);

test('how fast it reads stands beside how fast the others write', () => {
  const text = catch_up_text(MEASURED);
  expect(text).toContain('missed 60.0 MB, read 1.5 s after it was started, and was online 8.0 s later');
  expect(cells(text, 'MB of WAL')).toEqual(['MB of WAL a second', '9.0', '1.5', '6.00']);
  expect(cells(text, 'transactions a second')).toEqual(['transactions a second', '1500', '300', '5.00']);
});

test('what the others lose is in parts of what all three commit', () => {
  const text = catch_up_text(MEASURED);
  expect(cells(text, 'two, one is away')).toEqual(['two, one is away', '500', '1.25', '1200']);
  expect(cells(text, 'two, one catches up')).toEqual(['two, one catches up', '300', '0.75', '300']);
});

test('processes that do nearly nothing are left out', () => {
  const text = catch_up_text(MEASURED);
  expect(cells(text, 'multimaster recovery')).toEqual(['multimaster recovery', '50', '1']);
  expect(cells(text, 'lane')).toBeUndefined();
});

test('one that does not catch up has no rate of transactions', () => {
  const [read, tps] = [{ ...MEASURED.read, transactions_per_s: NaN }, { ...MEASURED.tps, after: NaN }];
  const text = catch_up_text({ ...MEASURED, caught_up: false, read, tps });
  expect(text).toContain('DID NOT CATCH UP');
  expect(cells(text, 'transactions a second')).toEqual(['transactions a second', '-', '300', '-']);
});
