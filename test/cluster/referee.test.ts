// Two nodes and a referee: whoever is left goes on when the referee chose it, and what the
// clients were told stays true.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { REFEREE } from '../../ts-src/cli/cluster_record.ts';
import { AcknowledgedLoad, empty_entries, make_entries } from './acknowledged_load.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';

const CLIENTS_PER_NODE = 2;
/** Transactions that clients see committed before, during and after each fault. */
const SOME = 20;
const POLL_MS = 50;
/** Longer than heartbeat_recv_timeout, and than the pause between two questions. */
const LONG_MS = 1_500;

describe('two nodes with a referee', { timeout: 60_000 }, () => {
  let nodes: ClusterNodes;
  let load: AcknowledgedLoad | null = null;

  beforeAll(async () => {
    nodes = await start_cluster({
      nodes: 2,
      proxy: true,
      referee: true,
      settings: { 'multimaster.heartbeat_recv_timeout': '1s' },
    });
    await make_entries(nodes);
  });

  beforeEach(async () => {
    await empty_entries(nodes);
    load = new AcknowledgedLoad(nodes, CLIENTS_PER_NODE);
    await load.progress(SOME);
  });

  afterEach(async () => {
    await load?.stop();
    load = null;
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  /** Transactions that began on the node after this was called. */
  async function writes_on(node: number): Promise<void> {
    const since_ms = Date.now();
    let count = 0;
    const listen = (on: number, began_ms: number) => {
      if (on === node && began_ms >= since_ms) count++;
    };
    load!.listeners.add(listen);
    while (count === 0) await sleep(10);
    console.log(`node ${node} writes again after ${Date.now() - since_ms} ms`);
    while (count < SOME) await sleep(10);
    load!.listeners.delete(listen);
  }

  async function came_back(): Promise<void> {
    await nodes.wait_online();
    await all_ended([writes_on(1), writes_on(2)]);
    await load!.stop();
    await load!.check();
    console.log(load!.summary());
  }

  async function status(node: number): Promise<{ status: string; reason: string }> {
    const client = await nodes.client(node);
    try {
      const { rows } = await client.query('SELECT status, reason FROM mtm.get_cluster_state()');
      return rows[0];
    } finally {
      await client.end();
    }
  }

  /** It waits for that, and goes on waiting: nothing is acknowledged there. */
  async function waits(node: number, reason: RegExp): Promise<void> {
    while (!reason.test((await status(node)).reason)) await sleep(POLL_MS);
    const before = load!.acknowledged.length;
    await sleep(LONG_MS);
    expect(await status(node)).toMatchObject({
      status: 'isolated',
      reason: expect.stringMatching(reason),
    });
    expect(load!.acknowledged.length).toBe(before);
  }

  async function decision(): Promise<{ node_id: number; gen_num: string } | undefined> {
    const client = await nodes.client(REFEREE);
    const { rows } = await client.query('SELECT node_id, gen_num FROM referee.decision');
    await client.end();
    return rows[0];
  }

  test('the other is stopped, and started again', async () => {
    await nodes.stop(2);
    await writes_on(1);
    expect(await decision()).toMatchObject({ node_id: 1 });
    await nodes.start(2);
    await came_back();
  });

  test('the other crashes', async () => {
    await nodes.kill(1);
    await writes_on(2);
    expect(await decision()).toMatchObject({ node_id: 2 });
    await nodes.start(1);
    await came_back();
  });

  test('a node is cut off from the other and from the referee', async () => {
    await nodes.partition([[1, REFEREE], [2]]);
    await writes_on(1);
    expect((await status(2)).reason).toContain('waiting for the referee');
    await nodes.heal();
    await came_back();
  });

  test('the nodes are cut off from each other only: one of them goes on', async () => {
    await nodes.cut(1, 2);
    await sleep(LONG_MS);
    await load!.progress(SOME);
    const winner = (await decision())!.node_id;
    const loser = 3 - winner;
    expect(await status(loser)).toMatchObject({
      status: 'isolated',
      reason: expect.stringContaining(`the referee chose node ${winner}`),
    });
    expect((await status(winner)).status).toBe('online');
    await nodes.heal();
    await came_back();
  });

  test('the referee alone is cut off, or hangs: nobody notices', async () => {
    const before = await decision();
    await all_ended([nodes.cut(1, REFEREE), nodes.cut(2, REFEREE)]);
    await all_ended([writes_on(1), writes_on(2)]);
    await nodes.heal();
    await nodes.pause(REFEREE);
    await all_ended([writes_on(1), writes_on(2)]);
    await nodes.resume(REFEREE);
    expect(await decision()).toEqual(before);
    await came_back();
  });

  test('the other crashes, and the referee is down, then hangs: the node waits for one of them', async () => {
    await all_ended([nodes.kill(2), nodes.kill(REFEREE)]);
    await waits(1, /waiting for the referee/);
    await nodes.start(REFEREE);
    await writes_on(1);
    await nodes.start(2);
    await nodes.wait_online();
    await nodes.pause(REFEREE);
    await nodes.kill(2);
    await waits(1, /waiting for the referee/);
    await nodes.start(2);
    await came_back();
    await nodes.resume(REFEREE);
  });

  test('what it was chosen for it remembers without the referee', async () => {
    await nodes.kill(2);
    await writes_on(1);
    await nodes.kill(REFEREE);
    await nodes.stop(1);
    await nodes.start(1);
    await writes_on(1);
    await nodes.start(REFEREE);
    await nodes.start(2);
    await came_back();
  });

  test('the one that was chosen is started again, then crashes: the other waits for it', async () => {
    await nodes.kill(2);
    await writes_on(1);
    await nodes.stop(1);
    await nodes.start(1);
    await writes_on(1);
    await nodes.kill(1);
    await nodes.start(2);
    await waits(2, /the referee chose node 1/);
    await nodes.start(1);
    await came_back();
  });

  test('both are stopped one after the other: the first one waits for the last one', async () => {
    await nodes.stop(1);
    await writes_on(2);
    await nodes.stop(2);
    await nodes.start(1);
    await waits(1, /the referee chose node 2/);
    await nodes.start(2);
    await came_back();
  });
});
