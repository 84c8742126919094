// WAL for a node that is away is kept up to multimaster.max_recovery_lag: then the others
// drop the node by themselves, and go on; it learns why when it comes back.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { only_these_are_online } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';

const SETTINGS = {
  'multimaster.heartbeat_recv_timeout': '1s',
  'multimaster.max_recovery_lag': '8MB',
};
const POLL_MS = 100;

async function query(
  nodes: ClusterNodes,
  node: number,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const client = await nodes.client(node);
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function value(nodes: ClusterNodes, node: number, sql: string): Promise<unknown> {
  const [row] = await query(nodes, node, sql);
  return row === undefined ? undefined : Object.values(row)[0];
}

async function until(is_so: () => Promise<boolean>): Promise<void> {
  while (!(await is_so().catch(() => false))) await sleep(POLL_MS);
}

const becomes = (nodes: ClusterNodes, node: number, sql: string, wanted: unknown) =>
  until(async () => JSON.stringify(await value(nodes, node, sql)) === JSON.stringify(wanted));

const says = (nodes: ClusterNodes, node: number, text: string) =>
  until(async () => (await nodes.logs(node)).includes(text));

const LAG = "SELECT slot_lag FROM mtm.get_nodes_state() WHERE status = 'dropped' OR id = 3";

describe('WAL for a node that is away', { timeout: 60_000 }, () => {
  let nodes: ClusterNodes;
  let oldest_segment: unknown;

  beforeAll(async () => {
    nodes = await start_cluster({ settings: SETTINGS });
    await query(nodes, 1, 'CREATE TABLE kept (id serial PRIMARY KEY, v text)');
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  const write_mb = (mb: number) =>
    query(nodes, 1, `INSERT INTO kept (v) SELECT repeat('x', 1000) FROM generate_series(1, ${mb * 950})`);

  test('is warned of while it grows', async () => {
    await nodes.kill(3);
    await only_these_are_online(nodes, [1, 2]);
    oldest_segment = await value(nodes, 1,
      "SELECT pg_walfile_name(restart_lsn) FROM pg_replication_slots WHERE slot_name = 'mtm_slot_3'");
    await write_mb(5);
    expect(Number(await value(nodes, 2, LAG))).toBeGreaterThan(5 * 1024 * 1024);
    for (const node of [1, 2]) await says(nodes, node, 'WARNING:  multimaster: node 3 is away and');
    expect(await value(nodes, 1, "SELECT count(*)::int FROM mtm.cluster_nodes")).toBe(0);
  });

  test('is let go beyond the limit: the others drop the node', async () => {
    await write_mb(4);
    for (const node of [1, 2]) {
      await becomes(nodes, node, 'SELECT gen_configured FROM mtm.status()', [1, 2]);
      await becomes(nodes, node, "SELECT count(*)::int FROM pg_replication_slots WHERE slot_name = 'mtm_slot_3'", 0);
      expect(await query(nodes, node, 'SELECT id, dropped, reason FROM mtm.cluster_nodes')).toEqual([
        { id: 3, dropped: true, reason: 'it was away and more than 8 MB of WAL was kept for it' },
      ]);
      expect(await query(nodes, node, 'SELECT status, reason, slot_lag FROM mtm.get_nodes_state() WHERE id = 3')).toEqual([
        { status: 'dropped', reason: 'it was away and more than 8 MB of WAL was kept for it', slot_lag: null },
      ]);
    }
  });

  test('is removed, and the others are the same', async () => {
    await until(async () => {
      await query(nodes, 1, "INSERT INTO kept (v) VALUES ('y'); SELECT pg_switch_wal()");
      await query(nodes, 1, 'CHECKPOINT');
      const left = `SELECT count(*)::int FROM pg_ls_waldir() WHERE name = '${String(oldest_segment)}'`;
      return (await value(nodes, 1, left)) === 0;
    });
    await same_everywhere(
      { count: 3, ids: [1, 2], client: (node) => nodes.client(node), conninfo: (node) => nodes.conninfo(node) },
      ['kept'],
    );
  });

  test('is missing to the node when it comes back: it is told why, and the others say so', async () => {
    await nodes.start(3);
    const why = 'it was dropped from the cluster: it was away and more than 8 MB of WAL was kept for it; ' +
      'rebuild it with multimaster join';
    await becomes(nodes, 3, 'SELECT reason FROM mtm.status()', why);
    await says(nodes, 3, `not online: ${why}`);
    // The first that it asks; then it asks nobody any more.
    const refused = 'ERROR:  node 3 was dropped from the cluster: it was away and more than 8 MB of WAL was kept for it';
    await until(async () => `${await nodes.logs(1)}${await nodes.logs(2)}`.includes(refused));
    await expect(query(nodes, 3, 'SELECT FROM kept')).rejects.toMatchObject({ code: '57P03' });
    await query(nodes, 2, "INSERT INTO kept (v) VALUES ('z')");
  });

  test('the last two do not drop each other: one is warned of, and its WAL is kept', async () => {
    await nodes.kill(2);
    await becomes(nodes, 1, 'SELECT status FROM mtm.status()', 'isolated');
    // Other databases of the server go on.
    const write = 'SET multimaster.bypass = on; ' +
      "SELECT pg_logical_emit_message(false, 'some', repeat('x', 1000000)) FROM generate_series(1, 10)";
    await query(nodes, 1, write);
    const text = 'more than multimaster.max_recovery_lag = 8 MB; it is not dropped, since this node is not online';
    await says(nodes, 1, text);
    await nodes.start(2);
    await only_these_are_online(nodes, [1, 2]);
    expect(await query(nodes, 1, 'SELECT id FROM mtm.cluster_nodes')).toEqual([{ id: 3 }]);
  });
});
