// WAL that is kept for a node that is away: when it is warned of, and when the node is to
// be dropped.
import { beforeEach, describe, expect, test } from 'vitest';
import { in_words } from '../../ts-src/core/byte_size.ts';
import { judge_kept_wal, type Judged } from '../../ts-src/core/kept_wal.ts';
import { LosslessCluster } from './lossless_cluster.ts';

const MB = 1024 * 1024;
const MOST = 100 * MB;

let cluster: LosslessCluster;
let judged: Judged;

/** What a node finds when it keeps so much for node 3, or for another one. */
function look(node: number, kept: number, { most = MOST, away = 3, later_ms = 0 } = {}): Judged {
  cluster.now_ms += later_ms;
  const { state } = cluster.node(node).control;
  judged = judge_kept_wal(state, judged.watches, {
    now_ms: cluster.now_ms,
    most,
    kept: { [away]: kept },
  });
  return judged;
}

beforeEach(() => {
  cluster = LosslessCluster.online(3);
  judged = { watches: {}, warnings: [], drop: [] };
});

function lose_node_3(): void {
  cluster.start(3);
  for (const id of [1, 2]) cluster.disconnect(id, 3);
  cluster.tick(2);
}

/** Node 3 reads from node 1. */
function node_3_reads(lag_bytes: number): void {
  if (cluster.status(3) === 'isolated') {
    for (const id of [1, 2]) cluster.connect(id, 3);
    cluster.tick(3);
  }
  cluster.event(3, { kind: 'recovering', donor: 1, lag_bytes, passed: 0 });
  cluster.tick(2);
}

describe('a member', () => {
  test('is nobody to warn of, however much is kept for it', () => {
    expect(look(1, 10 * MOST)).toEqual({ watches: {}, warnings: [], drop: [] });
  });
});

describe('a node that is away', () => {
  beforeEach(lose_node_3);

  test('is warned of from half of the limit on, once for each tenth', () => {
    expect(look(1, 49 * MB).warnings).toEqual([]);
    const text = 'node 3 is away and 51 MB of WAL is kept for it here: beyond ' +
      'multimaster.max_recovery_lag = 100 MB it is dropped from the cluster';
    expect(look(1, 51 * MB).warnings).toEqual([text]);
    expect(look(1, 59 * MB).warnings).toEqual([]);
    expect(look(1, 60 * MB).warnings).toHaveLength(1);
    expect(look(1, 99 * MB).warnings).toHaveLength(1);
  });

  test('is warned of on each node that keeps WAL', () => {
    expect(look(2, 51 * MB).warnings).toHaveLength(1);
  });

  test('is dropped by the first member beyond the limit', () => {
    expect(look(1, 100 * MB).drop).toEqual([]);
    expect(look(1, 101 * MB).drop).toEqual([]);
    expect(look(1, 101 * MB, { later_ms: 5_000 }).drop).toEqual([3]);
    expect(look(1, 102 * MB, { later_ms: 1_000 }).drop).toEqual([]);
    expect(look(1, 102 * MB, { later_ms: 4_000 }).drop).toEqual([3]);
  });

  test('is dropped by another member when the first one does not', () => {
    look(2, 101 * MB);
    expect(look(2, 101 * MB, { later_ms: 5_000 }).drop).toEqual([]);
    expect(look(2, 101 * MB, { later_ms: 5_000 }).drop).toEqual([3]);
  });

  test('is no longer of interest when it is not listed', () => {
    cluster.event(1, { kind: 'listed', nodes: [1, 2] });
    expect(look(1, 200 * MB)).toEqual({ watches: {}, warnings: [], drop: [] });
  });

  test('is left alone without a limit', () => {
    look(1, 200 * MB, { most: 0 });
    expect(look(1, 200 * MB, { most: 0, later_ms: 60_000 })).toMatchObject({ warnings: [], drop: [] });
  });
});

describe('a node that catches up', () => {
  beforeEach(lose_node_3);

  test('is not dropped while what is left becomes less', () => {
    for (let left = 300; left > 1; left--) {
      node_3_reads(left * MB);
      expect(look(1, (600 - left) * MB, { later_ms: 10_000 }).drop).toEqual([]);
    }
    expect(cluster.status(3)).toBe('catchup');
  });

  test('is dropped when it falls behind for a minute', () => {
    node_3_reads(110 * MB);
    expect(look(1, 110 * MB).warnings).toEqual([expect.stringContaining('since it is catching up')]);
    expect(look(1, 120 * MB, { later_ms: 50_000 }).drop).toEqual([]);
    node_3_reads(120 * MB);
    expect(look(1, 130 * MB, { later_ms: 10_000 }).drop).toEqual([]);
    node_3_reads(120 * MB);
    expect(look(1, 130 * MB, { later_ms: 5_000 }).drop).toEqual([3]);
  });

  test('is given more time for a large transaction near the end', () => {
    node_3_reads(90 * MB);
    look(1, 110 * MB);
    for (let minute = 0; minute < 9; minute++) {
      node_3_reads(90 * MB);
      expect(look(1, 110 * MB, { later_ms: 60_000 }).drop).toEqual([]);
    }
    node_3_reads(90 * MB);
    look(1, 110 * MB, { later_ms: 60_000 });
    node_3_reads(90 * MB);
    expect(look(1, 110 * MB, { later_ms: 5_000 }).drop).toEqual([3]);
  });

  test('and changes its donor has the time to begin again', () => {
    node_3_reads(90 * MB);
    look(1, 110 * MB);
    cluster.disconnect(1, 3);
    look(1, 110 * MB, { later_ms: 1_000 });
    expect(look(1, 110 * MB, { later_ms: 2_000 }).drop).toEqual([]);
  });
});

describe('where it cannot be dropped', () => {
  test('one of two nodes without a tie-breaker is warned of, at the limit and seldom beyond', () => {
    cluster = LosslessCluster.online(2);
    cluster.disconnect(1, 2);
    cluster.tick(2);
    const two = { away: 2 };
    expect(look(1, 99 * MB, two).warnings).toHaveLength(1);
    const why = 'node 2 is away and 110 MB of WAL is kept for it here, more than ' +
      'multimaster.max_recovery_lag = 100 MB; it is not dropped, since this node is not online: ' +
      'bring nodes back, or make room for more WAL';
    expect(look(1, 110 * MB, two).warnings).toEqual([why]);
    expect(look(1, 149 * MB, { ...two, later_ms: 60_000 })).toMatchObject({ warnings: [], drop: [] });
    expect(look(1, 151 * MB, { ...two, later_ms: 60_000 })).toMatchObject({ drop: [] });
    expect(judged.warnings).toHaveLength(1);
  });

  test('the major node of two drops the other', () => {
    cluster = LosslessCluster.online(2, 2);
    cluster.disconnect(1, 2);
    cluster.tick(2);
    look(2, 110 * MB, { away: 1 });
    expect(look(2, 110 * MB, { away: 1, later_ms: 5_000 }).drop).toEqual([1]);
    look(1, 110 * MB, { away: 2 });
    expect(look(1, 110 * MB, { away: 2, later_ms: 60_000 }).drop).toEqual([]);
  });
});

test('bytes in words', () => {
  expect([0, 8 * MB, 1.54 * MB, 1024 * MB, 1500 * 1024 * MB].map(in_words)).toEqual([
    ...['0 bytes', '8 MB', '1.5 MB', '1 GB', '1.5 TB'],
  ]);
});
