// What pg_regress said: which tests gave other output than expected, and what differs.

/** As short as it can be and without line numbers, so that it stays the same. */
export const DIFF_OPTIONS = '-w -U0';

export interface TestResult {
  test: string;
  /** '': PostgreSQL's expected output. */
  difference: string;
}

const VERDICT = /^(?:test| {4}) *(\S+) +\.\.\. (ok|FAILED|failed \(ignored\))/gm;

export function read_results(output: string, diffs: string): TestResult[] {
  const by_test = differences(diffs);
  return [...output.matchAll(VERDICT)].map(([, test = '', verdict]) => ({
    test,
    difference: verdict === 'ok' ? '' : (by_test.get(test) ?? '(no difference was written)\n'),
  }));
}

/** regression.diffs, cut into the tests' parts. */
function differences(diffs: string): Map<string, string> {
  const parts = diffs.split(new RegExp(`^diff ${DIFF_OPTIONS} \\S+ \\S*/(\\S+)\\.out$`, 'm'));
  const found = new Map<string, string>();
  for (let index = 1; index < parts.length; index += 2) {
    const [test = '', body = ''] = parts.slice(index, index + 2);
    found.set(test, plain(body));
  }
  return found;
}

function plain(body: string): string {
  const lines = body
    .split('\n')
    .filter((line) => line !== '' && !/^(--- |\+\+\+ )\//.test(line))
    .map((line) => (line.startsWith('@@') ? '@@' : steady(line)));
  return in_order(lines)
    .map((line) => `${line}\n`)
    .join('');
}

/** Rows with OIDs, which no test orders by anything that stays the same. */
const WITH_OID = /^[-+] .*\bOID\b.* \| /;

function in_order(lines: string[]): string[] {
  const ordered: string[] = [];
  let rows: string[] = [];
  for (const line of [...lines, '']) {
    if (WITH_OID.test(line)) rows.push(line);
    else {
      ordered.push(...rows.sort(), line);
      rows = [];
    }
  }
  return ordered.slice(0, -1);
}

/** OIDs in the columns of a table or in a name, or who was the first to refuse, need not be the same the next time. */
function steady(line: string): string {
  return line
    .replace(/^([-+] +)\d{5}( \| )/, '$1OID$2')
    .replace(/^([-+] .*\| )\d{5}( \| )/, '$1OID$2')
    .replace(/^(\+.*pg_toast_)\d+/, '$1OID')
    .replace(/^(\+(?:DETAIL: .*On|ERROR: .* failed on) node )\d+/, '$1N');
}

const IDENTITY_LINE = '+Replica Identity: FULL';

/**
 * Every table without a key has this line more in psql's \d+, in all tests alike: so other
 * differences are looked for without it.
 */
export function without_identity(difference: string): string {
  const hunks = difference.split(/^@@\n/m).map((hunk) =>
    hunk
      .split('\n')
      .filter((line) => line !== IDENTITY_LINE)
      .join('\n'),
  );
  return hunks.filter((hunk) => hunk.trim() !== '').map((hunk) => `@@\n${hunk}`).join('');
}
