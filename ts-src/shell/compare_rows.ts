// Compares rows that have no key: those of a table without one, or of a query. Each node
// counts its rows by the hash of their text, bucket by bucket; only hashes of buckets that
// differ are sent.
import { problem_text, problems_of, type Contents } from '../core/row_problems.ts';
import { BUCKETS, type BucketDigest, type RowCount, type RowText } from './serve_rows.ts';
import type { NodeId, NodeSet } from '../core/node_set.ts';

/** What gives the rows on all nodes. */
export interface RowsOnNodes {
  digests(): ReadonlyMap<NodeId, readonly BucketDigest[]>;
  hashes(buckets: readonly number[]): ReadonlyMap<NodeId, readonly RowCount[]>;
  texts(wanted: readonly string[]): ReadonlyMap<NodeId, readonly RowText[]>;
}

/** False: enough. */
export type ReportRow = (node_id: NodeId, text: string, problem: string) => boolean;

/** Hashes of so many rows are fetched in one go. */
const FETCHED_ROWS = 50_000;
const TEXTS = 100;

export function compare_rows(nodes: NodeSet, rows: RowsOnNodes, report: ReportRow): void {
  for (const buckets of groups(differing_buckets(nodes, rows.digests()))) {
    const counts = differing_counts(nodes, rows.hashes(buckets));
    const hashes = [...counts.keys()].sort();
    for (let i = 0; i < hashes.length; i += TEXTS) {
      if (!report_some(rows, counts, hashes.slice(i, i + TEXTS), report)) return;
    }
  }
}

interface DifferingBucket {
  readonly bucket: number;
  /** On the node with most. */
  readonly rows: number;
}

function differing_buckets(
  nodes: NodeSet,
  by_node: ReadonlyMap<NodeId, readonly BucketDigest[]>,
): DifferingBucket[] {
  const digests = Array.from({ length: BUCKETS }, () => [] as BucketDigest[]);
  for (const list of by_node.values()) {
    for (const digest of list) digests[digest.bucket]!.push(digest);
  }
  return digests
    .map((list, bucket) => ({ bucket, list }))
    .filter(({ list }) => list.length > 0)
    .filter(
      ({ list }) =>
        list.length < nodes.length ||
        new Set(list.map(({ count, sum }) => `${count} ${sum}`)).size > 1,
    )
    .map(({ bucket, list }) => ({ bucket, rows: Math.max(...list.map(({ count }) => count)) }));
}

function* groups(buckets: readonly DifferingBucket[]): Generator<number[]> {
  let group: number[] = [];
  let rows = 0;
  for (const bucket of buckets) {
    if (group.length > 0 && rows + bucket.rows > FETCHED_ROWS) {
      yield group;
      group = [];
      rows = 0;
    }
    group.push(bucket.bucket);
    rows += bucket.rows;
  }
  if (group.length > 0) yield group;
}

type Counts = ReadonlyMap<NodeId, number>;

function differing_counts(
  nodes: NodeSet,
  by_node: ReadonlyMap<NodeId, readonly RowCount[]>,
): Map<string, Counts> {
  const counts = new Map<string, Map<NodeId, number>>();
  for (const [id, list] of by_node) {
    for (const { hash, count } of list) {
      const of_hash = counts.get(hash) ?? new Map(nodes.map((node) => [node, 0]));
      of_hash.set(id, count);
      counts.set(hash, of_hash);
    }
  }
  return new Map([...counts].filter(([, of_hash]) => new Set(of_hash.values()).size > 1));
}

function report_some(
  rows: RowsOnNodes,
  counts: ReadonlyMap<string, Counts>,
  hashes: readonly string[],
  report: ReportRow,
): boolean {
  const texts = new Map(
    [...rows.texts(hashes).values()].flat().map(({ hash, text }) => [hash, text]),
  );
  for (const hash of hashes) {
    const of_hash = counts.get(hash)!;
    const contents: Contents = new Map(
      [...of_hash].map(([id, count]) => [id, count === 0 ? null : String(count)]),
    );
    const in_words = (id: NodeId, from: NodeId) =>
      `${times(of_hash.get(id)!)}, ${times(of_hash.get(from)!)} on node ${from}`;
    for (const problem of problems_of(contents)) {
      const text = problem_text(problem, in_words);
      if (!report(problem.node_id, texts.get(hash) ?? '', text)) return false;
    }
  }
  return true;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
