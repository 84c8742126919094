// Sessions on several nodes, this one among them, until the statement ends
// (src/monitor/peer_sessions.h): asked all at the same time. What goes wrong on a node is
// an error here.
import { row, rows, type Row } from './sql.ts';
import type { NodeId } from '../core/node_set.ts';

const OPEN = 'SELECT mtm.shell_open_sessions($1)';
const ASK = 'SELECT mtm.shell_ask_sessions($1, $2) AS answers';
const CLOSE = 'SELECT mtm.shell_close_sessions()';

export function open_sessions(nodes: readonly NodeId[]): void {
  rows(OPEN, ['int4[]'], [nodes]);
}

export function close_sessions(): void {
  rows(CLOSE);
}

/** Each node its own query. */
export function ask_each(queries: ReadonlyMap<NodeId, string>): Map<NodeId, readonly Row[]> {
  const nodes = [...queries.keys()];
  const { answers } = row(ASK, ['int4[]', 'text[]'], [nodes, [...queries.values()]]);
  return new Map(
    (answers as { readonly rows: readonly Row[] }[]).map((answer, i) => [nodes[i]!, answer.rows]),
  );
}

export function ask_all(nodes: readonly NodeId[], query: string): Map<NodeId, readonly Row[]> {
  return ask_each(new Map(nodes.map((id) => [id, query])));
}

/** A task of serve.ts. */
export function task_query(task: string, task_arguments: object): string {
  const text = plv8.quote_literal(JSON.stringify(task_arguments));
  return `SELECT mtm.serve(${plv8.quote_literal(task)}, ${text}::pg_catalog.jsonb) -> 'answer' AS answer`;
}

/** Queries that give one value, named `answer`: tasks mostly. */
export function serve_each<Answer>(queries: ReadonlyMap<NodeId, string>): Map<NodeId, Answer> {
  return new Map(
    [...ask_each(queries)].map(([id, [only]]) => [id, only!['answer'] as Answer]),
  );
}

export function serve_all_by<Answer>(nodes: readonly NodeId[], query: string) {
  return serve_each<Answer>(new Map(nodes.map((id) => [id, query])));
}

export function serve_all<Answer>(
  nodes: readonly NodeId[],
  task: string,
  task_arguments: object,
): Map<NodeId, Answer> {
  return serve_all_by(nodes, task_query(task, task_arguments));
}
