// Nodes that leave: one that is alive, one that is not, under load. The others go on as a
// smaller cluster, and who was dropped stays out.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AcknowledgedLoad, make_entries } from './acknowledged_load.ts';
import { only, type ClientOptions, type ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { becomes, node_query, only_these_are_online } from './node_query.ts';

const POLL_MS = 100;
const SOME = 60;

describe('a node that is dropped', { timeout: 240_000 }, () => {
  let nodes: ClusterNodes;

  beforeAll(async () => {
    nodes = await start_cluster({
      nodes: 4,
      settings: { 'multimaster.heartbeat_recv_timeout': '1s' },
    });
    await make_entries(nodes);
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  const query = (node: number, sql: string, options: ClientOptions = {}) => node_query(nodes, node, sql, options);
  const shows = (ids: number[], sql: string, wanted: unknown) => becomes(nodes, ids, sql, wanted);

  async function is_left_out(node: number): Promise<void> {
    await expect(query(node, 'SELECT FROM entries')).rejects.toMatchObject({ code: '57P03' });
  }

  const CONFIGURED = 'SELECT gen_configured FROM mtm.status()';
  const SLOTS = "SELECT count(*)::int FROM pg_replication_slots WHERE slot_name = 'mtm_slot_4'";
  const ORIGINS =
    "SELECT count(*)::int FROM pg_replication_origin WHERE roname LIKE 'mtm\\_lane\\_4\\_%'";

  test('under load is left out, and nothing is lost', async () => {
    const load = new AcknowledgedLoad(only(nodes, [1, 2, 3, 4]), 1);
    try {
      await load.progress(SOME);
      await query(2, 'SELECT mtm.drop_node(4)');
      await shows([1, 2, 3], CONFIGURED, [1, 2, 3]);
      await load.progress(SOME);
    } finally {
      await load.stop();
    }
    await load.check(only(nodes, [1, 2, 3]));
    await is_left_out(4);
    expect(await query(1, 'SELECT id FROM mtm.nodes() ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  test('leaves no slot and no origin behind', async () => {
    await shows([1, 2, 3], SLOTS, 0);
    // Written to, so that the slots' old positions are passed.
    const client = await nodes.client(1);
    for (let left = 1; left > 0; ) {
      await client.query('UPDATE counters SET n = n');
      await sleep(POLL_MS);
      const counts = await Promise.all([1, 2, 3].map((node) => query(node, ORIGINS)));
      left = Math.max(...counts.map(([row]) => Number(row!['count'])));
    }
    await client.end();
  });

  test('stays out when it is started again', async () => {
    await nodes.kill(4);
    await nodes.start(4);
    while (!(await nodes.logs(4)).includes('node 4 was dropped from the cluster')) await sleep(POLL_MS);
    await is_left_out(4);
    await query(1, 'UPDATE counters SET n = n');
    expect(await query(3, CONFIGURED)).toEqual([{ gen_configured: [1, 2, 3] }]);
  });

  test('may be dead', async () => {
    await nodes.kill(3);
    await only_these_are_online(nodes, [1, 2]);
    await query(1, 'SELECT mtm.drop_node(3)');
    await shows([1, 2], CONFIGURED, [1, 2]);
  });

  test('is still left out when all have been stopped', async () => {
    for (const node of [1, 2]) await nodes.stop(node);
    for (const node of [1, 2]) await nodes.start(node);
    await shows([1, 2], "SELECT status || ' ' || gen_configured::text FROM mtm.status()", 'online {1,2}');
    await query(2, 'UPDATE counters SET n = n');
  });

  test('must leave a quorum', async () => {
    await expect(query(1, 'SELECT mtm.drop_node(2)')).rejects.toMatchObject({
      code: '55000',
      message: 'without node 2 no quorum would be left',
    });
    await expect(query(1, 'SELECT mtm.drop_node(3)')).rejects.toMatchObject({
      code: '22023',
      message: 'there is no node 3',
    });
  });

  test('is not dropped by just anybody', async () => {
    await query(1, 'CREATE ROLE anybody LOGIN');
    const client = await nodes.client(1);
    await client.query('SET ROLE anybody');
    await expect(client.query('SELECT mtm.drop_node(2)')).rejects.toMatchObject({ code: '42501' });
    await client.end();
  });
});
