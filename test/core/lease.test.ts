// Leases: until when a node answers statements, and who waits for that.
import { beforeEach, describe, expect, test } from 'vitest';
import { lease_end } from '../../ts-src/core/lease.ts';
import { obstacles } from '../../ts-src/core/campaign.ts';
import { LosslessCluster } from './lossless_cluster.ts';

const RECV_MS = 2_000;
let cluster: LosslessCluster;

function left_ms(id: number): number {
  return lease_end(cluster.node(id).control.state, cluster.now_ms) - cluster.now_ms;
}

/** A node that stands still: nothing reaches it, and it says nothing. */
function stand_still(id: number): void {
  cluster.lose = (from, to) => from === id || to === id;
}

beforeEach(() => {
  cluster = LosslessCluster.online(3);
  cluster.tick(2);
});

describe('a lease', () => {
  test('lasts while one of the two others hears the node', () => {
    cluster.lose = (from) => from === 2;
    cluster.tick(3);
    expect(left_ms(1)).toBeGreaterThan(RECV_MS - 500);
  });

  test('ends when nobody tells the node that it is heard, though it hears them', () => {
    cluster.lose = (from, _, message) => from === 1 && message.kind === 'heartbeat';
    const before_ms = left_ms(1);
    cluster.tick(2);
    expect(left_ms(1)).toBe(before_ms - 400);
  });

  test('of a node that is not online is none, and begins anew with its next heartbeats', () => {
    cluster.disconnect(1, 2);
    cluster.disconnect(1, 3);
    expect(cluster.status(1)).toBe('isolated');
    expect(left_ms(1)).toBeLessThanOrEqual(0);
    expect(cluster.node(1).control.state.beats).toEqual([]);
  });

  test('needs no other node where no quorum is left without this one', () => {
    const two = LosslessCluster.online(2, 1);
    two.disconnect(1, 2);
    two.tick(2);
    expect(lease_end(two.node(1).control.state, two.now_ms)).toBeGreaterThan(two.now_ms);
  });
});

describe('the others', () => {
  test('wait for the lease of a node whose connections are reset', () => {
    stand_still(1);
    cluster.reset(1, 2);
    cluster.reset(1, 3);
    const end_ms = lease_end(cluster.node(1).control.state, cluster.now_ms);
    while (cluster.node(2).disk?.promised?.number === 1) cluster.tick();
    expect(cluster.now_ms).toBeGreaterThan(end_ms);
    cluster.tick(2);
    expect(cluster.node(2).disk?.generation?.members).toEqual([2, 3]);
  });

  test('say what they wait for', () => {
    stand_still(1);
    cluster.reset(1, 2);
    cluster.event(2, { kind: 'gone', peer: 1 });
    cluster.event(3, { kind: 'link_down', peer: 1 });
    cluster.tick(3);
    expect(cluster.node(2).disk?.promised?.number).toBe(1);
    expect(obstacles(cluster.node(2).control.state)).toEqual([
      'node 3 waits until node 1 cannot answer by what it knew before',
    ]);
  });

  test('do not wait for a server that does not run', () => {
    stand_still(1);
    cluster.disconnect(1, 2);
    cluster.disconnect(1, 3);
    cluster.tick(2);
    expect(cluster.node(2).disk?.generation?.members).toEqual([2, 3]);
  });

  test('do not wait for a node that lets go, of which one of them hears by the other', () => {
    cluster.reset(1, 2);
    cluster.tick(3);
    expect(cluster.node(3).disk?.generation?.members).toEqual([1, 3]);
    expect(cluster.status(2)).not.toBe('online');
  });

  test('that start again wait for what they may have granted before', () => {
    stand_still(1);
    const end_ms = lease_end(cluster.node(1).control.state, cluster.now_ms);
    for (const id of [2, 3]) cluster.start(id);
    cluster.connect(2, 3);
    while (cluster.node(2).disk?.promised?.number === 1) cluster.tick();
    expect(cluster.now_ms).toBeGreaterThan(end_ms);
  });

  test('grant nothing to a node that they leave out', () => {
    cluster.event(2, { kind: 'listed', nodes: [1, 2, 3], stopped: [1] });
    cluster.event(3, { kind: 'listed', nodes: [1, 2, 3], stopped: [1] });
    cluster.lose = (from, to) => from === 1 && to === 2;
    cluster.tick(1);
    expect(cluster.status(1)).not.toBe('online');
    expect(cluster.node(2).control.state.peers[1]?.granted).toBe(false);
  });
});
