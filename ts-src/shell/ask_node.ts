// A query to another node, over its conn string and with ordinary rights.
import { row, type Row } from './sql.ts';

const QUERY = 'SELECT mtm.shell_query($1, $2, $3) AS answer';

interface Answer {
  readonly rows?: readonly Row[];
  readonly error?: { readonly sqlstate: string; readonly message: string };
}

export type NodeAnswer =
  | { readonly rows: readonly Row[] }
  | { readonly failed: string };

export function ask_node(id: number, query: string, timeout_ms: number): NodeAnswer {
  const { rows, error } = row(QUERY, ['int4', 'text', 'int4'], [id, query, timeout_ms])[
    'answer'
  ] as Answer;
  if (rows !== undefined) return { rows };
  return { failed: error?.message ?? 'no answer' };
}
