// A majority carries on whatever happens to one node, and the node comes back by itself:
// under load from all nodes, with clients that remember what they were told.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { AcknowledgedLoad, empty_entries, make_entries } from './acknowledged_load.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { becomes } from './node_query.ts';

const CLIENTS_PER_NODE = 2;
/** Transactions that clients see committed before, during and after each fault. */
const SOME = 60;
const SETTINGS = { 'multimaster.heartbeat_recv_timeout': '1s' };
/** Longer than that. */
const LONG_MS = 1_500;

describe('a majority carries on', () => {
  let nodes: ClusterNodes;
  let load: AcknowledgedLoad | null = null;

  beforeAll(async () => {
    nodes = await start_cluster({ proxy: true, settings: SETTINGS });
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

  /** The survivors commit; the time from the fault to that is measured, not judged. */
  async function goes_on(since_ms: number): Promise<void> {
    await load!.progress(1);
    console.log(`writes again after ${Date.now() - since_ms} ms`);
    await load!.progress(SOME);
  }

  async function came_back(): Promise<void> {
    await nodes.wait_online();
    await load!.progress(SOME);
    await load!.stop();
    await load!.check();
    console.log(load!.summary());
  }

  test.each([1, 2, 3])('when node %i is killed', async (node) => {
    await nodes.kill(node);
    await goes_on(Date.now());
    await nodes.start(node);
    await came_back();
  });

  test.each([1, 2, 3])('when node %i stands still for longer than the timeout', async (node) => {
    await nodes.pause(node);
    const since_ms = Date.now();
    await sleep(LONG_MS);
    await goes_on(since_ms);
    await nodes.resume(node);
    await came_back();
  });

  test.each([1, 2, 3])('when node %i is cut off from all others', async (node) => {
    await nodes.partition([[node], nodes.ids.filter((id) => id !== node)]);
    const since_ms = Date.now();
    await sleep(LONG_MS);
    await goes_on(since_ms);
    await nodes.heal();
    await came_back();
  });

  test.each([1, 2, 3])('when nobody hears node %i, but it hears all', async (node) => {
    const others = nodes.ids.filter((id) => id !== node);
    await all_ended(others.map((other) => nodes.cut(node, other, { one_way: true })));
    const since_ms = Date.now();
    await sleep(LONG_MS);
    await goes_on(since_ms);
    await nodes.heal();
    await came_back();
  });

  test.each([
    [1, 2],
    [1, 3],
    [2, 3],
  ])('when nodes %i and %i do not hear each other, and both the third', async (one, other) => {
    await nodes.cut(one, other);
    const since_ms = Date.now();
    await sleep(LONG_MS);
    await goes_on(since_ms);
    await nodes.heal();
    await came_back();
  });

  test('when a node stands still that a COMMIT and a read wait for', async () => {
    const on_slow = await nodes.client(3);
    const writer = await nodes.client(1, { options: '-c multimaster.commit_level=applied' });
    const reader = await nodes.client(2, { options: '-c multimaster.causal_reads=on' });
    await writer.query('CREATE TABLE asked (id int)');
    // It shows nothing any more, and will not answer either.
    await on_slow.query("SELECT mtm.inject_2pc_error('outcome', 'wait')");
    const written = writer.query('INSERT INTO asked VALUES (1)');
    await becomes(nodes, [2], 'SELECT count(*)::int FROM asked', 1);
    await nodes.pause(3);
    const read = reader.query('SELECT id FROM asked').then(({ rows }) => rows, (error: pg.DatabaseError) => error.code);
    await written;
    // While the others agree on going on without it, none of them may be online.
    expect([[{ id: 1 }], '57P03']).toContainEqual(await read);
    await goes_on(Date.now());
    expect((await reader.query('SELECT id FROM asked')).rows).toEqual([{ id: 1 }]);
    await nodes.kill(3);
    await nodes.start(3);
    await all_ended([on_slow.end().catch(() => {}), writer.end(), reader.end()]);
    await came_back();
  });

  test('when a second node is killed while the first comes back', async () => {
    await nodes.kill(1);
    await goes_on(Date.now());
    await nodes.start(1);
    await nodes.kill(2);
    await sleep(500);
    await nodes.start(2);
    await came_back();
  });

  test('when two of three are killed, and both come back', async () => {
    await all_ended([nodes.kill(2), nodes.kill(3)]);
    await sleep(1_000);
    await all_ended([nodes.start(2), nodes.start(3)]);
    await came_back();
  });

  test('when a node is killed again while it catches up', async () => {
    await nodes.kill(3);
    await load!.progress(10 * SOME);
    for (let again = 0; again < 3; again++) {
      await nodes.start(3);
      await sleep(300);
      await nodes.kill(3);
    }
    await nodes.start(3);
    await came_back();
    expect(load!.acknowledged.length).toBeGreaterThan(10 * SOME);
  });
});
