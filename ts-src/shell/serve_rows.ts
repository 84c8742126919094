// Tasks on all rows of a table, in no order: rows are known by the hash of their text,
// and hashes fall into buckets. The same SQL compares the rows of a query
// (compare_rows.ts), where it runs by mtm.read_value().
import { as_json, from_table, locked_oid, row_text, run_as_owner } from './read_table.ts';
import type { TableName } from '../core/table_definition.ts';

export const BUCKETS = 4096;

/** A query that gives one column r, the rows as text. */
export type RowsQuery = string;

export interface BucketDigest {
  readonly bucket: number;
  readonly count: number;
  readonly sum: string;
}

export interface RowCount {
  readonly hash: string;
  readonly count: number;
}

export interface RowText {
  readonly hash: string;
  readonly text: string;
}

interface Table {
  readonly table: TableName;
  readonly columns: readonly string[];
}

const TEXT_SHOWN = 200;
const numbers = (values: readonly unknown[]) => values.map(Number).join(', ');
const hashes = (values: readonly string[]) => values.map((value) => BigInt(value)).join(', ');
const hashed = (query: RowsQuery) =>
  `(SELECT pg_catalog.hashtextextended(r, 0) AS h, r FROM (${query}) AS source) AS s`;
const in_bucket = `(s.h & ${BUCKETS - 1})`;

export function digests_query(source: RowsQuery): string {
  return as_json(
    `SELECT ${in_bucket}::int AS bucket, pg_catalog.count(*) AS count, pg_catalog.sum(s.h)::text AS sum
     FROM ${hashed(source)} GROUP BY 1`,
  );
}

export function hashes_query(source: RowsQuery, buckets: readonly number[]): string {
  return as_json(
    `SELECT s.h::text AS hash, pg_catalog.count(*) AS count FROM ${hashed(source)}
     WHERE ${in_bucket} IN (${numbers(buckets)}) GROUP BY s.h`,
  );
}

export function texts_query(source: RowsQuery, wanted: readonly string[]): string {
  return as_json(
    `SELECT s.h::text AS hash, pg_catalog.min(pg_catalog.left(s.r, ${TEXT_SHOWN})) AS text
     FROM ${hashed(source)} WHERE s.h IN (${hashes(wanted)}) GROUP BY s.h`,
  );
}

function rows_of({ table, columns }: Table): RowsQuery {
  return `SELECT ${row_text(columns)} AS r ${from_table(table)}`;
}

function read({ table }: Table, query: string): unknown {
  return run_as_owner(locked_oid(table, 'access share'), query);
}

export function bucket_digests(of: Table) {
  return read(of, digests_query(rows_of(of)));
}

export function bucket_hashes({ buckets, ...of }: Table & { buckets: number[] }) {
  return read(of, hashes_query(rows_of(of), buckets));
}

export function hashed_rows({ wanted, ...of }: Table & { wanted: string[] }) {
  return read(of, texts_query(rows_of(of), wanted));
}
