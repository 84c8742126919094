// mtm.check_database(max_rows): are all replicated tables the same on all nodes?
import { compare_tables } from '../shell/compare_tables.ts';

export function check_database({ max_rows }: { readonly max_rows: number }) {
  return compare_tables(null, max_rows);
}
