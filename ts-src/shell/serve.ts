// Tasks that a node does for another one that compares or copies tables; with all
// rights, so none of them may run code of users (src/monitor/serve.c). All names, values
// and numbers come from outside.
import { bucket_digests, bucket_hashes, hashed_rows } from './serve_rows.ts';
import { copy_cursor, pull_table } from './serve_copy.ts';
import { describe_tables, lock_tables } from './serve_tables.ts';
import { range_columns, range_digest, range_end, range_list, range_split } from './serve_ranges.ts';
import { SqlError } from './sql_error.ts';

const TASKS: Readonly<Record<string, (task_arguments: any) => unknown>> = {
  bucket_digests,
  bucket_hashes,
  copy_cursor,
  describe_tables,
  hashed_rows,
  lock_tables,
  pull_table,
  range_columns,
  range_digest,
  range_end,
  range_list,
  range_split,
};

/** In an object: nothing that crosses the border is null. */
export function serve(task: string, task_arguments: unknown): { readonly answer: unknown } {
  const run = Object.hasOwn(TASKS, task) ? TASKS[task] : undefined;
  if (run === undefined) throw new SqlError('22023', `there is no task "${task}"`);
  return { answer: run(task_arguments) };
}
