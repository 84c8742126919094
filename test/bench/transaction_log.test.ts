// pgbench's transaction logs, and the stretch of a run that is measured.
import { describe, expect, test } from 'vitest';
import { busy_time, parse_transaction_log } from './transaction_log.ts';

describe('a log of pgbench', () => {
  test('gives latency and end of a transaction in milliseconds', () => {
    expect(parse_transaction_log('3 1 129815 0 1795421911 565599\n', 'run1')).toEqual([
      { client: 'run1 3', latency_ms: 129.815, end_ms: 1795421911565.599 },
    ]);
  });

  test('names failed transactions by a word', () => {
    const [failed] = parse_transaction_log('3 2 failed 0 1795421911 565599\n', 'run1');
    expect(failed?.latency_ms).toBeNull();
  });

  test('that is no log is refused', () => {
    expect(() => parse_transaction_log('tps = 12\n', 'run1')).toThrow(/tps = 12/);
  });
});

test('every client is at work after all first and before any last transaction', () => {
  const ends: [string, number][] = [
    ...([['a', 10], ['a', 20], ['a', 90]] as [string, number][]),
    ...([['b', 30], ['b', 60], ['b', 80]] as [string, number][]),
  ];
  const log = ends.map(([client, end_ms]) => ({ client, latency_ms: 1, end_ms }));
  expect(busy_time(log)).toEqual({ from: 30, to: 80 });
});
