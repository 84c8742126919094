// The one door: order of effects, refused messages, invariants, what is saved.
import { describe, expect, test } from 'vitest';
import { BrokenInvariant, check_invariants, INVARIANTS } from '../../ts-src/core/invariant.ts';
import { decode_durable, encode_durable } from '../../ts-src/core/durable.ts';
import { decode_message, encode_message, type Message } from '../../ts-src/core/message.ts';
import { initial_state, NEW_DURABLE, type State } from '../../ts-src/core/state.ts';
import { LosslessCluster } from './lossless_cluster.ts';
import { step } from '../../ts-src/core/step.ts';
import type { Event } from '../../ts-src/core/event.ts';

const CLOCK = { now_ms: 1_000, wall_ms: 1_000, random: 0.5 };

describe('at a start', () => {
  test('the new incarnation is on disk before anything else is done', () => {
    const cluster = new LosslessCluster(3);
    expect(cluster.node(1).trace.slice(0, 2)).toEqual(['save', 'publish isolated']);
    expect(cluster.node(1).disk?.incarnation).toBe(1);
    cluster.start(1);
    expect(cluster.node(1).disk?.incarnation).toBe(2);
  });

  test('a node is offline, whatever it was before', () => {
    const cluster = LosslessCluster.online(3);
    cluster.start(2);
    expect(cluster.status(2)).toBe('isolated');
    expect(cluster.node(2).published[0]).toMatchObject({ generation: 1, incarnation: 2 });
  });
});

describe('a vote', () => {
  test('is saved, then published, then sent', () => {
    const cluster = new LosslessCluster(3);
    cluster.connect_all();
    cluster.node(2).trace.length = 0;
    cluster.tick(1);
    const { trace } = cluster.node(2);
    const sent = trace.indexOf('send vote');
    expect(sent).toBeGreaterThan(0);
    expect(trace.slice(0, sent)).toContain('publish recovery');
    expect(trace.indexOf('save')).toBeLessThan(trace.indexOf('publish recovery'));
  });
});

describe('a message is refused when it is', () => {
  const message: Message = { kind: 'gather', number: 1, seq: 1, after: '' };
  const envelope = { version: 1, cluster: 'test', from: 2, incarnation: 1, message };

  test.each([
    ['of another cluster', { ...envelope, cluster: 'other' }, /of cluster "other"/],
    ['of another version', { ...envelope, version: 2 }, /format version 2/],
    ['of another node than its link', { ...envelope, from: 3 }, /calls itself node 3/],
  ])('%s', (_, sent, reason) => {
    const decoded = decode_message(encode_message(sent), 2, 'test');
    expect(decoded).toEqual({ refused: expect.stringMatching(reason) });
    const cluster = new LosslessCluster(2);
    for (let i = 0; i < 3; i++) {
      cluster.event(1, { kind: 'message', from: 2, body: encode_message(sent) });
    }
    expect(cluster.node(1).logged.filter((line) => reason.test(line))).toHaveLength(1);
  });

  test.each(['', 'null', '{}', '[1]', '{"message":{}}', '{"incarnation":1,"message":null}'])(
    'no message at all: %s',
    (text) => expect(decode_message(text, 2, 'test')).toHaveProperty('refused'),
  );

  test('of a kind that is not known', () => {
    const cluster = new LosslessCluster(2);
    const body = JSON.stringify({ ...envelope, message: { kind: 'greeting' } });
    cluster.event(1, { kind: 'message', from: 2, body });
    expect(cluster.node(1).logged.at(-1)).toContain('"greeting" is not known');
  });

  test('of an incarnation that is over', () => {
    const cluster = LosslessCluster.online(2);
    const heard = (incarnation: number, seq: number): void => {
      const said = cluster.node(1).control.state.peers[2]!.said!;
      const beat = { ...envelope, incarnation, message: { ...said, seq, heard: {}, let_go: {}, promised: 77 } };
      cluster.event(1, { kind: 'message', from: 2, body: JSON.stringify(beat) });
    };
    heard(0, 1_000);
    expect(cluster.node(1).control.state.peers[2]!.said!.promised).toBe(1);
    heard(1, 1);
    expect(cluster.node(1).control.state.peers[2]!.said!.promised).toBe(1);
    heard(1, 1_000);
    expect(cluster.node(1).control.state.peers[2]!.said!.promised).toBe(77);
  });
});

describe('silence', () => {
  test('isolates after heartbeat_recv_ms, at a tick, and not before what is queued is read', () => {
    const cluster = LosslessCluster.online(2);
    const { control } = cluster.node(1);
    cluster.now_ms += 5_000;
    control.handle({ kind: 'stream_up', peer: 2 });
    expect(cluster.status(1)).toBe('online');
    control.handle({ kind: 'tick' });
    expect(cluster.status(1)).toBe('isolated');
    expect(control.state.reason).toBe('waiting for node 2: no heartbeat');
  });

  test('of a broken link isolates at once', () => {
    const cluster = LosslessCluster.online(2);
    cluster.event(1, { kind: 'link_down', peer: 2 });
    expect(cluster.status(1)).toBe('isolated');
  });
});

describe('an event', () => {
  test('of an unknown kind is an error', () => {
    const { state } = LosslessCluster.online(1).node(1).control;
    expect(() => step(state, { kind: 'surprise' } as unknown as Event, CLOCK)).toThrow(/surprise/);
  });

  test('does not change the state it was given', () => {
    const { state } = LosslessCluster.online(2).node(1).control;
    const before = JSON.stringify(state);
    step(state, { kind: 'orphan', gid: 'MTM-1-5-1-1-1' }, CLOCK);
    step(state, { kind: 'link_down', peer: 2 }, CLOCK);
    expect(JSON.stringify(state)).toBe(before);
  });
});

describe('every invariant stops a step that breaks it', () => {
  const { state } = LosslessCluster.online(3).node(1).control;
  const { durable, tenure } = state;
  const promised = durable.promised!;
  const entry = { ballot: { number: 1, seq: 1 }, value: 'commit', xid: null, lacks: false } as const;
  const execution = { seq: 1, phase: 'execute', left: ['x'], held: [] } as const;
  const other = { ...promised, campaigner: 2 };

  const breaks: Record<string, [State, State]> = {
    'I1: a generation contains a quorum': [
      state, { ...state, durable: { ...durable, promised: { ...promised, members: [1] } } }],
    'I1: a generation is learned as it was voted for': [
      state, { ...state, durable: { ...durable, generation: { ...promised, members: [1, 2] } } }],
    'I2: a node never goes back to an older generation': [
      state, { ...state, durable: { ...durable, promised: null } }],
    'I2: the data plane acts by the newest generation': [
      state, { ...state, view: { ...state.view!, generation: 0 } }],
    'I7: a node is online in ever newer generations, of those it voted for': [
      state, { ...state, durable: { ...durable, online_in: 7 } }],
    'I3: one vote per number': [
      state, { ...state, durable: { ...durable, promised: other, generation: other } }],
    'I4: online only in a generation in force, after its recovery': [
      state, { ...state, tenure: { ...tenure, open: false } }],
    'I5: executed only what is accepted': [state, { ...state, tenure: { ...tenure, execution } }],
    'a ballot has one value, of a generation this node moved to': [
      { ...state, durable: { ...durable, accepted: { x: entry } } },
      { ...state, durable: { ...durable, accepted: { x: { ...entry, value: 'abort' } } } }],
    'an incarnation lasts as long as its process': [
      state, { ...state, durable: { ...durable, incarnation: 9 } }],
    'a campaign counts only the votes of members': [
      state, { ...state, campaign: { proposal: promised, votes: [1, 4] } }],
  };

  test.each(Object.keys(INVARIANTS))('%s', (name) => {
    const [before, after] = breaks[name]!;
    expect(INVARIANTS[name]!(before, after)).toBe(false);
    expect(() => check_invariants(before, after)).toThrow(BrokenInvariant);
    expect(INVARIANTS[name]!(state, state)).toBe(true);
  });
});

describe('the saved state', () => {
  const config = new LosslessCluster(3).config(1);
  const { durable } = LosslessCluster.online(3).node(1).control.state;

  test('is read as it was written', () => {
    expect(decode_durable(config, encode_durable(config, durable))).toEqual({ durable });
    expect(initial_state(config, durable).durable.incarnation).toBe(durable.incarnation + 1);
    expect(initial_state(config, null).durable).toEqual({ ...NEW_DURABLE, incarnation: 1 });
  });

  test.each([
    ['of another node', { ...config, node_id: 2 }, /of node 2/],
    ['of another cluster', { ...config, cluster_name: 'other' }, /of cluster "other"/],
  ])('is refused when it is %s', (_, written_by, reason) => {
    const decoded = decode_durable(config, encode_durable(written_by, durable));
    expect(decoded).toMatchObject({ refused: expect.stringMatching(reason) });
  });

  test.each(['', '{', 'null', '{"format":1}', '{"format":2,"node_id":1,"cluster_name":"test"}'])(
    'is refused when it is damaged: %s',
    (text) => expect(decode_durable(config, text)).toHaveProperty('refused'),
  );
});
