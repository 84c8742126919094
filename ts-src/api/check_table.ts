// mtm.check_table(relation, max_rows): is the table the same on all nodes?
import { compare_tables } from '../shell/compare_tables.ts';
import { own_tables } from '../shell/own_tables.ts';

interface Arguments {
  readonly relation: string | null;
  readonly max_rows: number;
}

export function check_table({ relation, max_rows }: Arguments) {
  const { root } = own_tables(relation);
  return compare_tables(root, max_rows);
}
