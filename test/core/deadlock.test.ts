// Circles of waits over nodes: what counts as one, and who must fail.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deadlocks, described, unchanged } from '../../ts-src/core/deadlock.ts';
import type { LockWait } from '../../ts-src/core/lock_graph.ts';

const EARLY = 'MTM-1-700-1-1-800000000000000';
const LATE = 'MTM-2-600-1-1-800000000000001';
const USERS_OWN = "'mine'";

const session = (node: number, pid: number) => `node ${node}, pid ${pid}`;

function wait(node: number, waiter: string, holder: string, more: Partial<LockWait> = {}): LockWait {
  return {
    node,
    waiter,
    waiter_pid: 1,
    holder,
    holds: true,
    locktype: 'transactionid',
    relation: null,
    mode: 'ShareLock',
    waits_since: '2026-01-01T00:00:00.000001+00:00',
    ...more,
  };
}

const commit = (node: number, waiter: string, gid: string) =>
  wait(node, waiter, gid, { locktype: 'commit', mode: null });

const victims = (...waits: LockWait[]) => deadlocks(waits).map(({ victim }) => victim.waiter);

describe('the victim is', () => {
  test('the transaction that began last', () => {
    expect(victims(wait(1, EARLY, LATE), wait(2, LATE, EARLY))).toEqual([LATE]);
  });

  test("not a user's own, as long as there is another", () => {
    expect(victims(wait(1, LATE, USERS_OWN), wait(2, USERS_OWN, LATE))).toEqual([LATE]);
    const other = "'other'";
    expect(victims(wait(1, other, USERS_OWN), wait(2, USERS_OWN, other))).toEqual([other]);
  });

  test('the session that began to wait last', () => {
    const [one, two] = [session(1, 5), session(2, 6)];
    const later = { waits_since: '2026-01-01T00:00:00.009+00:00' };
    expect(victims(wait(1, one, two, later), wait(2, two, one))).toEqual([one]);
    expect(victims(wait(1, one, two), wait(2, two, one, later))).toEqual([two]);
  });

  test('not one that only waits for its own commit', () => {
    const [committing, locker] = [session(1, 5), session(2, 6)];
    const circle = [
      commit(1, committing, EARLY),
      wait(2, EARLY, locker),
      wait(1, locker, committing, { waiter_pid: 7 }),
    ];
    expect(deadlocks(circle)).toMatchObject([{ victim: { waiter: locker, waiter_pid: 7, node: 1 } }]);
  });
});

describe('no circle of ours is', () => {
  test('a way without a way back', () => {
    expect(victims(wait(1, EARLY, LATE), wait(1, LATE, session(1, 5)))).toEqual([]);
  });

  test('one that PostgreSQL sees whole', () => {
    const here = session(3, 5);
    expect(victims(wait(3, EARLY, here), wait(3, here, EARLY))).toEqual([]);
    expect(victims(wait(3, session(3, 6), here), wait(3, here, session(3, 6)))).toEqual([]);
  });

  test('but what one node tells of a session of another is', () => {
    const [here, far] = [session(3, 5), session(1, 5)];
    expect(victims(wait(3, far, here), wait(3, here, far))).toHaveLength(1);
  });
});

test('unchanged is the same wait for the same one', () => {
  const seen = wait(1, EARLY, LATE);
  expect(unchanged([seen], [seen])).toEqual([seen]);
  for (const change of [
    { waits_since: '2026-01-01T00:00:00.000002+00:00' },
    { holder: USERS_OWN },
    { waiter_pid: 2 },
    { node: 2 },
  ]) {
    expect(unchanged([seen], [{ ...seen, ...change }])).toEqual([]);
  }
  const begun = { ...seen, waits_since: null };
  expect(unchanged([begun], [begun])).toEqual([]);
});

describe('the victim is told', () => {
  const circle = [wait(1, EARLY, LATE, { relation: 'public.t' }), wait(2, LATE, EARLY)];

  test('who waits for whom, itself first', () => {
    expect(described(deadlocks(circle)[0]!)).toBe(
      `Node 2: ${LATE} waits for ${EARLY} (ShareLock, transactionid).\n` +
        `Node 1: ${EARLY} waits for ${LATE} (ShareLock, public.t).`,
    );
  });

  test('as much of a long circle as fits', () => {
    const gid = (n: number) => `MTM-1-${n}-1-1-${800000000000000 + n}`;
    const long = Array.from({ length: 20 }, (_, n) => wait((n % 2) + 1, gid(n), gid((n + 1) % 20)));
    const text = described(deadlocks(long)[0]!);
    expect(text.length).toBeLessThanOrEqual(512);
    expect(text.split('\n').at(-1)).toBe('...');
    expect(text).toContain(`Node 2: ${gid(19)} waits for ${gid(0)}`);
  });
});

const NAMES = [EARLY, LATE, USERS_OWN, "'b'", session(1, 5), session(2, 5), session(3, 5)];
const name = fc.constantFrom(...NAMES);
const any_wait = fc
  .record({ node: fc.integer({ min: 1, max: 3 }), waiter: name, holder: name, ms: fc.integer({ min: 0, max: 3 }) })
  .filter(({ waiter, holder }) => waiter !== holder)
  .map(({ node, waiter, holder, ms }) =>
    wait(node, waiter, holder, { waits_since: `2026-01-01T00:00:00.00${ms}+00:00` }),
  );
const any_waits = fc.array(any_wait, { maxLength: 20 });

/** Waits on different nodes that lead back to where they began. */
function has_circle(waits: readonly LockWait[]): boolean {
  const reaches = (from: string, to: string, over: readonly LockWait[]) => {
    const reached = new Set([from]);
    for (const at of reached) for (const w of over) if (w.waiter === at) reached.add(w.holder);
    return reached.has(to);
  };
  return waits.some((w) =>
    waits.some(
      (other) =>
        w.node !== other.node &&
        (w.holder === other.waiter || reaches(w.holder, other.waiter, waits)) &&
        reaches(other.holder, w.waiter, waits),
    ),
  );
}

describe('whatever the waits', () => {
  test('without the victims no circle over nodes is left', () => {
    fc.assert(
      fc.property(any_waits, (waits) => {
        const gone = new Set(victims(...waits));
        expect(has_circle(waits.filter(({ waiter }) => !gone.has(waiter)))).toBe(false);
      }),
    );
  });

  test('each victim is in the circle that is told, and waits in it', () => {
    fc.assert(
      fc.property(any_waits, (waits) => {
        for (const { victim, circle } of deadlocks(waits)) {
          expect(circle[0]).toBe(victim);
          circle.forEach((w, i) => {
            expect(waits).toContain(w);
            expect(w.holder).toBe(circle[(i + 1) % circle.length]!.waiter);
          });
        }
      }),
    );
  });

  test('without a circle nobody is a victim', () => {
    const ordered = any_waits.map((waits) =>
      waits.filter(({ waiter, holder }) => NAMES.indexOf(waiter) < NAMES.indexOf(holder)),
    );
    fc.assert(fc.property(ordered, (waits) => void expect(victims(...waits)).toEqual([])));
  });

  test('their order is nothing', () => {
    const shuffled = any_waits.chain((waits) =>
      fc.tuple(
        fc.constant(waits),
        fc.shuffledSubarray(waits, { minLength: waits.length, maxLength: waits.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([waits, others]) => {
        expect(deadlocks(others)).toEqual(deadlocks(waits));
      }),
    );
  });
});
