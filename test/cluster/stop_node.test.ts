// A node that is taken out for maintenance: the others do not wait for it, it keeps up with
// them, and comes back when it is told to, or when it is needed.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AcknowledgedLoad, make_entries } from './acknowledged_load.ts';
import { only, type ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { node_query, only_these_are_online } from './node_query.ts';

const POLL_MS = 100;
const SOME = 60;

describe('a node that is stopped', { timeout: 240_000 }, () => {
  let nodes: ClusterNodes;
  let load: AcknowledgedLoad;

  beforeAll(async () => {
    nodes = await start_cluster({ settings: { 'multimaster.heartbeat_recv_timeout': '1s' } });
    await make_entries(nodes);
    load = new AcknowledgedLoad(nodes, 1);
  });

  afterAll(async () => {
    await load.stop();
    await nodes.destroy();
  });

  const query = (node: number, sql: string) => node_query(nodes, node, sql);

  async function check(ids: number[]): Promise<void> {
    await load.progress(SOME);
    await load.stop();
    await load.check(only(nodes, ids));
    load.go_on();
  }

  test('answers no statement, says why, and reads on', async () => {
    await load.progress(SOME);
    await query(3, 'SELECT mtm.stop_node(3)');
    await only_these_are_online(nodes, [1, 2]);
    await expect(query(3, 'SELECT FROM entries')).rejects.toMatchObject({ code: '57P03' });
    for (let reason = ''; !/stopped by mtm.stop_node.*goes on reading/.test(reason); ) {
      reason = String((await query(3, 'SELECT reason FROM mtm.status()'))[0]!['reason']);
      await sleep(POLL_MS);
    }
    await check([1, 2]);
  });

  test('no other can be stopped then', async () => {
    await expect(query(1, 'SELECT mtm.stop_node(2)')).rejects.toMatchObject({ code: '55000' });
    await expect(query(1, 'SELECT mtm.resume_node(2)')).rejects.toMatchObject({ code: '22023' });
    await expect(query(1, 'SELECT mtm.stop_node(9)')).rejects.toMatchObject({ code: '22023' });
  });

  test('its server may be stopped and started: it stays out', async () => {
    await nodes.stop(3);
    await check([1, 2]);
    await nodes.start(3);
    await load.progress(SOME);
    await only_these_are_online(nodes, [1, 2]);
    await expect(query(3, 'SELECT FROM entries')).rejects.toMatchObject({ code: '57P03' });
  });

  test('comes back when it is resumed, under load', async () => {
    await query(2, 'SELECT mtm.resume_node(3)');
    await only_these_are_online(nodes, [1, 2, 3]);
    await check([1, 2, 3]);
  });

  test('comes back by itself when the others are no quorum without it', async () => {
    await query(1, 'SELECT mtm.stop_node(2)');
    await only_these_are_online(nodes, [1, 3]);
    await nodes.kill(1);
    await only_these_are_online(nodes, [2, 3]);
    await nodes.start(1);
    await only_these_are_online(nodes, [1, 3]);
    await query(3, 'SELECT mtm.resume_node(2)');
    await only_these_are_online(nodes, [1, 2, 3]);
    await check([1, 2, 3]);
  });

  test('or is dropped with its slots', async () => {
    await query(1, 'SELECT mtm.stop_node(3, true)');
    await only_these_are_online(nodes, [1, 2]);
    await expect(query(1, 'SELECT mtm.resume_node(3)')).rejects.toMatchObject({ code: '55000' });
  });
});
