// Histories of a cluster that keeps its claims pass; where it breaks one, the checker sees it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnomalyName } from './anomaly.ts';
import { as_one_node, check } from './check.ts';
import type { History, Isolation } from './history.ts';
import { ModelCluster, type ModelOptions } from './model_cluster.ts';

const LEVELS: Isolation[] = ['read committed', 'repeatable read'];
const BUSY = { nodes: 3, clients: 6, moments: 250 };
const RUNS = 60;
const MOST_SEEDS = 600;

describe.each(LEVELS)('at %s', (isolation) => {
  test('serial histories pass, also as those of one node', () => {
    const options = { isolation, nodes: 3, clients: 1, moments: 150, at_once: true };
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const history = new ModelCluster(seed, options).history();
        expect(check({ ...history, asks: 'causal reads' })).toEqual([]);
        expect(check(as_one_node(history))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('histories of one node pass', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const history = new ModelCluster(seed, { ...BUSY, isolation, nodes: 1 }).history();
        expect(check({ ...history, asks: 'causal reads' })).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('histories of nodes that commit in orders of their own pass', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const history = new ModelCluster(seed, { ...BUSY, isolation }).history();
        expect(check(history)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Is it found in one of many histories? */
function is_found(name: AnomalyName, options: ModelOptions, seen: (history: History) => History): boolean {
  for (let seed = 1; seed <= MOST_SEEDS; seed++) {
    const history = seen(new ModelCluster(seed, options).history());
    if (check(history).some((anomaly) => anomaly.name === name)) return true;
  }
  return false;
}

describe('with a rule broken', () => {
  const options: ModelOptions = { ...BUSY, isolation: 'repeatable read' };
  const BROKEN: [NonNullable<ModelOptions['breaks']>, AnomalyName][] = [
    ['a conflict aborts', 'lost update'],
    ['one snapshot', 'non-repeatable read'],
    ['all or none', 'fractured read'],
    ['conflicting commits in one order', 'incompatible order'],
    ['nothing is forgotten', 'lost write'],
    ['what is rolled back is gone', 'G1a'],
  ];
  test.each(BROKEN)('%s: %s', (breaks, name) => {
    expect(is_found(name, { ...options, breaks }, (history) => history)).toBe(true);
  });

  const NOT_CLAIMED: AnomalyName[] = ['G-single', 'G-nonadjacent', 'stale read'];
  test.each(NOT_CLAIMED)('not claimed over nodes, and there as if on one: %s', (name) => {
    expect(is_found(name, options, as_one_node)).toBe(true);
  });
});
