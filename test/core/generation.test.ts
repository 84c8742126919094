// Generations: who votes for what, when one is needed, what keeps it from being won.
import { describe, expect, test } from 'vitest';
import { cast_vote, count_votes, objection } from '../../ts-src/core/vote.ts';
import { base, donors, is_well_formed, resolver_of, restarted_members, same_generation, type Generation } from
  '../../ts-src/core/generation.ts';
import { LosslessCluster } from './lossless_cluster.ts';
import { is_quorum_here } from '../../ts-src/core/configured.ts';
import { in_force } from '../../ts-src/core/force.ts';
import { learn } from '../../ts-src/core/history.ts';
import { need, obstacles } from '../../ts-src/core/campaign.ts';
import { Turn } from '../../ts-src/core/turn.ts';

const proposal: Generation = {
  number: 9,
  campaigner: 1,
  members: [1, 2, 3],
  configured: [1, 2, 3],
  incarnations: { 1: 1, 2: 1, 3: 1 },
  online_in: { 1: 1, 2: 1, 3: 1 },
  major: 0,
};

describe('votes', () => {
  test.each([
    ['pending while a member is silent', [1, 2], false, 'pending'],
    ['won when every member voted', [1, 2, 3], false, 'won'],
    ['lost by one refusal', [1, 2, 3], true, 'lost'],
  ] as const)('%s', (_, votes, refused, count) => {
    expect(count_votes(proposal, votes, refused)).toBe(count);
  });

  test('do not win what holds no quorum', () => {
    expect(count_votes({ ...proposal, members: [1] }, [1], false)).toBe('pending');
  });
});

describe('a node refuses', () => {
  const state = LosslessCluster.online(3).node(2).control.state;

  test.each<[string, Partial<Generation>, string]>([
    ['a number it has passed', { number: 1 }, 'older_number'],
    ['a proposal without it', { members: [1, 3] }, 'not_configured'],
    ['a proposal without its campaigner', { campaigner: 4 }, 'not_configured'],
    ['another list of nodes', { configured: [1, 2, 3, 4] }, 'configured_differs'],
    ['members that are no quorum', { members: [2], campaigner: 2 }, 'no_quorum'],
    ['its own earlier incarnation', { incarnations: { 1: 1, 2: 7, 3: 1 } }, 'incarnation'],
    ['to drop a donor that it hears', { members: [1, 2] }, 'drops_wanted_node'],
    ['its own earlier recovery', { online_in: { 1: 1, 2: 0, 3: 1 } }, 'online_in'],
    ['a major node that not all agreed on', { members: [2, 3], campaigner: 2, major: 2 },
      'major_differs'],
  ])('%s', (_, change, code) => {
    expect(objection(state, { ...proposal, ...change })?.code).toBe(code);
  });

  test('a member that it does not hear, or does not read', () => {
    const cluster = LosslessCluster.online(3);
    cluster.event(2, { kind: 'stream_down', peer: 3 });
    expect(objection(cluster.node(2).control.state, proposal)?.code).toBe('no_stream');
    cluster.disconnect(2, 3);
    expect(objection(cluster.node(2).control.state, proposal)?.code).toBe('not_connected');
  });

  test('nothing else', () => expect(objection(state, proposal)).toBeNull());
});

describe('the first generation', () => {
  test('is agreed by all as soon as all hear each other', () => {
    const cluster = LosslessCluster.online(3);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    for (const id of [1, 2, 3]) {
      expect(cluster.node(id).disk?.generation).toMatchObject({ number: 1, members: [1, 2, 3] });
    }
  });

  test('waits for a node that is not there, and says so', () => {
    const cluster = new LosslessCluster(3);
    cluster.connect(1, 2);
    cluster.tick(20);
    expect(cluster.statuses()).toEqual(['disabled', 'disabled', 'isolated']);
    const { reason } = cluster.node(1).control.state;
    expect(reason).toBe('waiting for a generation: no connection to node 3');
    expect(cluster.node(3).control.state.reason).toContain('node 1: no link');
    expect(cluster.node(1).logged.filter((line) => line.includes('node 3'))).toHaveLength(1);
  });

  test('waits while two nodes do not hear each other, though both hear the third', () => {
    const cluster = new LosslessCluster(3);
    cluster.connect(1, 2);
    cluster.connect(1, 3);
    cluster.tick(5);
    expect(cluster.status(1)).toBe('disabled');
    expect(obstacles(cluster.node(1).control.state)).toEqual([
      'node 2 does not hear node 3',
      'node 3 does not hear node 2',
    ]);
  });

  test('waits for every stream', () => {
    const cluster = new LosslessCluster(2);
    for (const [at, peer] of [[1, 2], [2, 1]] as const) {
      cluster.event(at, { kind: 'link_up', peer });
    }
    cluster.event(1, { kind: 'stream_up', peer: 2 });
    cluster.tick(5);
    expect(cluster.node(1).control.state.durable.promised).toBeNull();
    expect(obstacles(cluster.node(1).control.state)).toEqual([
      'node 2 does not read the stream of node 1 yet',
    ]);
    cluster.event(2, { kind: 'stream_up', peer: 1 });
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['online', 'online']);
  });

  test('of one node needs nobody else', () => {
    expect(LosslessCluster.online(1).statuses()).toEqual(['online']);
  });
});

describe('a newer generation', () => {
  test('is not needed while nothing happens', () => {
    const cluster = LosslessCluster.online(3);
    cluster.tick(50);
    expect(need(cluster.node(1).control.state)).toBeNull();
    expect(cluster.node(1).disk?.generation?.number).toBe(1);
  });

  test('waits a moment for a member that has just started to say whom it hears', () => {
    const cluster = LosslessCluster.online(3);
    cluster.start(3);
    cluster.lose = (_, to) => to === 3;
    for (const id of [1, 2]) cluster.event(3, { kind: 'link_up', peer: id });
    for (const id of [1, 2]) cluster.event(id, { kind: 'tick' });
    expect(cluster.node(1).disk?.promised?.number).toBe(1);
    cluster.lose = () => false;
    for (const id of [1, 2]) cluster.connect(id, 3);
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    expect(cluster.node(1).disk?.generation).toMatchObject({ number: 2, members: [1, 2, 3] });
  });

  test('does not wait for a member that has started and hears nobody', () => {
    const cluster = LosslessCluster.online(3);
    cluster.start(3);
    cluster.lose = (_, to) => to === 3;
    for (const id of [1, 2]) cluster.event(3, { kind: 'link_up', peer: id });
    cluster.tick(3);
    expect(cluster.statuses()).toEqual(['online', 'online', 'isolated']);
    expect(cluster.node(1).disk?.generation).toMatchObject({ number: 2, members: [1, 2] });
  });

  test('follows when a node is lost, and again when it is back', () => {
    const cluster = LosslessCluster.online(3);
    cluster.start(3);
    for (const id of [1, 2]) cluster.disconnect(id, 3);
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['online', 'online', 'isolated']);
    expect(cluster.node(2).disk?.generation).toMatchObject({ number: 2, members: [1, 2] });
    for (const id of [1, 2]) cluster.connect(id, 3);
    cluster.tick(3);
    expect(cluster.statuses()).toEqual(['online', 'online', 'catchup']);
    cluster.event(3, { kind: 'recovering', donor: 1, lag_bytes: 10, passed: 0 });
    cluster.tick(3);
    expect(cluster.statuses()).toEqual(['online', 'online', 'recovery']);
    expect(cluster.node(2).disk?.generation).toMatchObject({
      number: 3,
      members: [1, 2, 3],
      incarnations: { 1: 1, 2: 1, 3: 2 },
      online_in: { 1: 2, 2: 2, 3: 1 },
    });
    cluster.event(3, { kind: 'recovering', donor: 1, lag_bytes: 0, passed: 3 });
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    const { trace } = cluster.node(3);
    expect(trace.indexOf('mark 3')).toBe(trace.indexOf('publish online') - 1);
  });

  test('follows at once when a node started again before it was missed', () => {
    const cluster = LosslessCluster.online(3);
    cluster.start(3);
    for (const id of [1, 2]) cluster.connect(id, 3);
    cluster.tick(3);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    expect(cluster.node(2).disk?.generation).toMatchObject({
      incarnations: { 1: 1, 2: 1, 3: 2 },
    });
  });

  test('follows when one was promised and not won, with a higher number', () => {
    const cluster = LosslessCluster.online(3);
    cluster.start(2);
    for (const id of [1, 3]) cluster.disconnect(id, 2);
    cluster.lose = (_, __, message) => message.kind === 'vote';
    for (const id of [1, 3]) cluster.connect(id, 2);
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['recovery', 'recovery', 'recovery']);
    cluster.start(1);
    cluster.lose = () => false;
    for (const id of [2, 3]) cluster.disconnect(id, 1);
    for (const id of [2, 3]) cluster.connect(id, 1);
    cluster.tick(8);
    expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    expect(cluster.node(1).disk?.generation?.number).toBe(3);
  });

  test('is of those that all hear each other after a cut: the lower ones', () => {
    const cluster = LosslessCluster.online(3);
    cluster.disconnect(1, 3);
    cluster.tick(2);
    expect(cluster.node(2).disk?.generation).toMatchObject({ number: 2, members: [1, 2] });
    expect(cluster.statuses()).toEqual(['online', 'online', 'catchup']);
  });

  test('without a node that has caught up lets that node say what it waits for', () => {
    const cluster = LosslessCluster.online(3);
    cluster.disconnect(1, 3);
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['online', 'online', 'catchup']);
    const reads = 'it was away: reading what it missed from node 2';
    expect(cluster.node(3).control.state.reason).toBe(reads);
    cluster.event(3, { kind: 'recovering', donor: 2, lag_bytes: 0, passed: 2 });
    const why = `${reads}; waiting for node 1: no link`;
    expect(cluster.node(3).control.state.reason).toBe(why);
  });

  test('is not made by a half without the major node', () => {
    const cluster = LosslessCluster.online(2, 2);
    cluster.disconnect(1, 2);
    cluster.tick(2);
    expect(cluster.statuses()).toEqual(['isolated', 'online']);
    expect(cluster.node(2).disk?.generation).toMatchObject({ members: [2], major: 2 });
  });
});

describe('votes that may have won', () => {
  const cluster = LosslessCluster.online(2, 2);
  cluster.disconnect(1, 2);
  const { state } = cluster.node(2).control;
  const half: Generation = { ...proposal, configured: [1, 2], members: [2], campaigner: 2, major: 2 };
  const both = (number: number, major: number): Generation =>
    ({ ...half, number, members: [1, 2], major });
  const after_votes = (...votes: readonly Generation[]) => {
    const turn = new Turn(state, { now_ms: 0, wall_ms: 0, random: 0 });
    for (const vote of votes) cast_vote(turn, vote);
    return turn;
  };

  test('forbid a half by any major node but theirs, all of them', () => {
    expect(objection(state, half)).toBeNull();
    expect(objection(after_votes(both(7, 2)).state, half)).toBeNull();
    const bound = after_votes(both(7, 1), both(8, 2)).state;
    expect(objection(bound, half)?.code).toBe('no_quorum');
    expect(is_quorum_here(bound, [2])).toBe(false);
  });

  test('bind until a newer generation is known to be won', () => {
    const turn = after_votes(both(7, 1), both(8, 2));
    learn(turn, both(8, 2));
    expect(turn.state.durable.pending).toEqual([]);
    expect(objection(turn.state, half)).toBeNull();
  });
});

test('a generation is learned although this node voted for another of its number', () => {
  const cluster = LosslessCluster.online(3);
  cluster.disconnect(1, 3);
  cluster.disconnect(1, 2);
  const turn = new Turn(cluster.node(1).control.state, { now_ms: 0, wall_ms: 0, random: 0 });
  const of = (campaigner: number, members: number[]): Generation =>
    ({ ...proposal, number: 5, campaigner, members });
  cast_vote(turn, of(1, [1, 2]));
  learn(turn, of(2, [2, 3]));
  expect(turn.state.durable).toMatchObject({ generation: { campaigner: 2 }, pending: [] });
  expect(in_force(turn.state)).toBeNull();
});

describe('a lost vote, win or close', () => {
  test.each(['campaign', 'vote', 'won', 'gather', 'report', 'close'])(
    'is made up for: %s',
    (kind) => {
      const cluster = new LosslessCluster(3);
      let lost = 0;
      cluster.lose = (_, __, message) => message.kind === kind && lost++ < 2;
      cluster.connect_all();
      cluster.tick(6);
      expect(cluster.statuses()).toEqual(['online', 'online', 'online']);
    },
  );
});

describe('generations', () => {
  test('are the same only in all their parts', () => {
    expect(same_generation(proposal, { ...proposal })).toBe(true);
    expect(same_generation(proposal, { ...proposal, campaigner: 2 })).toBe(false);
    const later = { ...proposal, incarnations: { 1: 1, 2: 2, 3: 1 } };
    expect(same_generation(proposal, later)).toBe(false);
  });

  test('have their lowest donor as resolver: of those that were online last', () => {
    expect(resolver_of({ ...proposal, members: [2, 3] })).toBe(2);
    const away = { ...proposal, online_in: { 1: 1, 2: 4, 3: 4 } };
    expect(base(away)).toBe(4);
    expect(donors(away)).toEqual([2, 3]);
    expect(resolver_of(away)).toBe(2);
  });

  test('know who has started again; of a silent node nothing is known', () => {
    expect(restarted_members(proposal, { 1: 1, 2: 2 })).toEqual([2]);
  });

  test('are well formed with members that are configured and have incarnations', () => {
    expect(is_well_formed(proposal)).toBe(true);
    expect(is_well_formed({ ...proposal, incarnations: { 1: 1 } })).toBe(false);
    expect(is_well_formed({ ...proposal, members: [1, 4] })).toBe(false);
    expect(is_well_formed({ ...proposal, number: 0 })).toBe(false);
  });
});
