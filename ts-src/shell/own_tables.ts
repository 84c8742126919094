// A regclass argument as names by which other nodes know the tables.
import { rows } from './sql.ts';
import { SqlError } from './sql_error.ts';
import { table_text, type TableName } from '../core/table_definition.ts';
import { tables_of } from './serve_tables.ts';

const RELATION = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = $1::oid`;

interface OwnTables {
  readonly root: TableName;
  /** Itself, or its partitions: those that have rows. */
  readonly tables: readonly TableName[];
}

export function own_tables(relation: string | null): OwnTables {
  const [found] = rows(RELATION, ['text'], [relation]);
  if (found === undefined) throw new SqlError('42P01', 'there is no such table');
  const root = { schema: found['schema'], name: found['name'] } as TableName;
  if (found['relkind'] !== 'r' && found['relkind'] !== 'p') {
    throw new SqlError('42809', `"${table_text(root)}" is not a table`);
  }
  const tables = tables_of(root).map(({ schema, name }) => ({ schema, name }) as TableName);
  if (tables.length === 0 && found['relkind'] === 'r') {
    throw new SqlError('42809', `table "${table_text(root)}" is not replicated`);
  }
  return { root, tables };
}
