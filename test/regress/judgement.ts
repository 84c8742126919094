// Compares the results with the differences that are written down, each with its reason.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { without_identity, type TestResult } from './results.ts';

export interface KnownDifference {
  reason: string;
  difference: string;
}

/** A file is `# reason` in one or more lines, then the difference. */
export function known_difference(test: string, text: string): KnownDifference {
  const lines = text.split('\n');
  const reason = lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2));
  if (reason.length === 0) throw new Error(`the difference of ${test} has no reason`);
  return {
    reason: reason.join(' '),
    difference: lines.filter((line) => !line.startsWith('# ')).join('\n'),
  };
}

export function read_known(dir: string): Map<string, KnownDifference> {
  const files = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.diff')) : [];
  return new Map(
    files.map((name) => {
      const test = name.slice(0, -'.diff'.length);
      return [test, known_difference(test, readFileSync(join(dir, name), 'utf8'))];
    }),
  );
}

export interface Judgement {
  /** What the suite expects. */
  unchanged: string[];
  /** What a plain server of this release gives, which is not what the suite expects. */
  as_plain: string[];
  /** Nothing but the line "Replica Identity: FULL". */
  identity: string[];
  known: string[];
  unknown: TestResult[];
  /** Written down, but the test gave the expected output. */
  outdated: string[];
}

/** `of_release`: the tests for which a plain server of this release is the measure. */
export function judge(
  results: TestResult[],
  known: Map<string, KnownDifference>,
  of_release: string[] = [],
): Judgement {
  const judgement: Judgement = {
    unchanged: [],
    as_plain: [],
    identity: [],
    known: [],
    unknown: [],
    outdated: [],
  };
  for (const result of results) {
    const rest = without_identity(result.difference);
    const same = of_release.includes(result.test) ? judgement.as_plain : judgement.unchanged;
    if (result.difference === '') same.push(result.test);
    else if (rest === '') judgement.identity.push(result.test);
    else if (known.get(result.test)?.difference === rest) judgement.known.push(result.test);
    else judgement.unknown.push({ test: result.test, difference: rest });
    if (rest === '' && known.has(result.test)) judgement.outdated.push(result.test);
  }
  return judgement;
}

export function summary(
  judgement: Judgement,
  known: Map<string, KnownDifference>,
  of_release: string[] = [],
): string {
  const { unchanged, as_plain, identity, unknown, outdated } = judgement;
  const groups = [unchanged, as_plain, identity, judgement.known, unknown];
  const total = groups.reduce((sum, group) => sum + group.length, 0);
  const measured_so =
    of_release.length === 0
      ? []
      : [
          'measured by what a plain server of this release gives (plain/ in the results has its ' +
            `differences from the suite's): ${of_release.join(' ')}`,
        ];
  return [
    ...as_plain.map((test) => `release  ${test}: as on a plain server of this release`),
    ...identity.map((test) => `identity ${test}: nothing but "Replica Identity: FULL"`),
    ...judgement.known.map((test) => `known    ${test}: ${known.get(test)?.reason}`),
    ...unknown.map(({ test }) => `UNKNOWN  ${test}`),
    ...outdated.map((test) => `outdated ${test}: gave PostgreSQL's output`),
    `${total} tests: ${unchanged.length} gave PostgreSQL's expected output unchanged, ` +
      `${as_plain.length} what a plain server of this release gives where the suite is of another, ` +
      `${identity.length} all but the line "Replica Identity: FULL" of tables without a key, ` +
      `${judgement.known.length} with another known difference, ${unknown.length} unknown`,
    ...measured_so,
  ].join('\n');
}
