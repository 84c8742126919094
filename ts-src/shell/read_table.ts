// Reading a table by its name, with the rights of its owner: those who may ask for it are
// no superusers, and a name may mean something else a moment later.
import { lock_table } from './serve_tables.ts';
import { row, rows, type Row } from './sql.ts';
import { SqlError } from './sql_error.ts';
import { table_text, type TableName } from '../core/table_definition.ts';

const TABLE = `
  SELECT c.oid::text AS oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'r' AND c.relpersistence = 'p'`;

const RUN = 'SELECT mtm.shell_run_as_owner($1::oid, $2) AS answer';

export function quote_name(name: string): string {
  return `"${name.replace(/"/g, '""')}"`;
}

export function from_table({ schema, name }: TableName): string {
  return `FROM ONLY ${quote_name(schema)}.${quote_name(name)} AS t`;
}

/** ROW(...) as text tells null from '' and is made by output functions alone. */
export function row_text(columns: readonly string[]): string {
  return `ROW(${columns.map((name) => `t.${quote_name(name)}`).join(', ')})::text`;
}

/** Locked: the name stays with the table. */
export function locked_oid(table: TableName, mode: string): unknown {
  const oid = () => rows(TABLE, ['name', 'name'], [table.schema, table.name])[0]?.['oid'];
  const found = oid();
  if (found === undefined || !lock_table(found, mode) || oid() !== found) {
    throw new SqlError('42P01', `there is no table ${table_text(table)}`);
  }
  return found;
}

/** A query that gives one jsonb value, or a statement that gives none. */
export function run_as_owner(oid: unknown, query: string): unknown {
  return row(RUN, ['text', 'text'], [oid, query])['answer'];
}

export function read_rows(oid: unknown, query: string): Row[] {
  return run_as_owner(oid, as_json(query)) as Row[];
}

/** The rows of a query as one jsonb array. */
export function as_json(query: string): string {
  return `SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(a)), '[]') AS answer FROM (${query}) AS a`;
}
