// The referee: which of two nodes goes on alone, and which does not (docs/majority.md, 4.8).
import { describe, expect, test } from 'vitest';
import { goes_on_alone, question } from '../../ts-src/core/referee.ts';
import { LosslessCluster } from './lossless_cluster.ts';
import { meets_every_quorum, is_quorum, REFEREE } from '../../ts-src/core/quorum.ts';

function apart(): LosslessCluster {
  const cluster = LosslessCluster.online(2, 0, true);
  cluster.disconnect(1, 2);
  cluster.tick();
  return cluster;
}

describe('with a referee', () => {
  test('half of the nodes are no quorum, but may become one', () => {
    expect(is_quorum([1, 2], [1], REFEREE)).toBe(false);
    expect(meets_every_quorum([1, 2], [1], REFEREE)).toBe(false);
    expect(meets_every_quorum([1, 2], [1, 2], REFEREE)).toBe(true);
  });

  test('the generation of both names it, unless one of them claims to be the major node', () => {
    const named = (count: number, major: number) =>
      LosslessCluster.online(count, major, true).node(1).disk!.generation!.major;
    expect(named(2, 0)).toBe(REFEREE);
    expect(named(2, 2)).toBe(2);
    expect(named(3, 0)).toBe(0);
  });

  test('a node asks only when it is alone', () => {
    const cluster = LosslessCluster.online(2, 0, true);
    cluster.tick(10);
    expect(cluster.node(1).asked).toEqual([]);
    cluster.disconnect(1, 2);
    cluster.tick(3);
    expect(cluster.node(1).asked).toEqual([1, 1, 1]);
  });

  test('a node that has just started gives the other time to start as well', () => {
    const cluster = LosslessCluster.online(2, 0, true);
    for (const id of [1, 2]) cluster.start(id);
    cluster.tick(8);
    expect(cluster.node(1).asked).toEqual([]);
    cluster.tick(4);
    expect(cluster.node(1).asked).not.toEqual([]);
  });

  test('that only one of them has, nothing changes, and it says so', () => {
    const cluster = LosslessCluster.online(2, 0, 2);
    expect(cluster.node(1).disk?.generation?.major).toBe(0);
    expect(cluster.node(1).logged).toContain(
      'node 1 has no referee, so that of node 2 will not be asked',
    );
    cluster.disconnect(1, 2);
    cluster.tick(15);
    expect(cluster.statuses()).toEqual(['isolated', 'isolated']);
    expect(cluster.node(2).asked).toEqual([]);
    expect(cluster.node(2).control.state.reason).toContain('no referee is asked');
  });

  test('neither goes on before it has answered', () => {
    const cluster = apart();
    expect(cluster.statuses()).toEqual(['isolated', 'isolated']);
    expect(cluster.node(1).control.state.reason).toBe(
      'waiting for node 2: no link; waiting for the referee',
    );
  });

  test('the node that it chose goes on, the other says why it does not', () => {
    const cluster = apart();
    for (const id of [1, 2]) cluster.event(id, { kind: 'referee', number: 1, winner: 2 });
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['isolated', 'online']);
    expect(cluster.node(2).disk?.generation).toMatchObject({ number: 2, members: [2], major: 2 });
    expect(cluster.node(1).control.state.reason).toContain('the referee chose node 2');
  });

  test('a node that goes on does so after a restart, too, and names it again with the other', () => {
    const cluster = apart();
    cluster.event(2, { kind: 'referee', number: 1, winner: 2 });
    cluster.tick(2);
    cluster.start(2);
    // It does not know whom it granted a lease before.
    cluster.tick(5);
    expect(cluster.status(2)).not.toBe('online');
    cluster.tick(8);
    expect(cluster.statuses()).toEqual(['isolated', 'online']);
    expect(cluster.node(2).asked).toEqual([]);
    cluster.connect(1, 2);
    cluster.tick(2);
    expect(cluster.status(1)).toBe('catchup');
    cluster.event(1, { kind: 'recovering', donor: 2, lag_bytes: 10, passed: 0 });
    cluster.tick(3);
    expect(cluster.node(2).disk?.generation).toMatchObject({ members: [1, 2], major: REFEREE });
  });

  test('a choice for an older generation is of no use', () => {
    const cluster = LosslessCluster.online(2, 0, true);
    cluster.start(1);
    cluster.connect(1, 2);
    cluster.tick(3);
    expect(cluster.node(1).disk?.generation?.number).toBe(2);
    cluster.disconnect(1, 2);
    cluster.event(1, { kind: 'referee', number: 1, winner: 1 });
    cluster.tick(2);
    expect(cluster.status(1)).toBe('isolated');
  });
});

describe('a node goes on alone', () => {
  const { generation, online_in, history } = LosslessCluster.online(2, 0, true).node(1).disk!;
  const known = { history, online_in, settled: 1 };
  const ruling = { number: 1, winner: 1 };

  test('when it is chosen for the newest generation in which it was online', () => {
    expect(goes_on_alone(1, known, null)).toBe(false);
    expect(goes_on_alone(1, known, ruling)).toBe(true);
    expect(goes_on_alone(1, known, { number: 1, winner: 2 })).toBe(false);
    expect(goes_on_alone(1, known, { number: 2, winner: 1 })).toBe(false);
  });

  test('not when the other may be online in a newer one', () => {
    const settled = { ...known, settled: 2 };
    expect(goes_on_alone(1, settled, ruling)).toBe(false);
    expect(question(settled)).toBeNull();
  });

  test('when it was alone before, though a newer one was won that it did not settle', () => {
    const lone = { ...generation!, number: 2, members: [1], major: 1 };
    const both = { ...generation!, number: 3 };
    const later = { history: [lone, both], online_in: 2, settled: 2 };
    expect(goes_on_alone(1, later, null)).toBe(true);
    expect(goes_on_alone(2, later, null)).toBe(false);
  });

  test('not by a choice for what no referee decides', () => {
    const plain = { ...known, history: [{ ...generation!, major: 0 }] };
    expect(goes_on_alone(1, plain, ruling)).toBe(false);
    expect(question(plain)).toBeNull();
  });
});
