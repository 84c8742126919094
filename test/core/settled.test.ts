// What a newer generation settled without those who are here now: its rounds decided it
// anew, or left it to their donors (docs/majority.md, 1.4, 1.6).
import { describe, expect, test } from 'vitest';
import { answer as answer_of } from '../../ts-src/core/acceptor.ts';
import { LosslessCluster } from './lossless_cluster.ts';
import { recover } from '../../ts-src/core/round.ts';
import { Turn } from '../../ts-src/core/turn.ts';
import type { Answer } from '../../ts-src/core/message.ts';
import type { Generation } from '../../ts-src/core/generation.ts';

const OURS = 'MTM-1-7-1-1-0';

function generation(number: number, online_in: Record<number, number>): Generation {
  const members = Object.keys(online_in).map(Number);
  const incarnations = Object.fromEntries(members.map((id) => [id, 1]));
  const configured = [1, 2, 3];
  return { number, campaigner: members[0]!, members, configured, incarnations, online_in, major: 0 };
}

function answer(change: Partial<Answer>): Answer {
  const nothing = { holdings: {}, accepted: {}, closed: { number: 0, seq: 0 }, online_in: 1 };
  return { kind: 'answer', number: 4, seq: 1, ...nothing, settled: 1, history: [], ...change };
}

const none = { state: 'none', xid: null } as const;
const prepared = { state: 'prepared', xid: '7' } as const;
const commit = { ballot: { number: 2, seq: 1 }, value: 'commit', had: true } as const;
const first = generation(1, { 1: 0, 2: 0 });

describe('a commit that node 3 accepted in generation 2, with node 1', () => {
  const now = generation(4, { 2: 1, 3: 0 });
  const answers = (settler: Generation) => ({
    2: answer({ holdings: { [OURS]: none }, settled: 3, history: [first, settler] }),
    3: answer({ holdings: { [OURS]: none }, online_in: 0, settled: 2, accepted: { [OURS]: commit } }),
  });

  test('waits for node 1 when that was online in generation 2 and settled 3 as its donor', () => {
    const said = answers(generation(3, { 1: 2, 2: 1 }));
    expect(recover(now, [OURS], said)).toMatchObject({ values: {}, undecided: { [OURS]: expect.stringContaining('ended it') } });
  });

  test('was not chosen, when the donors of generation 3 had not ended it before', () => {
    const said = answers(generation(3, { 1: 1, 2: 1 }));
    expect(recover(now, [OURS], said).values).toEqual({ [OURS]: 'abort' });
  });
});

test("a user's decision is carried on, although a generation without its donors settled since", () => {
  const said = {
    2: answer({ holdings: { u: prepared }, settled: 3, history: [generation(3, { 1: 2, 2: 1 })] }),
    3: answer({ holdings: { u: prepared }, online_in: 2, settled: 2, accepted: { u: commit },
      closed: { number: 2, seq: 0 }, history: [generation(2, { 1: 1, 3: 1 })] }),
  };
  const picked = recover(generation(4, { 2: 1, 3: 2 }), ['u'], said);
  expect(picked).toEqual({ values: { u: 'commit' }, undecided: {}, fresh: [] });
});

test('a member answers that ballots are closed only when it was online past them', () => {
  const { state } = LosslessCluster.online(2).node(1).control;
  const turn = new Turn(state, { now_ms: 0, wall_ms: 0, random: 0 });
  turn.save({ settled: 3, closed: { number: 1, seq: 2 } });
  const purpose = { of: 'answer', number: 1, seq: 9, gids: [] } as const;
  answer_of(turn, purpose, { prepared: {}, driven: [], outcomes: {} });
  const [sent] = turn.durable.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
  expect(sent).toMatchObject({ kind: 'answer', settled: 3, closed: { number: 1, seq: 2 } });
});
