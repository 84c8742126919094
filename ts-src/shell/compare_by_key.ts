// Compares a table's rows on all nodes, range by range of its key. This node cuts the
// ranges; each node gives a digest of each. A range whose digests differ is cut further,
// until its rows can be listed.
import { serve_all, serve_each, task_query } from './peer_sessions.ts';
import { problem_text, problems_of, type Contents } from '../core/row_problems.ts';
import type { FoundProblems } from './found_problems.ts';
import type { Key, ListedRow, Range, RangeDigest, RowDigests } from './serve_ranges.ts';
import type { NodeId, NodeSet } from '../core/node_set.ts';
import type { TableName } from '../core/table_definition.ts';

const RANGE_ROWS = 10_000;
/** So few rows are listed. */
const LISTED_ROWS = 500;
const PARTS = 20;
/** Keys that are looked up in one go. */
const LOOKED_UP = 50;

export interface ComparedTable {
  readonly table: TableName;
  readonly columns: readonly string[];
  /** Its OID on this node. */
  readonly relation: number;
}

interface Compared {
  readonly nodes: NodeSet;
  readonly of: ComparedTable;
  readonly found: FoundProblems;
}

type Digests = ReadonlyMap<NodeId, RangeDigest>;

export function compare_by_key(
  nodes: NodeSet,
  here: NodeId,
  of: ComparedTable,
  found: FoundProblems,
): void {
  const compared = { nodes, of, found };
  let after: Key | null = null;
  let last = first_boundary(compared, here);
  let rows = 0;
  for (;;) {
    const digests = digests_of(compared, { after, last }, here);
    if (!same(digests)) compare_further(compared, { after, last }, digests);
    if (last === null || found.full) return;
    rows += digests.get(here)!.count;
    found.progress(() => `${of.table.schema}.${of.table.name}: compared ${rows} rows`);
    after = last;
    last = digests.get(here)!.next;
  }
}

function first_boundary({ of }: Compared, here: NodeId): Key | null {
  const query = task_query('range_end', { ...of, after: null, rows: RANGE_ROWS });
  return serve_each<Key | null>(new Map([[here, query]])).get(here)!;
}

/** Who cuts the ranges says where the next one ends, while the others still count. */
function digests_of({ nodes, of }: Compared, range: Range, cutter: NodeId | null): Digests {
  const query = (id: NodeId) =>
    task_query('range_digest', {
      ...of,
      range,
      rows_of_next: id === cutter && range.last !== null ? RANGE_ROWS : null,
    });
  return serve_each<RangeDigest>(new Map(nodes.map((id) => [id, query(id)])));
}

function same(digests: Digests): boolean {
  return new Set([...digests.values()].map(({ count, sum }) => `${count} ${sum}`)).size === 1;
}

function most_rows(digests: Digests): readonly [NodeId, number] {
  return [...digests]
    .map(([id, { count }]) => [id, count] as const)
    .reduce((most, each) => (each[1] > most[1] ? each : most));
}

function compare_further(compared: Compared, range: Range, digests: Digests): void {
  const [id, count] = most_rows(digests);
  if (count <= LISTED_ROWS) {
    compare_rows(compared, range);
    return;
  }
  const step = Math.max(LISTED_ROWS, Math.ceil(count / PARTS));
  const query = task_query('range_split', { ...compared.of, range, step });
  const cuts = serve_each<Key[]>(new Map([[id, query]])).get(id)!;
  let after = range.after;
  for (const last of [...cuts, range.last]) {
    const part = { after, last };
    const of_part = digests_of(compared, part, null);
    if (!same(of_part)) compare_further(compared, part, of_part);
    if (compared.found.full) return;
    after = last;
  }
}

/** Keys of rows that are not on all nodes the same. */
function suspects({ nodes, of }: Compared, range: Range): Key[] {
  const lists = serve_all<ListedRow[]>(nodes, 'range_list', { ...of, range });
  const hashes = new Map<string, { key: Key; hashes: string[] }>();
  for (const { key, hash } of [...lists.values()].flat()) {
    const id = JSON.stringify(key);
    const known = hashes.get(id) ?? { key, hashes: [] };
    known.hashes.push(hash);
    hashes.set(id, known);
  }
  return [...hashes.values()]
    .filter((row) => row.hashes.length < nodes.length || new Set(row.hashes).size > 1)
    .map(({ key }) => key);
}

function compare_rows(compared: Compared, range: Range): void {
  const keys = suspects(compared, range);
  for (let i = 0; i < keys.length && !compared.found.full; i += LOOKED_UP) {
    report_rows(compared, keys.slice(i, i + LOOKED_UP));
  }
}

/** Looked up by its key, each row tells for sure which nodes have it, and which columns. */
function report_rows({ nodes, of, found }: Compared, rows_wanted: readonly Key[]): void {
  const answers = serve_all<RowDigests[]>(nodes, 'range_columns', { ...of, rows_wanted });
  rows_wanted.forEach((key, i) => {
    const row_on = (id: NodeId) => answers.get(id)![i] ?? null;
    const contents: Contents = new Map(nodes.map((id) => [id, row_on(id)?.join() ?? null]));
    const differing = (id: NodeId, from: NodeId) => {
      const columns = of.columns.filter((_, c) => row_on(id)![c] !== row_on(from)![c]);
      return `${columns.length === 1 ? 'column' : 'columns'} ${columns.join(', ')}`;
    };
    for (const problem of problems_of(contents)) {
      found.add({
        node_id: problem.node_id,
        relation: of.relation,
        key: key_text(key),
        problem: problem_text(problem, differing),
      });
    }
  });
}

function key_text(key: Key): string {
  return key.length === 1 ? key[0]! : `(${key.join(', ')})`;
}
