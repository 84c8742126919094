// What a run brought, and the table of all.
import { left, markdown_table, right } from '../bench/markdown_table.ts';
import type { Anomaly } from './anomaly.ts';
import { as_one_node, check } from './check.ts';
import { is_read, operations_of, type History, type Outcome } from './history.ts';

export interface Run {
  title: string;
  history: History;
  anomalies: Anomaly[];
}

export function report(runs: Run[]): string {
  const lines = runs.map(({ title, history, anomalies }) => [
    title,
    ...(['committed', 'aborted', 'unknown'] as const).map((outcome) => count(history, outcome)),
    String(history.transactions.flatMap(operations_of).filter(is_read).length),
    String(anomalies.length),
    not_claimed(history, anomalies),
  ]);
  return markdown_table(
    [
      left('history'),
      right('committed'),
      right('aborted'),
      right('unknown'),
      right('keys read'),
      right('anomalies'),
      left('not claimed over nodes, and seen'),
    ],
    lines,
  );
}

export function in_words({ name, because }: Anomaly): string {
  return [name, ...because.map((line) => `  ${line}`)].join('\n');
}

function count({ transactions }: History, outcome: Outcome): string {
  return String(transactions.filter((transaction) => transaction.outcome === outcome).length);
}

/** What one server would not show. Where claims are broken, it says nothing. */
function not_claimed(history: History, anomalies: Anomaly[]): string {
  if (anomalies.length > 0) return '';
  const names = check(as_one_node(history)).map(({ name }) => name);
  return [...new Set(names)].join(', ') || 'nothing';
}
