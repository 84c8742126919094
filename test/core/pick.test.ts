// What a resolver picks, from what the members answer.
import { describe, expect, test } from 'vitest';
import { pick, rule, type MemberAnswer } from '../../ts-src/core/pick.ts';
import type { Ballot, Value } from '../../ts-src/core/ballot.ts';
import type { HoldingState } from '../../ts-src/core/holding.ts';

type Says = HoldingState | readonly [HoldingState, number, Value];

/** One answer a node, from node 1 on; with a ballot number and a value: accepted. */
function answers(...says: Says[]): Map<number, MemberAnswer> {
  const of = (said: Says): MemberAnswer => {
    const [state, number, value] = typeof said === 'string' ? [said, 0, null] : said;
    const xid = state === 'prepared' || state === 'preparing' ? '700' : null;
    const ballot: Ballot = { number, seq: 1 };
    return { holding: { state, xid }, accepted: value === null ? null : { ballot, value, had: true } };
  };
  return new Map(says.map((said, i) => [i + 1, of(said)]));
}

const ALL = [1, 2, 3];

describe('a transaction of the cluster is', () => {
  test.each<[string, Says[], Value]>([
    ['committed when all have it prepared', ['prepared', 'prepared', 'prepared'], 'commit'],
    ['aborted when one has not', ['prepared', 'none', 'prepared'], 'abort'],
    ['committed when its coordinator did', ['committed', 'prepared', 'none'], 'commit'],
    ['aborted when its coordinator did', ['aborted', 'prepared', 'prepared'], 'abort'],
    ['as accepted, whatever is prepared', ['none', ['prepared', 5, 'commit'], 'none'], 'commit'],
    ['as accepted in the highest ballot',
      [['prepared', 5, 'commit'], ['prepared', 6, 'abort'], 'prepared'], 'abort'],
    ['as executed, before what is accepted', ['committed', ['prepared', 9, 'abort'], 'none'],
      'commit'],
    ['as accepted, though its coordinator lost its log', ['unknown', ['none', 5, 'abort'], 'none'],
      'abort'],
  ])('%s', (_, says, value) => {
    expect(pick(answers(...says), ALL)).toEqual({ value });
  });

  test('committed when all that were members of its generation have it', () => {
    expect(pick(answers('prepared', 'prepared', 'none'), [1, 2])).toEqual({ value: 'commit' });
  });

  test('not decided while its coordinator cannot tell and nobody else knows', () => {
    const picked = pick(answers('unknown', 'prepared', 'prepared'), ALL);
    expect(picked).toEqual({ undecided: 'node 1 cannot tell its outcome any more' });
  });

  test('not decided when nobody knows who took part in its generation', () => {
    expect(pick(answers('prepared', 'prepared'), null)).toHaveProperty('undecided');
  });

  test('never both: that stops the step', () => {
    expect(() => pick(answers('committed', 'aborted'), ALL)).toThrow(/committed on node 1/);
  });
});

describe('a decision of a user', () => {
  const commit = { value: 'commit', xid: '700' } as const;
  const abort = { value: 'abort', xid: '700' } as const;

  test('to commit holds when all members have it prepared', () => {
    expect(rule(answers('prepared', 'prepared'), 1, commit)).toEqual({ value: 'commit' });
  });

  test('to commit rolls back what was never prepared on all', () => {
    expect(rule(answers('prepared', 'none'), 1, commit)).toEqual({ value: 'abort' });
  });

  test('to roll back holds wherever it is prepared', () => {
    expect(rule(answers('prepared', 'none'), 1, abort)).toEqual({ value: 'abort' });
  });

  test.each([commit, abort])('waits while a backend still prepares it: %o', (decision) => {
    expect(rule(answers('prepared', 'preparing'), 1, decision)).toHaveProperty('later');
  });

  test('about what nobody has changes nothing', () => {
    expect(rule(answers('none', 'none'), 2, { value: 'commit', xid: null })).toEqual({
      absent: true,
    });
  });

  test('about another transaction than the one that has the name now is dropped', () => {
    const earlier = { value: 'commit', xid: '650' } as const;
    expect(rule(answers('prepared', 'prepared'), 1, earlier)).toHaveProperty('later');
  });

  test('comes after one that was accepted', () => {
    const said = answers(['prepared', 5, 'abort'], 'prepared');
    expect(rule(said, 2, commit)).toEqual({ value: 'abort' });
  });
});

describe('what a newer generation settled, whose donors are not here, is', () => {
  test('aborted when it was not prepared on all: that one has not committed it', () => {
    expect(pick(answers('prepared', 'none'), ALL, 5)).toEqual({ value: 'abort' });
  });

  test('as it was accepted there', () => {
    const said = answers('prepared', ['none', 5, 'commit']);
    expect(pick(said, ALL, 5)).toEqual({ value: 'commit' });
  });

  test('not decided when all have it: it may have been committed there', () => {
    expect(pick(answers('prepared', 'prepared'), ALL, 5)).toHaveProperty('undecided');
  });

  test('not decided when an older ballot may have committed it', () => {
    const said = answers('none', ['none', 4, 'commit']);
    expect(pick(said, ALL, 5)).toHaveProperty('undecided');
  });

  test('aborted when an older ballot said so', () => {
    const said = answers('none', ['none', 4, 'abort']);
    expect(pick(said, ALL, 5)).toEqual({ value: 'abort' });
  });
});
