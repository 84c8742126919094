// What `make bench` prints of a node that catches up.
import { count_of_clients } from './configuration.ts';
import type { CatchUp } from './catch_up.ts';
import type { CpuUse } from './cpu_times.ts';
import { left, markdown_table, right } from './markdown_table.ts';

export function catch_up_text(measured: CatchUp): string {
  return [heading(measured), tps_table(measured), rate_table(measured), cpu_table(measured)]
    .filter((part) => part !== '')
    .join('\n\n');
}

const megabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
const number = (value: number, digits = 0) => (Number.isNaN(value) ? '-' : value.toFixed(digits));

function heading({ clients, away_s, missed_bytes, start_s, reading_s, caught_up, failed }: CatchUp) {
  const end = caught_up ? `was online ${reading_s.toFixed(1)} s later` : 'DID NOT CATCH UP';
  return (
    `### ${count_of_clients(clients)} on node 1, one-row UPDATE\n\n` +
    `Node 3 was away for ${away_s.toFixed(0)} s, missed ${megabytes(missed_bytes)} MB, read ` +
    `${start_s.toFixed(1)} s after it was started, and ${end}. ${failed} transactions failed.`
  );
}

function tps_table({ tps, pauses_ms }: CatchUp): string {
  const of = (what: string, value: number, pause_ms: string) => [
    ...[what, number(value), number(value / tps.before, 2), pause_ms],
  ];
  return markdown_table(
    [left('commits of the others'), right('tps'), right('/ all online'), right('longest pause, ms')],
    [
      of('all three online', tps.before, ''),
      of('two, one is away', tps.away, number(pauses_ms.leaving)),
      of('two, one catches up', tps.reading, number(pauses_ms.coming_back)),
      of('all three again', tps.after, ''),
    ],
  );
}

function rate_table({ tps, read, written }: CatchUp): string {
  const ratio = (one: number, other: number) => number(one / other, 2);
  return markdown_table(
    [left('while it catches up'), right('it reads'), right('the others write'), right('ratio')],
    [
      [
        'MB of WAL a second',
        ...[megabytes(read.bytes_per_s), megabytes(written.bytes_per_s)],
        ratio(read.bytes_per_s, written.bytes_per_s),
      ],
      [
        'transactions a second',
        ...[number(read.transactions_per_s), number(tps.reading)],
        ratio(read.transactions_per_s, tps.reading),
      ],
    ],
  );
}

function cpu_table({ cpu, reading_s }: CatchUp): string {
  const busy = [...cpu].filter(([, { cpu_ms }]) => cpu_ms > 0.01 * 1000 * reading_s);
  if (busy.length === 0) return '';
  const rows = busy
    .sort(([, one], [, other]) => other.cpu_ms - one.cpu_ms)
    .map(([kind, use]: [string, CpuUse]) => [
      ...[kind, number((100 * use.cpu_ms) / (1000 * reading_s)), number(use.context_switches / reading_s)],
    ]);
  return markdown_table(
    [left('process of the node that catches up'), right('% of a core'), right('switches/s')],
    rows,
  );
}
