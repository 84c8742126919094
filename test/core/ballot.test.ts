// Accepted values: their order, to what they are bound, when they are forgotten; and
// what a node holds of a transaction.
import { describe, expect, test } from 'vitest';
import { compare_ballots, newest_ballot, with_accepted, without_ballots } from
  '../../ts-src/core/ballot.ts';
import { holding, type Look } from '../../ts-src/core/holding.ts';

const no = () => false;
const yes = () => true;
const MINE = 'MTM-1-700-2-1-5';
const THEIRS = 'MTM-2-700-2-1-5';

describe('ballots', () => {
  test('are ordered by generation, then by round', () => {
    const all = [{ number: 2, seq: 1 }, { number: 1, seq: 9 }, { number: 2, seq: 3 }];
    expect(newest_ballot(all)).toEqual({ number: 2, seq: 3 });
    expect(compare_ballots(all[0]!, all[1]!)).toBeGreaterThan(0);
  });

  test('bind a value to what is prepared when it is newly meant, for good', () => {
    const first = with_accepted({}, { number: 2, seq: 1 }, { x: 'commit' }, yes, () => '700', no);
    const again = with_accepted(first, { number: 3, seq: 1 }, { x: 'commit' }, no, () => '999', no);
    expect(again['x']).toEqual({ ballot: { number: 3, seq: 1 }, value: 'commit', xid: '700', lacks: false });
  });

  test('of a commit say whether this node never had the transaction', () => {
    const lacks = (value: 'commit' | 'abort', xid: string | null, done: boolean) =>
      with_accepted({}, { number: 2, seq: 1 }, { x: value }, yes, () => xid, () => done)['x']!.lacks;
    expect(lacks('commit', null, false)).toBe(true);
    expect(lacks('commit', '700', false)).toBe(false);
    expect(lacks('commit', null, true)).toBe(false);
    expect(lacks('abort', null, false)).toBe(false);
  });

  test('that are over leave nothing, the others all', () => {
    const two = with_accepted(
      with_accepted({}, { number: 2, seq: 1 }, { x: 'commit' }, yes, () => null, no),
      { number: 3, seq: 1 },
      { y: 'abort' },
      yes,
      () => null,
      no,
    );
    const left = without_ballots(two, (ballot) => ballot.number <= 2);
    expect(Object.keys(left)).toEqual(['y']);
    expect(without_ballots(left, () => false)).toBe(left);
  });
});

describe('a node says of a transaction', () => {
  const look = (change: Partial<Look>): Look => ({
    prepared: {},
    driven: [],
    outcomes: {},
    ...change,
  });

  test.each<[string, string, Partial<Look>, string]>([
    ['its own, ended', MINE, { outcomes: { [MINE]: 'committed' } }, 'committed'],
    ['its own, ending: the outcome is known before it leaves the list', MINE,
      { prepared: { [MINE]: '700' }, outcomes: { [MINE]: 'aborted' } }, 'aborted'],
    ['its own, prepared', MINE,
      { prepared: { [MINE]: '700' }, outcomes: { [MINE]: 'in progress' } }, 'prepared'],
    ['its own, running: it will not be prepared any more', MINE,
      { outcomes: { [MINE]: 'in progress' } }, 'none'],
    ['its own, older than its log', MINE, { outcomes: { [MINE]: 'unknown' } }, 'unknown'],
    ['of another, prepared', THEIRS, { prepared: { [THEIRS]: '700' } }, 'prepared'],
    ['of another, not prepared', THEIRS, {}, 'none'],
    ['of another, executed', THEIRS, { outcomes: { [THEIRS]: 'committed' } }, 'committed'],
    ['a user\'s, prepared', 'x', { prepared: { x: '700' } }, 'prepared'],
    ['a user\'s, while its backend may take it back', 'x',
      { prepared: { x: '700' }, driven: ['x'] }, 'preparing'],
    ['a user\'s, not here', 'x', {}, 'none'],
  ])('%s', (_, gid, change, state) => {
    expect(holding(1, gid, look(change)).state).toBe(state);
  });
});
