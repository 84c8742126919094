// mtm.make_table_local(relation): changes of the table are not replicated any more. The
// list of such tables is itself replicated, with the transaction that made the change.
import { row, rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const RELATION = `
  SELECT n.nspname, c.relname, c.relkind, c.relpersistence,
         pg_catalog.pg_has_role($2, c.relowner, 'USAGE') AS owned
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = $1::oid`;

const INSERT = `
  INSERT INTO mtm.local_tables (rel_schema, rel_name)
  SELECT $1, $2
  WHERE NOT EXISTS (SELECT FROM mtm.local_tables WHERE rel_schema = $1 AND rel_name = $2)
  RETURNING rel_name`;

interface Arguments {
  readonly relation: string;
  /** On whose behalf. */
  readonly role: string;
}

export function make_table_local({ relation, role }: Arguments): null {
  const table = row(RELATION, ['text', 'name'], [relation, role]);
  const name = `${table['nspname']}.${table['relname']}`;
  if (table['relkind'] !== 'r' && table['relkind'] !== 'p') {
    throw new SqlError('42809', `"${name}" is not a table`);
  }
  if (table['owned'] !== true) throw new SqlError('42501', `must be owner of table ${name}`);
  if (table['nspname'] === 'mtm') {
    throw new SqlError('42501', `table ${name} belongs to multimaster itself`);
  }
  rows(INSERT, ['name', 'name'], [table['nspname'], table['relname']]);
  return null;
}
