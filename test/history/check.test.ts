// The checker finds each anomaly in a bad history made by hand, and takes what the
// cluster does not claim for what it is.
import { describe, expect, test } from 'vitest';
import { as_one_node, check } from './check.ts';
import { append, history, list, register, transaction as tx, write } from './hand_made.ts';
import type { History } from './history.ts';

const RC = 'read committed';
const RR = 'repeatable read';

function names(history: History): string[] {
  return check(history).map(({ name }) => name);
}

describe('at either level', () => {
  test.each([RC, RR] as const)('a good history passes: %s', (level) => {
    const good = history(
      level,
      [list('x', 1, 2), register('r', 2, 1)],
      tx('A', { to_ms: 10 }, append('x', 1), write('r', 1, null)),
      tx('B', { node: 2, from_ms: 20, to_ms: 30 }, list('x', 1), append('x', 2), write('r', 2, 1)),
      tx('C', { node: 2, from_ms: 40, to_ms: 50 }, [list('x', 1, 2), register('r', 2, 1)]),
      tx('D', { node: 3, outcome: 'aborted' }, append('x', 3), list('x', 3)),
      tx('E', { node: 3, outcome: 'unknown' }, append('x', 4)),
    );
    expect(check(good)).toEqual([]);
    expect(check({ ...good, asks: 'applied' })).toEqual([]);
  });

  test('G0: two transactions overwrite each other in turn', () => {
    const lists = history(
      RC,
      [list('x', 1, 2), list('y', 4, 3)],
      tx('A', { node: 1 }, append('x', 1), append('y', 3)),
      tx('B', { node: 2 }, append('x', 2), append('y', 4)),
    );
    expect(names(lists)).toEqual(['G0']);
    const interleaved = history(
      RC,
      [list('x', 1, 2, 3)],
      tx('A', {}, append('x', 1), append('x', 3)),
      tx('B', {}, append('x', 2)),
    );
    expect(names(interleaved)).toContain('G0');
    const registers = history(
      RC,
      [register('r', 2, 1), register('q', 3, 4)],
      tx('A', {}, write('r', 1, null), write('q', 3, 4)),
      tx('B', { node: 2 }, write('r', 2, 1), write('q', 4, null)),
    );
    expect(names(registers)).toEqual(['G0']);
  });

  test('G1a: a read of what was rolled back', () => {
    const bad = history(
      RC,
      [list('x')],
      tx('A', { outcome: 'aborted' }, append('x', 1)),
      tx('B', { node: 2 }, list('x', 1)),
    );
    expect(names(bad)).toContain('G1a');
    const register_read = history(
      RC,
      [register('r', null)],
      tx('A', { outcome: 'aborted' }, write('r', 1, null)),
      tx('B', { node: 2 }, register('r', 1)),
    );
    expect(names(register_read)).toEqual(['G1a']);
  });

  test('G1a: what was rolled back is there at rest', () => {
    const bad = history(RC, [list('x', 1)], tx('A', { outcome: 'aborted' }, append('x', 1)));
    expect(names(bad)).toEqual(['G1a']);
  });

  test('G1b: a read between two writes of one transaction', () => {
    const bad = history(
      RC,
      [list('x', 1, 2)],
      tx('A', {}, append('x', 1), append('x', 2)),
      tx('B', { node: 2 }, list('x', 1)),
    );
    expect(names(bad)).toContain('G1b');
  });

  test('G1c: two transactions read each other', () => {
    const bad = history(
      RC,
      [list('x', 1), list('y', 2)],
      tx('A', { node: 1 }, append('x', 1), list('y', 2)),
      tx('B', { node: 2 }, append('y', 2), list('x', 1)),
    );
    expect(names(bad)).toEqual(['G1c']);
  });

  test('G1c: around three nodes', () => {
    const bad = history(
      RR,
      [register('a', 1), register('b', 2), register('c', 3)],
      tx('A', { node: 1 }, register('c', 3), write('a', 1, null)),
      tx('B', { node: 2 }, register('a', 1), write('b', 2, null)),
      tx('C', { node: 3 }, register('b', 2), write('c', 3, null)),
    );
    expect(names(bad)).toEqual(['G1c']);
  });

  test('a dirty write: over what was rolled back, or is not the last of its transaction', () => {
    const aborted = history(
      RC,
      [register('r', 2, 1)],
      tx('A', { outcome: 'aborted' }, write('r', 1, null)),
      tx('B', { node: 2 }, write('r', 2, 1)),
    );
    expect(names(aborted)).toContain('dirty write');
    const intermediate = history(
      RC,
      [register('r', 3, 1)],
      tx('A', {}, write('r', 1, null), write('r', 2, 1)),
      tx('B', { node: 2 }, write('r', 3, 1)),
    );
    expect(names(intermediate)).toContain('dirty write');
  });

  test('internal: a transaction does not see its own writes', () => {
    const of_list = history(RC, [list('x', 1)], tx('A', {}, append('x', 1), list('x')));
    expect(names(of_list)).toContain('internal');
    const of_register = history(
      RC,
      [register('r', 1)],
      tx('A', {}, write('r', 1, null), register('r', null)),
    );
    expect(names(of_register)).toContain('internal');
    const replaced = history(
      RC,
      [register('r', 2)],
      tx('A', {}, write('r', 1, null), write('r', 2, null)),
    );
    expect(names(replaced)).toContain('internal');
  });

  test('a value twice in a list', () => {
    const bad = history(RC, [list('x', 1, 1)], tx('A', {}, append('x', 1)));
    expect(names(bad)).toEqual(['duplicate']);
  });

  test('a value that nobody wrote', () => {
    const bad = history(RC, [list('x', 7)], tx('A', {}, list('x', 7)));
    expect(names(bad)).toContain('never written');
  });

  test('incompatible orders of a list, and a fork of a register', () => {
    const lists = history(
      RC,
      [list('x', 1, 2)],
      tx('A', {}, append('x', 1)),
      tx('B', { node: 2 }, append('x', 2)),
      tx('C', { node: 2 }, list('x', 2)),
    );
    expect(names(lists)).toContain('incompatible order');
    const forked = history(
      RC,
      [register('r', 2)],
      tx('A', { node: 1 }, write('r', 1, null)),
      tx('B', { node: 2 }, write('r', 2, null)),
    );
    expect(names(forked)).toContain('incompatible order');
  });

  test('an acknowledged append, and an acknowledged write, that is lost', () => {
    const of_list = history(RC, [list('x')], tx('A', {}, append('x', 1)));
    expect(names(of_list)).toEqual(['lost write']);
    const of_register = history(RC, [register('r', null)], tx('A', {}, write('r', 1, null)));
    expect(names(of_register)).toEqual(['lost write']);
  });

  test('half of a transaction whose outcome nobody was told', () => {
    const half = history(
      RC,
      [list('x', 1), list('y')],
      tx('A', { outcome: 'unknown' }, append('x', 1), append('y', 2)),
    );
    expect(names(half)).toEqual(['lost write']);
  });

  test('one whose outcome nobody was told may be committed, or not', () => {
    const unknown = tx('A', { outcome: 'unknown' }, append('x', 1), write('r', 1));
    expect(names(history(RC, [list('x'), register('r', null)], unknown))).toEqual([]);
    expect(names(history(RC, [list('x', 1), register('r', 1)], unknown))).toEqual([]);
    const overwritten = tx('B', {}, write('r', 2, 1), append('x', 2));
    expect(names(history(RC, [list('x', 1, 2), register('r', 2, 1)], unknown, overwritten))).toEqual([]);
  });

  test('nodes that differ at rest', () => {
    const same = history(RC, [list('x', 1)], tx('A', {}, append('x', 1)), tx('B', { node: 2 }, list('x')));
    same.at_rest[1] = { node: 2, reads: [list('x')] };
    expect(names(same)).toEqual(['nodes differ']);
  });

  test('a client does not see what its node had acknowledged before', () => {
    const before = tx('A', { from_ms: 1, to_ms: 10 }, append('x', 1));
    const after = (node: number) => tx('B', { node, from_ms: 20, to_ms: 30 }, list('x'));
    const here = history(RC, [list('x', 1)], before, after(1));
    expect(names(here)).toEqual(['stale read']);
    const elsewhere = history(RC, [list('x', 1)], before, after(2));
    expect(names(elsewhere)).toEqual([]);
    expect(names({ ...elsewhere, asks: 'causal reads' })).toEqual(['stale read']);
  });

  test('what a client reads was not written after it had its answer', () => {
    const bad = history(
      RC,
      [list('x', 1)],
      tx('A', { from_ms: 1, to_ms: 10 }, list('x', 1)),
      tx('B', { node: 2, from_ms: 20, to_ms: 30 }, append('x', 1)),
    );
    expect(names(bad)).toEqual(['real time']);
  });
});

describe('at REPEATABLE READ, and not at READ COMMITTED', () => {
  const both = (make: (level: typeof RC | typeof RR) => History) => [names(make(RC)), names(make(RR))];

  test('a non-repeatable read', () => {
    const found = both((level) =>
      history(
        level,
        [list('x', 1)],
        tx('A', { node: 1 }, append('x', 1)),
        tx('B', { node: 2 }, list('x'), list('x', 1)),
      ),
    );
    expect(found).toEqual([[], ['non-repeatable read']]);
  });

  test('a fractured read, over statements', () => {
    const found = both((level) =>
      history(
        level,
        [list('x', 1), register('r', 1)],
        tx('A', { node: 1 }, append('x', 1), write('r', 1, null)),
        tx('B', { node: 2 }, register('r', null), list('x', 1)),
      ),
    );
    expect(found).toEqual([[], ['fractured read']]);
  });

  test('a fractured read in one statement is one at either level', () => {
    const found = both((level) =>
      history(
        level,
        [list('x', 1), register('r', 1)],
        tx('A', { node: 1 }, append('x', 1), write('r', 1, null)),
        tx('B', { node: 2 }, [register('r', null), list('x', 1)]),
      ),
    );
    expect(found).toEqual([['fractured read'], ['fractured read']]);
  });

  test('a lost update', () => {
    const found = both((level) =>
      history(
        level,
        [register('r', 3, 2)],
        tx('A', { node: 1 }, write('r', 1, null)),
        tx('B', { node: 2 }, register('r', 1), write('r', 3, 2)),
        tx('C', { node: 3 }, register('r', 1), write('r', 2, 1)),
      ),
    );
    expect(found).toEqual([[], ['lost update']]);
  });

  test('two snapshots of one node that show two commits in different orders', () => {
    const found = both((level) =>
      history(
        level,
        [list('x', 1), list('y', 2)],
        tx('A', { node: 1 }, append('x', 1)),
        tx('B', { node: 2 }, append('y', 2)),
        tx('C', { node: 3 }, [list('x', 1), list('y')]),
        tx('D', { node: 3 }, [list('x'), list('y', 2)]),
      ),
    );
    expect(found).toEqual([['G-nonadjacent'], ['G-nonadjacent']]);
  });

  test('a snapshot that shows an overwriting transaction and not the overwritten one', () => {
    const found = both((level) =>
      history(
        level,
        [list('x', 1, 2), list('y', 3)],
        tx('A', { node: 1 }, append('x', 1), append('y', 3)),
        tx('B', { node: 2 }, append('x', 2)),
        tx('C', { node: 3 }, list('y'), list('x', 1, 2)),
      ),
    );
    expect(found).toEqual([[], ['G-single']]);
  });
});

describe('not claimed over nodes, but on one', () => {
  const apart = (history: History) => [names(history), names(as_one_node(history))];

  test('causality: C shows B, which had read A, and not A', () => {
    const causality = history(
      RR,
      [list('x', 1), list('y', 2)],
      tx('A', { node: 1 }, append('x', 1)),
      tx('B', { node: 2 }, list('x', 1), append('y', 2)),
      tx('C', { node: 3 }, [list('y', 2), list('x')]),
    );
    expect(apart(causality)).toEqual([[], ['G-single']]);
  });

  test('a long fork', () => {
    const fork = history(
      RR,
      [list('x', 1), list('y', 2)],
      tx('A', { node: 1 }, append('x', 1)),
      tx('B', { node: 2 }, append('y', 2)),
      tx('C', { node: 1 }, [list('x', 1), list('y')]),
      tx('D', { node: 2 }, [list('x'), list('y', 2)]),
    );
    expect(apart(fork)).toEqual([[], ['G-nonadjacent']]);
  });

  test('write skew is neither', () => {
    const skew = history(
      RR,
      [list('x', 1), list('y', 2)],
      tx('A', { node: 1 }, list('y'), append('x', 1)),
      tx('B', { node: 2 }, list('x'), append('y', 2)),
    );
    expect(apart(skew)).toEqual([[], []]);
  });
});

test('an anomaly is told with its transactions, their nodes and times', () => {
  const bad = history(
    RR,
    [list('x', 1)],
    tx('A', { node: 1, from_ms: 1, to_ms: 20 }, append('x', 1)),
    tx('B', { node: 2, from_ms: 2, to_ms: 30 }, list('x'), list('x', 1)),
  );
  expect(check(bad)).toEqual([
    {
      name: 'non-repeatable read',
      because: [
        'B (node 2, 2.0 to 30.0 ms) read x as it was before A (node 1, 1.0 to 20.0 ms) wrote it',
        'B (node 2, 2.0 to 30.0 ms) read x as A (node 1, 1.0 to 20.0 ms) or a later one wrote it',
      ],
    },
  ]);
});
