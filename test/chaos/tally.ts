// What the rounds brought, and the report of it.
import { left, markdown_table, right } from '../bench/markdown_table.ts';
import { in_words, kind_in_words, type Round } from './fault.ts';

export interface RoundResult {
  round: Round;
  /** Faults that did happen. */
  happened: boolean[];
  /** The longest time without writes of a survivor; null: until it was healed. */
  interrupted_ms: number | null;
  /** From the healing until every node took writes. */
  whole_again_ms: number | null;
  /** The node that joined meanwhile, and left again; 0: none. */
  guest: number;
  anomalies: string[];
}

export function round_in_words({ round, happened, guest }: RoundResult): string {
  const faults = round.faults
    .map((fault, index) => in_words(fault) + (happened[index] ? '' : ' (could not)'))
    .join(', and ');
  return guest === 0 ? faults : `${faults}, while node ${guest} joins`;
}

export function report(results: RoundResult[], load_summary: string): string {
  const anomalies = results.flatMap((result, index) =>
    result.anomalies.map((text) => `round ${index + 1} (${round_in_words(result)}): ${text}`),
  );
  const guests = results.filter(({ guest }) => guest > 0).length;
  return [
    `${results.length} rounds; ${guests} nodes joined and left; ${load_summary}`,
    kinds_table(results),
    anomalies.length === 0 ? 'no anomalies' : `${anomalies.length} anomalies:`,
    ...anomalies,
  ].join('\n\n');
}

interface KindLine {
  count: number;
  interrupted: number[];
  until_healed: number;
  whole: number[];
}

function kinds_table(results: RoundResult[]): string {
  const lines = new Map<string, KindLine>();
  for (const result of results) add(lines, result);
  const rows = [...lines].sort().map(([kind, line]) => [
    kind,
    String(line.count),
    ...median_and_longest(line.interrupted),
    String(line.until_healed),
    ...median_and_longest(line.whole),
  ]);
  return markdown_table(
    [
      left('fault'),
      right('times'),
      right('survivors interrupted, median s'),
      right('longest s'),
      right('until healed'),
      right('all write again after healing, median s'),
      right('longest s'),
    ],
    rows,
  );
}

function add(lines: Map<string, KindLine>, result: RoundResult): void {
  const { faults } = result.round;
  const [first] = faults;
  if (first === undefined) return;
  const kind = faults.length > 1 ? 'two at once' : kind_in_words(first);
  const line = lines.get(kind) ?? { count: 0, interrupted: [], until_healed: 0, whole: [] };
  lines.set(kind, line);
  line.count++;
  if (result.interrupted_ms === null) line.until_healed++;
  else line.interrupted.push(result.interrupted_ms);
  if (result.whole_again_ms !== null) line.whole.push(result.whole_again_ms);
}

function median_and_longest(times_ms: number[]): string[] {
  const sorted = [...times_ms].sort((one, other) => one - other);
  const seconds = (ms: number | undefined) => (ms === undefined ? '-' : (ms / 1000).toFixed(1));
  return [seconds(sorted[Math.floor(sorted.length / 2)]), seconds(sorted.at(-1))];
}
