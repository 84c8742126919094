// What `multimaster status` says below its table.
import { expect, test } from 'vitest';
import { report_table, type ClusterReport, type NodeReport } from '../../ts-src/cli/status.ts';

const GB = 1024 ** 3;

function notes(...nodes: Partial<NodeReport>[]): string[] {
  const report: ClusterReport = {
    dir: '/some/folder',
    db: 'app',
    nodes: nodes.map((node, index) => ({ node: index + 1, port: 1, pid: 1, status: 'online', ...node })),
  };
  return report_table(report).split('\n').filter((line) => line.startsWith('node '));
}

test('nothing of a healthy cluster', () => {
  const nodes_state = [{ id: 2, enabled: true, status: 'online', slot_lag: '500' }];
  expect(notes({ cluster_state: { reason: '' }, nodes_state })).toEqual([]);
});

test('why a node is not online, and how far it is', () => {
  const reason = 'it was away: reading what it missed from node 1, 12.3 MB of its WAL are left, about 3 s';
  expect(notes({ status: 'catchup', cluster_state: { reason } })).toEqual([
    `node 1 is not online: ${reason}`,
  ]);
});

test('how much WAL is kept for a node that is away', () => {
  const nodes_state = [{ id: 2, enabled: false, status: null, slot_lag: String(1.5 * GB) }];
  expect(notes({ nodes_state }, { status: 'stopped' })).toEqual([
    'node 2 is away: node 1 keeps 1.5 GB of WAL for it',
  ]);
});

test('who was dropped, once', () => {
  const nodes_state = [{ id: 3, enabled: false, status: 'dropped', reason: 'it was away' }];
  expect(notes({ nodes_state }, { nodes_state })).toEqual([
    'node 3 was dropped: it was away; rebuild it with multimaster join',
  ]);
});
