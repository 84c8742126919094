// The numbers of the report's tables.
import { expect, test } from 'vitest';
import { CLUSTER, CLUSTER_SPREAD, PLAIN_SERVER } from './configuration.ts';
import { left, markdown_table, right } from './markdown_table.ts';
import { spread, type Measurement } from './measure.ts';
import { SIMPLE_UPDATE } from './pgbench.ts';
import { Results, throughput_table } from './report.ts';
import { median, percentiles } from './statistics.ts';

test('percentiles are values that were seen', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentiles(values, [50, 95, 99, 100])).toEqual([100, 190, 198, 200]);
  expect(percentiles([7], [50, 99])).toEqual([7, 7]);
});

test('the median of an even number of values is between the middle ones', () => {
  expect(median([4, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('clients are spread evenly and none is lost', () => {
  const counts = spread(CLUSTER_SPREAD.entries, 16).map(({ count }) => count);
  expect(counts).toEqual([6, 5, 5]);
});

test('a ratio is the median of the ratios of single rounds', () => {
  const one = (configuration: typeof CLUSTER, transactions: number): Measurement => ({
    script: SIMPLE_UPDATE,
    clients: 1,
    configuration,
    time_ms: 1000,
    latencies_ms: Array.from({ length: transactions }, () => 2),
    failed: 0,
    cpu: new Map([
      ['server', new Map([['lane', { cpu_ms: transactions, system_ms: 0, context_switches: 0 }]])],
    ]),
    clients_cpu_ms: 0,
    machine: { others_ms: 0, stolen_ms: 0, all_ms: 1 },
  });
  // The machine was slow in the second round, for both of them.
  const table = throughput_table(
    new Results([
      ...[one(PLAIN_SERVER, 100), one(CLUSTER, 50)],
      ...[one(PLAIN_SERVER, 20), one(CLUSTER, 10)],
      ...[one(PLAIN_SERVER, 80), one(CLUSTER, 20)],
    ]),
    SIMPLE_UPDATE,
  );
  const cells = table.split('\n').at(-1)?.split('|').map((cell) => cell.trim());
  expect(cells?.slice(1, 6)).toEqual(['1', 'cluster', '20', '10-50', '0.50']);
  expect(cells?.slice(7, 12)).toEqual(['2.00', '2.00', '2.00', '1.000', '0']);
});

test('a table is aligned', () => {
  expect(markdown_table([left('a'), right('number')], [['long word', '1']]).split('\n')).toEqual([
    '| a         | number |',
    '| --------- | -----: |',
    '| long word |      1 |',
  ]);
});
