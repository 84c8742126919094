import { expect, test } from 'vitest';
import { graphviz, of_interest, type LockWait } from '../../ts-src/core/lock_graph.ts';

const WAIT: LockWait = {
  node: 2,
  waiter: 'MTM-1-7-1-1-0',
  waiter_pid: 8,
  holder: 'node 2, pid 9',
  holds: true,
  locktype: 'transactionid',
  relation: null,
  mode: 'ShareLock',
  waits_since: '2026-01-01T00:00:00+00:00',
};

test('an arrow leads from who waits to whom he waits for', () => {
  expect(graphviz([WAIT])).toBe(
    `digraph lock_graph {
  "MTM-1-7-1-1-0" -> "node 2, pid 9" [label="node 2: ShareLock on transactionid"];
}
`,
  );
});

test('nobody waits', () => {
  expect(graphviz([])).toBe('digraph lock_graph {\n}\n');
});

test('names of users stay inside their quotes, and the order does not matter', () => {
  const queued = { ...WAIT, holds: false, locktype: 'relation', relation: 'a."b\\n"' };
  const text = graphviz([queued, WAIT]);
  expect(text).toContain('[label="node 2: ShareLock on relation of a.\\"b\\\\n\\"", style=dashed]');
  expect(graphviz([WAIT, queued, WAIT])).toBe(text);
});

test('who waits for a commit is shown where others wait for what that session holds', () => {
  const commit = { ...WAIT, waiter: 'node 2, pid 9', holder: 'MTM-2-8-1-1-0', locktype: 'commit', mode: null };
  const other = { ...commit, waiter: 'node 2, pid 10' };
  expect(of_interest([WAIT, commit, other])).toEqual([WAIT, commit]);
  expect(graphviz([commit])).toContain('[label="node 2: commit"]');
});
