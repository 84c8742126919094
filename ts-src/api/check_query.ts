// mtm.check_query(query): does a query give the same rows on all nodes? It runs as often
// as the comparison needs, always on the same snapshots.
import { ask_all, close_sessions, open_sessions, serve_all_by } from '../shell/peer_sessions.ts';
import { checked_nodes } from '../shell/checked_nodes.ts';
import { compare_rows, type RowsOnNodes } from '../shell/compare_rows.ts';
import { digests_query, hashes_query, texts_query } from '../shell/serve_rows.ts';
import { take_consistent_point } from '../shell/consistent_point.ts';
import type { NodeSet } from '../core/node_set.ts';

interface Arguments {
  readonly query: string;
  /** Of who calls. */
  readonly search_path: string;
}

const MOST_WARNINGS = 20;

export function check_query({ query, search_path }: Arguments): boolean {
  const nodes = checked_nodes();
  open_sessions(nodes);
  const path = plv8.quote_literal(search_path);
  ask_all(nodes, `SELECT pg_catalog.set_config('search_path', ${path}, false)`);
  take_consistent_point(nodes);
  let differences = 0;
  compare_rows(nodes, rows_of_query(nodes, query), (node_id, row, problem) => {
    differences++;
    if (differences <= MOST_WARNINGS) {
      plv8.elog(WARNING, `query results mismatch: node ${node_id}, row ${row}: ${problem}`);
    } else plv8.elog(WARNING, `query results mismatch: only the first ${MOST_WARNINGS} are shown`);
    return differences <= MOST_WARNINGS;
  });
  close_sessions();
  return differences === 0;
}

function rows_of_query(nodes: NodeSet, query: string): RowsOnNodes {
  // A comment at its end must not reach further.
  const source = `SELECT q::text AS r FROM (${query.replace(/[;\s]+$/, '')}\n) AS q`;
  const read = <Answer>(text: string) =>
    serve_all_by<Answer>(
      nodes,
      `SELECT mtm.read_value(${plv8.quote_literal(text)}) AS answer`,
    );
  return {
    digests: () => read(digests_query(source)),
    hashes: (buckets) => read(hashes_query(source, buckets)),
    texts: (wanted) => read(texts_query(source, wanted)),
  };
}
