// Compares tables of all nodes at one consistent point: definitions first, and the rows
// of those that have the same columns everywhere.
import { compare_by_key, type ComparedTable } from './compare_by_key.ts';
import { compare_rows, type RowsOnNodes } from './compare_rows.ts';
import { checked_nodes } from './checked_nodes.ts';
import { close_sessions, open_sessions, serve_all } from './peer_sessions.ts';
import {
  common_key,
  definition_problems,
  same_columns,
  table_text,
  type TableDefinition,
  type TableName,
} from '../core/table_definition.ts';
import { FoundProblems, type FoundProblem } from './found_problems.ts';
import { rows } from './sql.ts';
import { shell_config } from './shell_config.ts';
import { SqlError } from './sql_error.ts';
import { take_consistent_point } from './consistent_point.ts';
import type { NodeId, NodeSet } from '../core/node_set.ts';

const OID = `
  SELECT c.oid::text AS oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2`;

/** `root` with its partitions; null: all tables. */
export function compare_tables(root: TableName | null, max_rows: number): FoundProblem[] {
  if (!(max_rows > 0)) throw new SqlError('22023', 'max_rows must be positive');
  const found = new FoundProblems(max_rows);
  const nodes = checked_nodes();
  open_sessions(nodes);
  const locked = locked_everywhere(serve_all<TableName[]>(nodes, 'lock_tables', { root }));
  take_consistent_point(nodes);
  const tables = by_table(nodes, serve_all<TableDefinition[]>(nodes, 'describe_tables', { root }));
  for (const [name, definitions] of tables) {
    if (found.full) break;
    compare_table(nodes, locked.has(name), definitions, found);
  }
  close_sessions();
  found.tell_cut();
  return found.list;
}

function locked_everywhere(lists: ReadonlyMap<NodeId, readonly TableName[]>): Set<string> {
  const [first = new Set<string>(), ...others] = [...lists.values()].map(
    (list) => new Set(list.map(table_text)),
  );
  return new Set([...first].filter((name) => others.every((set) => set.has(name))));
}

type Definitions = ReadonlyMap<NodeId, TableDefinition | null>;

function by_table(
  nodes: NodeSet,
  lists: ReadonlyMap<NodeId, readonly TableDefinition[]>,
): [string, Definitions][] {
  const tables = new Map<string, Map<NodeId, TableDefinition | null>>();
  for (const [id, list] of lists) {
    for (const definition of list) {
      const name = table_text(definition);
      const on_nodes = tables.get(name) ?? new Map(nodes.map((node) => [node, null]));
      on_nodes.set(id, definition);
      tables.set(name, on_nodes);
    }
  }
  return [...tables].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * `locked`: on all nodes, before the point. One that is not was made or dropped just then;
 * its rows are not compared, since the next statement may already change its definition.
 */
function compare_table(
  nodes: NodeSet,
  locked: boolean,
  definitions: Definitions,
  found: FoundProblems,
): void {
  const there = [...definitions.values()].filter((definition) => definition !== null);
  const relation = oid_here(there[0]!);
  for (const { node_id, problem } of definition_problems(definitions)) {
    found.add({ node_id, relation, key: null, problem: named(relation, there[0]!, problem) });
  }
  if (!locked || relation === null || there.length < nodes.length || !same_columns(there)) return;
  const here = shell_config().node_id;
  const { schema, name, order } = definitions.get(here)!;
  const of = { table: { schema, name }, columns: order, relation };
  if (common_key(there) !== null) {
    compare_by_key(nodes, here, of, found);
    return;
  }
  compare_rows(nodes, rows_of_table(nodes, of), (node_id, key, problem) => {
    found.add({ node_id, relation, key, problem });
    return !found.full;
  });
  found.progress(() => `${table_text(of.table)}: compared`);
}

/** The table's name where its OID cannot tell. */
function named(relation: number | null, table: TableName, problem: string): string {
  return relation === null ? `${table_text(table)}: ${problem}` : problem;
}

function oid_here({ schema, name }: TableName): number | null {
  const [found] = rows(OID, ['name', 'name'], [schema, name]);
  return found === undefined ? null : Number(found['oid']);
}

function rows_of_table(nodes: NodeSet, { table, columns }: ComparedTable): RowsOnNodes {
  const of = { table, columns };
  return {
    digests: () => serve_all(nodes, 'bucket_digests', of),
    hashes: (buckets) => serve_all(nodes, 'bucket_hashes', { ...of, buckets }),
    texts: (wanted) => serve_all(nodes, 'hashed_rows', { ...of, wanted }),
  };
}
