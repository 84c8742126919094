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
  unchanged: string[];
  /** Nothing but the line "Replica Identity: FULL". */
  identity: string[];
  known: string[];
  unknown: TestResult[];
  /** Written down, but the test gave the expected output. */
  outdated: string[];
}

export function judge(results: TestResult[], known: Map<string, KnownDifference>): Judgement {
  const judgement: Judgement = {
    unchanged: [],
    identity: [],
    known: [],
    unknown: [],
    outdated: [],
  };
  for (const result of results) {
    const rest = without_identity(result.difference);
    if (result.difference === '') judgement.unchanged.push(result.test);
    else if (rest === '') judgement.identity.push(result.test);
    else if (known.get(result.test)?.difference === rest) judgement.known.push(result.test);
    else judgement.unknown.push({ test: result.test, difference: rest });
    if (rest === '' && known.has(result.test)) judgement.outdated.push(result.test);
  }
  return judgement;
}

/** `of_release`: tests for which a plain server of this release is the measure. */
export function summary(
  judgement: Judgement,
  known: Map<string, KnownDifference>,
  of_release: string[] = [],
): string {
  const { unchanged, identity, unknown, outdated } = judgement;
  const total = unchanged.length + identity.length + judgement.known.length + unknown.length;
  const lines = [
    ...judgement.known.map((test) => `known    ${test}: ${known.get(test)?.reason}`),
    ...unknown.map(({ test }) => `UNKNOWN  ${test}`),
    ...outdated.map((test) => `outdated ${test}: gave PostgreSQL's output`),
    `${total} tests: ${unchanged.length} gave PostgreSQL's expected output unchanged, ` +
      `${identity.length} all but the line "Replica Identity: FULL" of tables without a key, ` +
      `${judgement.known.length} with another known difference, ${unknown.length} unknown`,
  ];
  if (of_release.length > 0) {
    lines.push(
      "expected is what a plain server of this release gives, where that is not the suite's: " +
        of_release.join(' '),
    );
  }
  return lines.join('\n');
}
