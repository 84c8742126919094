// Shares of sequence values: whoever joins, and of whom it is a copy, no two meet.
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  LARGEST_MODULUS,
  better_sources,
  next_share,
  share_of,
  type GivenShare,
  type Share,
  type Shares,
} from '../../ts-src/core/sequence_share.ts';

const modulus_for = (founders: number) => (founders <= 8 ? 8 : 16);

function cluster(founders: number, given: readonly GivenShare[] = []): Shares {
  return { founders, founder_modulus: modulus_for(founders), given };
}

/** Those that join are copies of these, one after the other. */
function joined(founders: number, sources: readonly number[]): Shares {
  return sources.reduce((shares, source) => {
    const share = next_share(shares.founders + shares.given.length + 1, source, shares);
    return share === null ? shares : { ...shares, given: [...shares.given, share] };
  }, cluster(founders));
}

/** Have they a number in common? */
function meet(a: Share, b: Share): boolean {
  return (a.remainder - b.remainder) % Math.min(a.modulus, b.modulus) === 0;
}

const ids = ({ founders, given }: Shares) =>
  [...Array.from({ length: founders }, (_, i) => i + 1), ...given.map(({ id }) => id)];

describe('shares of sequence values', () => {
  test('that nobody ever had are given first', () => {
    const { given } = joined(3, [1, 1, 2, 3, 1]);
    expect(given.map(({ remainder }) => remainder)).toEqual([3, 4, 5, 6, 7]);
    expect(given.every(({ modulus, split_from }) => modulus === 8 && split_from === null)).toBe(true);
  });

  test('are split when none is left: the source keeps every other value', () => {
    const shares = joined(3, [1, 1, 1, 1, 1, 2, 2, 9]);
    expect(shares.given.slice(5)).toEqual([
      { id: 9, remainder: 9, modulus: 16, split_from: 2 },
      { id: 10, remainder: 17, modulus: 32, split_from: 2 },
      { id: 11, remainder: 25, modulus: 32, split_from: 9 },
    ]);
    expect(share_of(2, shares)).toEqual({ remainder: 1, modulus: 32 });
    expect(share_of(9, shares)).toEqual({ remainder: 9, modulus: 32 });
    expect(share_of(3, shares)).toEqual({ remainder: 2, modulus: 8 });
    expect(share_of(12, shares)).toBeNull();
  });

  test('never meet, nor do they with what anybody had before', () => {
    const sources = fc.array(fc.nat(), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), sources, (founders, chosen) => {
        let shares = cluster(founders);
        for (const number of chosen) {
          const before = ids(shares).map((id) => share_of(id, shares)!);
          const id = ids(shares).length + 1;
          const source = 1 + (number % ids(shares).length);
          const share = next_share(id, source, shares);
          if (share === null) continue;
          shares = { ...shares, given: [...shares.given, share] };
          const had = before.filter((other) => meet(other, share));
          // Only the source's own, which is split.
          expect(had).toEqual(share.split_from === null ? [] : [before[source - 1]]);
          const all = ids(shares).map((each) => share_of(each, shares)!);
          for (const [i, one] of all.entries()) {
            for (const other of all.slice(i + 1)) expect(meet(one, other)).toBe(false);
          }
        }
      }),
    );
  });

  test('are not split below two values of an integer', () => {
    const shares = joined(8, Array.from({ length: 27 }, () => 1));
    expect(share_of(1, shares)?.modulus).toBe(LARGEST_MODULUS);
    expect(next_share(36, 1, shares)).toBeNull();
    expect(next_share(36, 2, shares)).toMatchObject({ remainder: 9, modulus: 16 });
    expect(better_sources(1, [1, 2, 9, 35], shares)).toEqual([2, 9]);
    expect(better_sources(2, [1, 2, 3], shares)).toEqual([]);
  });
});
