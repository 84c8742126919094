// A node that mtm.stop_node() took out: no member as long as the others are a quorum.
import { beforeEach, describe, expect, test } from 'vitest';
import { LosslessCluster } from './lossless_cluster.ts';

let cluster: LosslessCluster;

function list_on(ids: number[], stopped: number[]): void {
  for (const id of ids) cluster.event(id, { kind: 'listed', nodes: [1, 2, 3], stopped });
}

const pass = (seconds: number) => cluster.tick(seconds * 5);
const members = (id: number) => cluster.node(id).control.state.view?.members;

describe('a stopped node', () => {
  beforeEach(() => {
    cluster = LosslessCluster.online(3);
  });

  test('is left out, and the others go on', () => {
    list_on([1, 2, 3], [3]);
    pass(2);
    expect([members(1), members(2)]).toEqual([[1, 2], [1, 2]]);
    expect(cluster.statuses()).toEqual(['online', 'online', 'catchup']);
    expect(cluster.node(3).control.state.reason).toMatch(/stopped by mtm.stop_node/);
  });

  test('is left out only when all have heard of it', () => {
    list_on([1], [3]);
    pass(2);
    expect(members(1)).toEqual([1, 2, 3]);
    list_on([2], [3]);
    pass(2);
    expect(members(1)).toEqual([1, 2]);
  });

  test('stays a member when the others would be no quorum', () => {
    list_on([1, 2, 3], [2, 3]);
    pass(2);
    expect(members(1)).toEqual([1, 2, 3]);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
  });
});
