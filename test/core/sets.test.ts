// Sets of nodes, quorums, names of transactions, batches.
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { bit_mask, difference, node_set, same_nodes, set_of_mask } from '../../ts-src/core/node_set.ts';
import { coordinator_of, is_ours, parse_gid } from '../../ts-src/core/gid.ts';
import { first_batch } from '../../ts-src/core/batch.ts';
import { is_quorum, majority, meets_every_quorum } from '../../ts-src/core/quorum.ts';

const set_of = (size: number) => Array.from({ length: size }, (_, i) => i + 1);
const subset = fc.subarray(set_of(7)).map((ids) => node_set(ids));
const major = fc.integer({ min: 0, max: 7 });
const configured = fc.integer({ min: 1, max: 7 }).map(set_of);

describe('sets of nodes', () => {
  test('are ascending and have no node twice', () => {
    expect(node_set([3, 1, 3, 2])).toEqual([1, 2, 3]);
    expect(same_nodes(node_set([2, 1]), [1, 2])).toBe(true);
    expect(difference([1, 2, 3], [2])).toEqual([1, 3]);
  });

  test('have the bit node_id-1 for every node in their mask', () => {
    expect(bit_mask([1, 3])).toBe('5');
    expect(bit_mask([])).toBe('0');
    expect(bit_mask([1, 63])).toBe('4611686018427387905');
    expect(set_of_mask(BigInt(bit_mask([1, 54, 63])))).toEqual([1, 54, 63]);
  });
});

describe('quorums', () => {
  test.each([[1, 1], [2, 2], [3, 2], [4, 3], [5, 3]])('of %i nodes are %i or more', (n, least) => {
    expect(majority(set_of(n))).toBe(least);
    expect(is_quorum(set_of(n), set_of(least), 0)).toBe(true);
    expect(is_quorum(set_of(n), set_of(least - 1), 0)).toBe(false);
  });

  test('of exactly half need the major node', () => {
    expect(is_quorum([1, 2], [2], 2)).toBe(true);
    expect(is_quorum([1, 2, 3, 4], [1, 2], 3)).toBe(false);
    expect(is_quorum([1, 2, 3], [1], 1)).toBe(false);
  });

  test('meet each other, whatever is configured (I1)', () => {
    fc.assert(
      fc.property(configured, subset, subset, major, (all, a, b, m) => {
        if (!is_quorum(all, a, m) || !is_quorum(all, b, m)) return;
        expect(all.some((id) => a.includes(id) && b.includes(id))).toBe(true);
      }),
    );
  });

  test('are met by a set when what is left is none (I6)', () => {
    fc.assert(
      fc.property(configured, subset, major, (all, set, m) => {
        expect(meets_every_quorum(all, set, m)).toBe(!is_quorum(all, difference(all, set), m));
      }),
    );
    expect(meets_every_quorum([1, 2, 3], [1], 0)).toBe(false);
    expect(meets_every_quorum([1, 2, 3], [1, 2], 0)).toBe(true);
    expect(meets_every_quorum([1, 2], [1], 0)).toBe(true);
  });

  test('do not count nodes that are not configured', () => {
    expect(is_quorum([1, 2, 3], [3, 4, 5], 0)).toBe(false);
  });
});

describe('a gid', () => {
  test('tells its coordinator, xid, generation, incarnation and start', () => {
    expect(parse_gid('MTM-2-18446744073709551615-7-3-845000000000000')).toEqual({
      coordinator: 2,
      xid: '18446744073709551615',
      generation: 7,
      incarnation: 3,
      start_us: '845000000000000',
    });
  });

  test.each(['MTM-2-1-7-3', 'MTM-x-1-7-3-9', 'mtm-1-1-1-1-1', 'MTM-1-1-1-1-1 '])(
    'is not "%s"',
    (text) => expect(parse_gid(text)).toBeNull(),
  );

  test('of a user has no coordinator in it', () => {
    expect(is_ours('order 7')).toBe(false);
    expect(coordinator_of('order 7')).toBeNull();
    expect(is_ours('MTM-1-1-1-1-1')).toBe(true);
  });
});

describe('a batch of gids', () => {
  test('leaves room in a message of 64 kB for the longest names', () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `${i} ${'\u0001'.repeat(190)}`);
    const batch = first_batch(names);
    expect(batch.length).toBeGreaterThan(1);
    const answer = batch.map((gid) => [gid, { state: 'prepared', xid: '4294967295' }]);
    expect(Buffer.byteLength(JSON.stringify(Object.fromEntries(answer)))).toBeLessThan(60_000);
  });

  test('is in order, without repetition, and never empty when there is something', () => {
    expect(first_batch(['b', 'a', 'b'])).toEqual(['a', 'b']);
    expect(first_batch([])).toEqual([]);
    expect(first_batch(['\u0001'.repeat(20_000)])).toHaveLength(1);
  });
});
