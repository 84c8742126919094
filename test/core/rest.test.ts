// When all nodes are at rest, and what is said of rows and tables that differ.
import { describe, expect, test } from 'vitest';
import {
  commits_left,
  point_lost,
  prepared_left,
  same_prepared,
  type CommitLook,
} from '../../ts-src/core/rest.ts';
import { problem_text, problems_of } from '../../ts-src/core/row_problems.ts';
import {
  common_key,
  definition_problems,
  same_columns,
  type TableDefinition,
} from '../../ts-src/core/table_definition.ts';

const OURS = 'MTM-1-5-2-1-100';

const quiet: CommitLook = { held: true, online: true, generation: 2, commits: [], prepared: [] };
const looks = (...all: Partial<CommitLook>[]) =>
  new Map(all.map((look, i) => [i + 1, { ...quiet, ...look }]));

describe('the cluster', () => {
  test('rests when nothing is committed and nothing prepared', () => {
    expect(commits_left(looks({}, {}, {}))).toEqual([]);
    expect(prepared_left(looks({}, {}, {}))).toEqual([]);
    expect(point_lost(looks({}, {}, {}), 2)).toBe(null);
  });

  test('does not while a session commits', () => {
    expect(commits_left(looks({}, { commits: [OURS] }))).toEqual([
      `node 2 is committing "${OURS}"`,
    ]);
  });

  test("does not while a transaction of its own is prepared, be it on all nodes", () => {
    const prepared = [[OURS, '7']] as const;
    expect(prepared_left(looks({ prepared }, { prepared }))).toEqual([
      `"${OURS}" is prepared on nodes 1, 2`,
    ]);
  });

  test("rests with users' own that are prepared on all nodes, not on some", () => {
    const prepared = [['own', '7']] as const;
    expect(prepared_left(looks({ prepared }, { prepared: [['own', '9']] }))).toEqual([]);
    expect(prepared_left(looks({ prepared }, {}, {}))).toEqual([
      '"own" is prepared on node 1, not on nodes 2, 3',
    ]);
  });

  test("a user's own that ended between two looks, or was made anew, makes another point", () => {
    const one = looks({ prepared: [['own', '7']] }, {});
    expect(same_prepared(one, looks({ prepared: [['own', '7']] }, {}))).toBe(true);
    expect(same_prepared(one, looks({}, {}))).toBe(false);
    expect(same_prepared(one, looks({ prepared: [['own', '8']] }, {}))).toBe(false);
  });

  test.each([
    [{ online: false }, 'node 2 is not online any more'],
    [{ generation: 3 }, 'the generation changed meanwhile'],
    [{ held: false }, 'node 2 does not hold its commits any more'],
  ])('has no point any more: %j', (look, why) => {
    expect(point_lost(looks({}, look), 2)).toBe(why);
  });
});

describe('of a row', () => {
  const told = (...contents: (string | null)[]) =>
    problems_of(new Map(contents.map((content, i) => [i + 1, content]))).map(
      (problem) =>
        `${problem.node_id}: ${problem_text(problem, (id, from) => `${id} from ${from}`)}`,
    );

  test.each([
    [['a', 'a', 'a'], []],
    [['a', null, 'a'], ['2: missing']],
    [[null, 'a', null], ['2: not on nodes 1, 3']],
    [['a', 'a', 'b'], ['3: differs: 3 from 1']],
    [['b', 'a', 'a'], ['1: differs: 1 from 2']],
    [['a', 'b', 'c'], ['2: differs: 2 from 1', '3: differs: 3 from 1']],
    [['a', 'b', null], ['2: differs: 2 from 1', '3: missing']],
    [['a', null], ['2: missing']],
    [[null, 'a'], ['1: missing']],
    [[null, null, 'a', 'b'], ['3: not on nodes 1, 2', '4: not on nodes 1, 2']],
  ])('%j: %j', (contents, expected) => {
    expect(told(...contents)).toEqual(expected);
  });
});

describe('definitions', () => {
  const table = (...lines: string[]): TableDefinition => ({
    schema: 's',
    name: 't',
    columns: [{ name: 'a', type: 'integer' }],
    order: ['a'],
    key: ['a'],
    lines,
  });

  test('say what they have and lack', () => {
    const one = table('column a integer', 'index one');
    const two = table('column a integer', 'index two');
    expect(definition_problems(new Map([[1, one], [2, one], [3, two]]))).toEqual([
      { node_id: 3, problem: 'definition differs: has index two instead of index one' },
    ]);
    expect(definition_problems(new Map([[1, one], [2, one], [3, table('column a integer')]]))).toEqual([
      { node_id: 3, problem: 'definition differs: lacks index one' },
    ]);
    expect(definition_problems(new Map([[1, one], [2, null], [3, one]]))).toEqual([
      { node_id: 2, problem: 'table missing' },
    ]);
  });

  test('are compared by rows only with the same columns, by a key only with the same', () => {
    const one = table();
    expect(same_columns([one, { ...one, order: [] }])).toBe(true);
    expect(same_columns([one, { ...one, columns: [] }])).toBe(false);
    expect(common_key([one, one])).toEqual(['a']);
    expect(common_key([one, { ...one, key: null }])).toBe(null);
  });
});
