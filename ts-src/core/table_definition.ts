// What nodes tell each other of a table, without anything that differs between equal
// tables: no OIDs, no physical order.
import { problems_of, problem_text } from './row_problems.ts';
import type { NodeId } from './node_set.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

export interface TableDefinition extends TableName {
  /** By name; generated ones too. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** The names in this node's order: only for reading. */
  readonly order: readonly string[];
  /** Columns by whose order rows can be compared range by range; null: there are none. */
  readonly key: readonly string[] | null;
  /** Everything in words. */
  readonly lines: readonly string[];
}

export function table_text({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}

const SHOWN = 3;

function lines_only_of(mine: TableDefinition, other: TableDefinition): string[] {
  return mine.lines.filter((line) => !other.lines.includes(line));
}

function difference_in_words(mine: TableDefinition, other: TableDefinition): string {
  const here = lines_only_of(mine, other);
  const there = lines_only_of(other, mine);
  const list = (lines: readonly string[]) =>
    lines.slice(0, SHOWN).join('; ') + (lines.length > SHOWN ? '; ...' : '');
  if (here.length > 0 && there.length > 0) return `has ${list(here)} instead of ${list(there)}`;
  return here.length > 0 ? `has ${list(here)}` : `lacks ${list(there)}`;
}

export interface DefinitionProblem {
  readonly node_id: NodeId;
  readonly problem: string;
}

/** Null: the node has no such table. */
export function definition_problems(
  by_node: ReadonlyMap<NodeId, TableDefinition | null>,
): DefinitionProblem[] {
  const contents = new Map(
    [...by_node].map(([id, definition]) => [
      id,
      definition === null ? null : JSON.stringify(definition.lines),
    ]),
  );
  const in_words = (id: NodeId, from: NodeId) =>
    difference_in_words(by_node.get(id)!, by_node.get(from)!);
  return problems_of(contents).map((problem) => ({
    node_id: problem.node_id,
    problem: `${problem.kind === 'differs' ? 'definition' : 'table'} ${problem_text(problem, in_words)}`,
  }));
}

/** Do they have the same columns, so that rows can be compared? */
export function same_columns(definitions: readonly TableDefinition[]): boolean {
  return new Set(definitions.map(({ columns }) => JSON.stringify(columns))).size === 1;
}

/** The key by which all of them can be compared; null: none. */
export function common_key(definitions: readonly TableDefinition[]): readonly string[] | null {
  const keys = new Set(definitions.map(({ key }) => JSON.stringify(key)));
  return keys.size === 1 ? definitions[0]!.key : null;
}
