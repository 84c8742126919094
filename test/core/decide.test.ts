// Users' decisions on their own prepared transactions.
import { describe, expect, test } from 'vitest';
import { LosslessCluster } from './lossless_cluster.ts';

function with_prepared(...ids: number[]): LosslessCluster {
  const cluster = LosslessCluster.online(3);
  for (const id of ids) cluster.node(id).prepared['x'] = String(700 + id);
  return cluster;
}

const outcomes = (cluster: LosslessCluster) =>
  [1, 2, 3].map((id) => cluster.node(id).finished.map((each) => each.slice(1).join(' ')));

describe('COMMIT PREPARED', () => {
  test.each([1, 2, 3])('on node %i ends it on all nodes', (id) => {
    const cluster = with_prepared(1, 2, 3);
    cluster.event(id, { kind: 'decide', gid: 'x', commit: true });
    expect(outcomes(cluster)).toEqual([['commit done'], ['commit done'], ['commit done']]);
    for (const each of [1, 2, 3]) {
      expect(cluster.node(each).disk?.accepted).toEqual({});
      expect(cluster.node(each).control.state.decisions).toEqual({});
    }
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
  });

  test.each([1, 2, 3])('is answered on node %i when all others have executed it', (id) => {
    const cluster = with_prepared(1, 2, 3);
    const slow = id === 1 ? 2 : 1;
    cluster.node(slow).busy = 2;
    cluster.event(id, { kind: 'decide', gid: 'x', commit: true });
    expect(cluster.node(id).finished).toEqual([]);
    cluster.tick(2);
    expect(cluster.finish_order.at(-1)).toBe(id);
    expect(cluster.node(id).finished).toEqual([['x', 'commit', 'done']]);
  });

  test('is not asked for again while its ballot runs', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.lose = (from, _, { kind }) => from === 3 && kind === 'accept';
    cluster.event(2, { kind: 'decide', gid: 'x', commit: true });
    cluster.tick(2);
    expect(cluster.node(1).control.state.tenure.round?.phase).toBe('propose');
    expect(cluster.node(1).control.state.asked).toEqual({});
    cluster.lose = () => false;
    cluster.tick(2);
    expect(outcomes(cluster)).toEqual([['commit done'], ['commit done'], ['commit done']]);
    expect(cluster.node(1).control.state.tenure).toMatchObject({ round: null, last_seq: 2 });
  });

  test('of what nobody has is told so to the one who asked', () => {
    const cluster = with_prepared();
    cluster.event(2, { kind: 'decide', gid: 'x', commit: true });
    expect(outcomes(cluster)).toEqual([[], ['abort absent'], []]);
    expect(cluster.node(2).control.state.decisions).toEqual({});
  });

  test('waits while its PREPARE is under way', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.node(1).driven.add('x');
    cluster.event(2, { kind: 'decide', gid: 'x', commit: true });
    cluster.tick(3);
    expect(outcomes(cluster)).toEqual([[], [], []]);
    cluster.node(1).driven.clear();
    cluster.event(2, { kind: 'decide', gid: 'x', commit: true });
    expect(outcomes(cluster)).toEqual([['commit done'], ['commit done'], ['commit done']]);
  });

  test('does not commit what a member has not', () => {
    const cluster = with_prepared(1, 2);
    cluster.event(1, { kind: 'decide', gid: 'x', commit: true });
    expect(outcomes(cluster)).toEqual([['abort done'], ['abort done'], ['abort absent']]);
  });

  test('and ROLLBACK PREPARED at once: the first wins, both learn it', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.lose = (_, to, message) => to === 1 && message.kind === 'answer';
    cluster.event(2, { kind: 'decide', gid: 'x', commit: true });
    cluster.event(3, { kind: 'decide', gid: 'x', commit: false });
    cluster.lose = () => false;
    cluster.tick(3);
    expect(outcomes(cluster)).toEqual([['commit done'], ['commit done'], ['commit done']]);
    for (const id of [2, 3]) expect(cluster.node(id).control.state.decisions).toEqual({});
  });

  const kinds = ['ask', 'told', 'inquire', 'answer', 'propose', 'accept', 'execute', 'conclude'];
  test.each([...kinds, 'ended', 'close'])(
    'survives a lost message: %s',
    (kind) => {
      const cluster = with_prepared(1, 2, 3);
      let lost = 0;
      cluster.lose = (_, __, message) => message.kind === kind && lost++ < 2;
      cluster.event(3, { kind: 'decide', gid: 'x', commit: true });
      cluster.tick(4);
      expect(outcomes(cluster)).toEqual([['commit done'], ['commit done'], ['commit done']]);
    },
  );

  test('of a transaction of the cluster is refused', () => {
    const cluster = LosslessCluster.online(3);
    cluster.event(1, { kind: 'decide', gid: 'MTM-1-700-1-1-5', commit: true });
    expect(cluster.node(1).control.state.decisions).toEqual({});
    expect(cluster.node(1).logged.at(-1)).toContain('not decided by users');
  });
});

describe('a name that is given again', () => {
  test('is not hit by a decision on the transaction before', () => {
    const cluster = with_prepared(1, 2, 3);
    // All has arrived but the request, which comes late.
    let late: (() => void) | null = null;
    cluster.lose = (from, to, message) => {
      if (message.kind !== 'ask' || from !== 3) return false;
      const body = JSON.stringify({
        ...{ version: 1, cluster: 'test', from, incarnation: 1, message },
      });
      late = () => cluster.event(to, { kind: 'message', from, body });
      return true;
    };
    cluster.event(3, { kind: 'decide', gid: 'x', commit: true });
    for (const id of [1, 2, 3]) cluster.node(id).prepared['x'] = String(900 + id);
    late!();
    expect(outcomes(cluster)).toEqual([[], [], []]);
  });

  test('between answer and acceptance stops the round', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.lose = (_, __, message) => {
      if (message.kind === 'propose') cluster.node(2).prepared['x'] = '950';
      return false;
    };
    cluster.event(3, { kind: 'decide', gid: 'x', commit: false });
    expect(outcomes(cluster)).toEqual([[], [], []]);
    for (const id of [1, 2, 3]) expect(cluster.node(id).disk?.accepted).toEqual({});
  });

  test('between acceptance and execution is left alone', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.lose = (_, __, message) => {
      if (message.kind === 'execute') cluster.node(2).prepared['x'] = '950';
      return false;
    };
    cluster.event(3, { kind: 'decide', gid: 'x', commit: false });
    expect(outcomes(cluster)).toEqual([['abort done'], [], ['abort done']]);
    expect(cluster.node(2).prepared['x']).toBe('950');
  });
});

describe('a decision that a crash interrupted', () => {
  function crash_of_node_2(cluster: LosslessCluster): void {
    cluster.start(2);
    for (const id of [1, 3]) cluster.disconnect(2, id);
    for (const id of [1, 3]) cluster.connect(2, id);
    cluster.tick(4);
  }

  test('is carried on when all had accepted it', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.lose = (_, __, message) => message.kind === 'execute';
    cluster.event(3, { kind: 'decide', gid: 'x', commit: true });
    expect(outcomes(cluster)[1]).toEqual([]);
    cluster.lose = () => false;
    crash_of_node_2(cluster);
    for (const id of [1, 2, 3]) expect(cluster.node(id).prepared).toEqual({});
    expect(cluster.node(2).finished).toEqual([['x', 'commit', 'done']]);
  });

  test('is void when one had not: the backend that waits asks again', () => {
    const cluster = with_prepared(1, 2, 3);
    cluster.lose = (_, to, message) => to === 2 && message.kind === 'propose';
    cluster.event(2, { kind: 'decide', gid: 'x', commit: true });
    expect(cluster.node(3).disk?.accepted['x']?.value).toBe('commit');
    cluster.lose = () => false;
    crash_of_node_2(cluster);
    expect(outcomes(cluster)).toEqual([[], [], []]);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    expect(cluster.node(3).disk?.accepted).toEqual({});
  });
});
