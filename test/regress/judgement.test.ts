import { describe, expect, test } from 'vitest';
import { judge, known_difference, summary } from './judgement.ts';
import { read_results, without_identity } from './results.ts';
import { schedule_apart, with_ends_of_data } from './suite.ts';

const OUTPUT = `(using postmaster on /tmp/x, port 7100)
test test_setup                   ... ok          463 ms
parallel group (4 tests):  name char varchar random
     name                         ... ok           20 ms
     char                         ... FAILED       31 ms
     varchar                      ... FAILED (test process exited with exit code 2)       31 ms
     random                       ... failed (ignored)       31 ms
`;

const DIFFS = `diff -w -U0 /x/expected/char_1.out /x/results/char.out
--- /x/expected/char_1.out\t2026-01-01
+++ /x/results/char.out\t2026-01-02
@@ -3 +3 @@
-one
+two
@@ -10,0 +11 @@
+Replica Identity: FULL
diff -w -U0 /x/expected/random.out /x/results/random.out
--- /x/expected/random.out\t2026-01-01
+++ /x/results/random.out\t2026-01-02
@@ -4,0 +5 @@
+Replica Identity: FULL
`;

const IDENTITY = '@@\n+Replica Identity: FULL\n';

describe('results', () => {
  test('each test has what differs, without line numbers', () => {
    expect(read_results(OUTPUT, DIFFS)).toEqual([
      { test: 'test_setup', difference: '' },
      { test: 'name', difference: '' },
      { test: 'char', difference: `@@\n-one\n+two\n${IDENTITY}` },
      { test: 'varchar', difference: '(no difference was written)\n' },
      { test: 'random', difference: IDENTITY },
    ]);
  });

  test('OIDs and the order of rows with them do not matter', () => {
    const rows = ['+ 16500 | b', '+ 16499 | a', '+(2 rows)'];
    const diffs = [DIFFS.split('@@')[0], '@@ -1 +1 @@\n', ...rows.map((row) => `${row}\n`)].join('');
    const char = read_results(OUTPUT, diffs).find(({ test }) => test === 'char');
    expect(char?.difference).toBe('@@\n+ OID | a\n+ OID | b\n+(2 rows)\n');
  });

  test('the replica identity is left out, with the hunk that it leaves empty', () => {
    expect(without_identity(IDENTITY)).toBe('');
    expect(without_identity(`@@\n-one\n+two\n+Replica Identity: FULL\n${IDENTITY}`)).toBe(
      '@@\n-one\n+two\n',
    );
  });
});

test('a test is taken out of its group', () => {
  expect(schedule_apart('# one\ntest: a\ntest: b c d\n', ['a', 'c'])).toBe(
    '# one\ntest: a\ntest: b d\ntest: c\n',
  );
});

test('a COPY FROM STDIN that has no data gets the end of it', () => {
  const script = ['COPY a FROM stdin;', '1', '\\.', 'copy b (x) from stdin; -- fail', 'SELECT 1;'];
  const more = ['COPY c FROM STDIN CSV;', '-- no data', 'COPY d FROM stdin;', '\\.'];
  expect(with_ends_of_data([...script, ...more].join('\n')).split('\n')).toEqual([
    ...script.slice(0, 4),
    '\\.',
    'SELECT 1;',
    'COPY c FROM STDIN CSV;',
    '\\.',
    ...more.slice(1),
  ]);
});

describe('judgement', () => {
  const known = new Map([['char', known_difference('char', '# why\n# and how\n@@\n-one\n+two\n')]]);

  test('what is written down is known, everything else is not', () => {
    const judgement = judge(read_results(OUTPUT, DIFFS), known);
    expect(judgement).toMatchObject({
      unchanged: ['test_setup', 'name'],
      identity: ['random'],
      known: ['char'],
      outdated: [],
    });
    expect(judgement.unknown.map(({ test }) => test)).toEqual(['varchar']);
    expect(summary(judgement, known)).toContain('char: why and how');
  });

  test('where the suite is of another release, what a plain server gives counts apart', () => {
    const judgement = judge(read_results(OUTPUT, DIFFS), known, ['name', 'char']);
    expect(judgement).toMatchObject({ unchanged: ['test_setup'], as_plain: ['name'], known: ['char'] });
    expect(summary(judgement, known)).toContain('5 tests: 1 gave');
  });

  test('another difference than the known one is unknown', () => {
    const judgement = judge([{ test: 'char', difference: '@@\n-one\n+three\n' }], known);
    expect(judgement.unknown.map(({ test }) => test)).toEqual(['char']);
  });

  test('a known difference that is gone is told', () => {
    expect(judge([{ test: 'char', difference: '' }], known).outdated).toEqual(['char']);
  });

  test('a difference without a reason is refused', () => {
    expect(() => known_difference('char', '@@\n-one\n+two\n')).toThrow('no reason');
  });
});
