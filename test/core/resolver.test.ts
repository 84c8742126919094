// The resolver and the members: work of older generations ends the same way everywhere.
import { describe, expect, test } from 'vitest';
import { LosslessCluster } from './lossless_cluster.ts';

const GID = 'MTM-1-700-1-1-5';

/** Node 1 starts again, as after a crash: generation 2 follows. */
function crash_of_node_1(cluster: LosslessCluster): void {
  cluster.start(1);
  for (const id of [2, 3]) cluster.disconnect(1, id);
  for (const id of [2, 3]) cluster.connect(1, id);
  cluster.tick(4);
}

function prepared_on(cluster: LosslessCluster, gid: string, ...ids: number[]): void {
  for (const id of ids) cluster.node(id).prepared[gid] = String(700 + id);
}

function finished(cluster: LosslessCluster, gid: string) {
  return [1, 2, 3].map((id) => {
    const all = cluster.node(id).finished.filter(([name]) => name === gid);
    return all.at(-1)?.slice(1).join(' ') ?? 'nothing';
  });
}

describe('after the coordinator crashed', () => {
  test('a transaction that all have prepared is committed', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 1, 2, 3);
    crash_of_node_1(cluster);
    expect(finished(cluster, GID)).toEqual(['commit done', 'commit done', 'commit done']);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
  });

  test('a transaction that one has not prepared is aborted', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 1, 2);
    crash_of_node_1(cluster);
    expect(finished(cluster, GID)).toEqual(['abort done', 'abort done', 'abort absent']);
  });

  test('a transaction that it had committed is committed', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 2);
    cluster.node(1).outcomes[GID] = 'committed';
    crash_of_node_1(cluster);
    expect(finished(cluster, GID)).toEqual(['commit absent', 'commit done', 'commit absent']);
  });

  test('nobody is online before all is over, and nothing is kept afterwards', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 1, 2, 3);
    cluster.node(3).busy = 3;
    cluster.start(1);
    for (const id of [2, 3]) cluster.disconnect(1, id);
    for (const id of [2, 3]) cluster.connect(1, id);
    cluster.event(1, { kind: 'tick' });
    expect(cluster.node(2).disk?.accepted[GID]?.value).toBe('commit');
    expect(cluster.statuses()).toEqual(['recovery', 'recovery', 'recovery']);
    cluster.tick(4);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    for (const id of [1, 2, 3]) expect(cluster.node(id).disk?.accepted).toEqual({});
  });

  test('more transactions than one message holds are ended in several rounds', () => {
    const cluster = LosslessCluster.online(3);
    const gids = Array.from({ length: 700 }, (_, i) => `MTM-2-${1000 + i}-1-1-5`);
    for (const gid of gids) prepared_on(cluster, gid, 1, 2, 3);
    crash_of_node_1(cluster);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    for (const id of [1, 2, 3]) {
      expect(Object.keys(cluster.node(id).prepared)).toEqual([]);
      expect(cluster.node(id).finished.every(([, value]) => value === 'commit')).toBe(true);
    }
    expect(cluster.node(1).control.state.tenure.closed).toBeGreaterThan(3);
  });

  test('a user\'s prepared transaction stays prepared', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, 'mine', 1, 2, 3);
    crash_of_node_1(cluster);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    expect(finished(cluster, 'mine')).toEqual(['nothing', 'nothing', 'nothing']);
  });

  test('a transaction that nobody can tell of keeps the cluster waiting, and is named', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 2, 3);
    cluster.node(1).outcomes[GID] = 'unknown';
    crash_of_node_1(cluster);
    cluster.tick(10);
    expect(cluster.statuses()).toEqual(['recovery', 'recovery', 'recovery']);
    expect(cluster.node(1).control.state.reason).toContain(`${GID} (node 1 cannot tell`);
    expect(cluster.node(1).logged.filter((line) => line.includes(GID))).toHaveLength(1);
    cluster.node(1).outcomes[GID] = 'committed';
    cluster.tick(3);
    expect(finished(cluster, GID)).toEqual(['commit absent', 'commit done', 'commit done']);
  });
});

describe('a ballot that was interrupted', () => {
  test('is carried on with its value by the next generation', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 1, 2, 3);
    cluster.lose = (_, __, message) => message.kind === 'accept';
    crash_of_node_1(cluster);
    expect(cluster.node(2).disk?.accepted[GID]?.value).toBe('commit');
    // One of them loses it now: by the answers alone it would be aborted.
    delete cluster.node(3).prepared[GID];
    cluster.lose = () => false;
    crash_of_node_1(cluster);
    expect(finished(cluster, GID)).toEqual(['commit done', 'commit done', 'commit absent']);
  });

  test.each(['report', 'inquire', 'answer', 'propose', 'accept', 'conclude', 'ended', 'close'])(
    'by a lost message goes on: %s',
    (kind) => {
      const cluster = LosslessCluster.online(3);
      prepared_on(cluster, GID, 1, 2, 3);
      let lost = 0;
      cluster.lose = (_, __, message) => message.kind === kind && lost++ < 3;
      crash_of_node_1(cluster);
      cluster.tick(4);
      expect(finished(cluster, GID)).toEqual(['commit done', 'commit done', 'commit done']);
      expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    },
  );

  test('is executed by nobody before all have accepted', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 1, 2, 3);
    cluster.lose = (from, _, message) => from === 3 && message.kind === 'accept';
    crash_of_node_1(cluster);
    cluster.tick(5);
    expect(finished(cluster, GID)).toEqual(['nothing', 'nothing', 'nothing']);
    expect(cluster.node(1).control.state.reason).toContain('waiting for node 3');
  });
});

describe('an orphan', () => {
  test('makes the cluster agree on a newer generation, and is ended there', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, 'MTM-2-700-1-1-5', 2, 3);
    cluster.event(2, { kind: 'orphan', gid: 'MTM-2-700-1-1-5' });
    cluster.tick(4);
    expect(cluster.node(1).disk?.generation?.number).toBe(2);
    const all = finished(cluster, 'MTM-2-700-1-1-5');
    expect(all).toEqual(['abort absent', 'abort done', 'abort done']);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    expect(cluster.node(2).control.state.orphans).toEqual({});
    cluster.tick(20);
    expect(cluster.node(1).disk?.generation?.number).toBe(2);
  });

  test('that nobody told of is found by the survey, at the second look', () => {
    const cluster = LosslessCluster.online(3);
    cluster.tick(26);
    prepared_on(cluster, GID, 1, 2, 3);
    cluster.tick(26);
    expect(cluster.node(1).disk?.generation?.number).toBe(1);
    cluster.tick(26);
    expect(cluster.node(1).disk?.generation?.number).toBe(2);
    expect(finished(cluster, GID)).toEqual(['commit done', 'commit done', 'commit done']);
  });

  test('is none while its backend drives it, or when a user named it', () => {
    const cluster = LosslessCluster.online(3);
    prepared_on(cluster, GID, 1, 2, 3);
    prepared_on(cluster, 'mine', 1, 2, 3);
    cluster.node(1).driven.add(GID);
    cluster.event(1, { kind: 'orphan', gid: 'mine' });
    cluster.tick(80);
    expect(cluster.node(1).disk?.generation?.number).toBe(1);
  });
});
