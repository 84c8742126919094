// Tasks: give the rows of a table to another node, and take them from one. Both lock the
// table first, so that no transaction is between the two (docs/consistency_checks.md).
import { ask_all, open_sessions, serve_each, task_query } from './peer_sessions.ts';
import { from_table, locked_oid, quote_name, run_as_owner } from './read_table.ts';
import { columns_of, stored_columns, tables_of } from './serve_tables.ts';
import { row } from './sql.ts';
import { SqlError } from './sql_error.ts';
import { table_text, type TableDefinition, type TableName } from '../core/table_definition.ts';
import type { CommitLook } from '../core/rest.ts';
import type { NodeId } from '../core/node_set.ts';

const CURSOR = 'multimaster_copy';

const PULL = 'SELECT mtm.shell_pull_rows($1::oid, $2, $3, $4)::text AS rows';

interface Wanted {
  readonly table: TableName;
  /** All that the table has there. */
  readonly columns: TableDefinition['columns'];
  /** Those to send. */
  readonly stored: readonly string[];
}

/** The session's end gives the lock back. */
export function copy_cursor({ table, columns, stored }: Wanted): null {
  const oid = locked_oid(table, 'share');
  if (JSON.stringify(columns) !== JSON.stringify(columns_of(oid))) {
    throw new SqlError('55000', `table ${table_text(table)} has other columns here`);
  }
  const selected = stored.map((name) => `t.${quote_name(name)}`).join(', ');
  run_as_owner(
    oid,
    `DECLARE ${CURSOR} NO SCROLL CURSOR FOR SELECT ${selected} ${from_table(table)}`,
  );
  return null;
}

function locked_replicated(table: TableName): unknown {
  const oid = locked_oid(table, 'exclusive');
  if (!tables_of(table).some((each) => each['oid'] === oid)) {
    throw new SqlError('42809', `table ${table_text(table)} is not replicated here`);
  }
  return oid;
}

/** The rows of the table here become those of the other node. Their number. */
export function pull_table({ table, from }: { table: TableName; from: NodeId }): string {
  const oid = locked_replicated(table);
  const stored = stored_columns(oid);
  // Open until this transaction is committed, and the lock there is held as long.
  open_sessions([from]);
  ask_all([from], 'BEGIN');
  const wanted = { table, columns: columns_of(oid), stored };
  serve_each(new Map([[from, task_query('copy_cursor', wanted)]]));
  require_one_generation(from);
  const pulled = row(PULL, ['text', 'text[]', 'int4', 'text'], [oid, stored, from, CURSOR]);
  return pulled['rows'] as string;
}

/**
 * With the table locked on both: what was committed without the other node until now
 * would be lost here. From now on nothing that writes the table is, without this one.
 */
function require_one_generation(from: NodeId): void {
  const look = 'SELECT mtm.commits_under_way() AS look';
  const here = row(look)['look'] as CommitLook;
  const there = ask_all([from], look).get(from)![0]!['look'] as CommitLook;
  if (here.online && there.online && here.generation === there.generation) return;
  throw new SqlError('40001', 'the cluster changed before the table was locked', {
    hint: 'Try again.',
  });
}
