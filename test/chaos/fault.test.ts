// A seed repeats the sequence of faults, and every kind comes.
import { expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import {
  POINTS,
  PROCESSES,
  kind_in_words,
  majority_survives,
  random_round,
  survivors,
  type Round,
} from './fault.ts';

const NODES = [1, 2, 3];

function rounds(seed: number, count: number): Round[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random_round(random, NODES));
}

test('the same seed gives the same faults, another seed others', () => {
  expect(rounds(7, 50)).toEqual(rounds(7, 50));
  expect(rounds(7, 50)).not.toEqual(rounds(8, 50));
});

test('every kind, process and point comes, and two faults at once', () => {
  const many = rounds(1, 3000);
  const kinds = new Set(many.flatMap((round) => round.faults.map(kind_in_words)));
  expect(kinds.size).toBe(9 + PROCESSES.length + POINTS.length);
  expect(many.some((round) => round.faults.length === 2)).toBe(true);
  expect(new Set(many.map((round) => round.guest_of))).toEqual(new Set([0, ...NODES]));
});

test('who survives, and whether that is a majority', () => {
  const rest = { hold_ms: 1, guest_of: 0 };
  const killed: Round = { faults: [{ kind: 'kill node', node: 2 }], ...rest };
  expect([survivors(killed, NODES), majority_survives(killed, NODES)]).toEqual([[1, 3], true]);
  const edge: Round = { faults: [{ kind: 'cut edge', node: 1, other: 2 }], ...rest };
  expect([survivors(edge, NODES), majority_survives(edge, NODES)]).toEqual([[3], true]);
  const two: Round = { faults: [...killed.faults, { kind: 'pause node', node: 1 }], ...rest };
  expect([survivors(two, NODES), majority_survives(two, NODES)]).toEqual([[3], false]);
});
