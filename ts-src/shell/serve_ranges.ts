// Tasks on rows of a table in a range of its key. Rows and keys are read by the output
// functions of their types, and values come back as literals: casts might be code of
// users.
import { from_table, locked_oid, quote_name, read_rows, row_text } from './read_table.ts';
import { key_of, type KeyColumn } from './serve_tables.ts';
import { SqlError } from './sql_error.ts';
import type { Row } from './sql.ts';
import type { TableName } from '../core/table_definition.ts';

/** Texts of a key's columns. */
export type Key = readonly string[];

/** After `after` (null: from the first row), up to and with `last` (null: to the end). */
export interface Range {
  readonly after: Key | null;
  readonly last: Key | null;
}

interface Table {
  readonly table: TableName;
  /** Of the row's digest, in this order. */
  readonly columns: readonly string[];
}

export interface RangeDigest {
  readonly count: number;
  readonly sum: string;
  /** Where the next range ends; null: with the table. Of who was asked for it. */
  readonly next: Key | null;
}

export interface ListedRow {
  readonly key: Key;
  readonly hash: string;
}

class KeyedTable {
  private readonly oid: unknown;
  private readonly key: readonly KeyColumn[];
  readonly hash: string;

  constructor(private readonly of: Table) {
    this.oid = locked_oid(of.table, 'access share');
    const key = key_of(this.oid);
    if (key === null) throw new SqlError('55000', 'the table has no key to compare rows by');
    this.key = key;
    this.hash = `pg_catalog.hashtextextended(${row_text(of.columns)}, 0)`;
  }

  read(query: string): Row[] {
    return read_rows(this.oid, query);
  }

  get from(): string {
    return from_table(this.of.table);
  }

  get key_text(): string {
    const texts = this.key.map(({ name }) => `pg_catalog.format('%s', t.${quote_name(name)})`);
    return `ARRAY[${texts.join(', ')}]`;
  }

  get order(): string {
    return this.key.map(({ name }) => `t.${quote_name(name)}`).join(', ');
  }

  /** WHERE, or nothing. */
  where({ after, last }: Range): string {
    const parts = [
      ...(after === null ? [] : [this.compared('>', after)]),
      ...(last === null ? [] : [this.compared('<=', last)]),
    ];
    return parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`;
  }

  compared(operator: string, to: Key): string {
    const row = (values: readonly string[]) =>
      values.length === 1 ? values[0]! : `ROW(${values.join(', ')})`;
    const literals = this.key.map(({ type }, i) => `${plv8.quote_literal(to[i]!)}::${type}`);
    const columns = this.key.map(({ name }) => `t.${quote_name(name)}`);
    const schema = this.key[0]!.operator_schema;
    return `${row(columns)} OPERATOR(${schema}.${operator}) ${row(literals)}`;
  }
}

export function range_digest(
  { range, rows_of_next, ...of }: Table & { range: Range; rows_of_next: number | null },
): RangeDigest {
  const table = new KeyedTable(of);
  const [digest] = table.read(
    `SELECT pg_catalog.count(*)::text AS count,
            coalesce(pg_catalog.sum(${table.hash}), 0)::text AS sum
     ${table.from} ${table.where(range)}`,
  );
  return {
    count: Number(digest!['count']),
    sum: digest!['sum'] as string,
    next: rows_of_next === null ? null : end_of(table, range.last, rows_of_next),
  };
}

function end_of(table: KeyedTable, after: Key | null, rows: number): Key | null {
  const [found] = table.read(
    `SELECT ${table.key_text} AS key ${table.from} ${table.where({ after, last: null })}
     ORDER BY ${table.order} OFFSET ${Number(rows) - 1} LIMIT 1`,
  );
  return (found?.['key'] as Key | undefined) ?? null;
}

/** Where a range of so many rows ends; null: with the table. */
export function range_end({ after, rows, ...of }: Table & { after: Key | null; rows: number }) {
  return end_of(new KeyedTable(of), after, rows);
}

/** Keys that cut the range into parts of so many rows. */
export function range_split({ range, step, ...of }: Table & { range: Range; step: number }): Key[] {
  const table = new KeyedTable(of);
  return table
    .read(
      `SELECT s.key FROM (
         SELECT ${table.key_text} AS key,
                pg_catalog.row_number() OVER (ORDER BY ${table.order}) AS n
         ${table.from} ${table.where(range)}) AS s
       WHERE s.n % ${Number(step)} = 0 ORDER BY s.n`,
    )
    .map(({ key }) => key as Key);
}

export function range_list({ range, ...of }: Table & { range: Range }): ListedRow[] {
  const table = new KeyedTable(of);
  return table
    .read(
      `SELECT ${table.key_text} AS key, ${table.hash}::text AS hash
       ${table.from} ${table.where(range)} ORDER BY ${table.order}`,
    )
    .map(({ key, hash }) => ({ key, hash }) as ListedRow);
}

/** A digest of each column; null: there is no such row. */
export type RowDigests = readonly string[] | null;

export function range_columns({ rows_wanted, ...of }: Table & { rows_wanted: Key[] }) {
  const table = new KeyedTable(of);
  const digests = of.columns.map(
    (name) => `pg_catalog.hashtextextended(${row_text([name])}, 0)::text`,
  );
  return rows_wanted.map((key): RowDigests => {
    const [found] = table.read(
      `SELECT ARRAY[${digests.join(', ')}]::text[] AS digests ${table.from} WHERE ${table.compared('=', key)}`,
    );
    return (found?.['digests'] as string[] | undefined) ?? null;
  });
}
