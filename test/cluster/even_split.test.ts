// Two nodes: the one that multimaster.major_node names goes on alone, the other does not.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { silent } from '../../ts-src/cli/progress.ts';
import { up } from '../../ts-src/cli/up.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { ONLINE_TIMEOUT_MS, type LocalNodes } from './local_nodes.ts';
import { same_everywhere } from './same_everywhere.ts';

const POLL_MS = 50;

describe('two nodes, the first of them the major one', { timeout: 60_000 }, () => {
  let nodes: ClusterNodes;

  beforeAll(async () => {
    nodes = await start_cluster({
      nodes: 2,
      proxy: true,
      settings: { 'multimaster.heartbeat_recv_timeout': '1s' },
    });
    const client = await nodes.client(1);
    await client.query('CREATE TABLE written (id int PRIMARY KEY)');
    await client.query('ALTER SYSTEM SET multimaster.major_node = on');
    await client.end();
    await nodes.stop(1);
    await nodes.start(1);
    await nodes.wait_online();
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  /** Until it succeeds, whatever it was refused with before. */
  async function write_at_last(node: number, id: number): Promise<void> {
    for (;;) {
      const client = await nodes.client(node);
      try {
        await client.query(`INSERT INTO written VALUES (${id}) ON CONFLICT DO NOTHING`);
        return;
      } catch {
        await sleep(POLL_MS);
      } finally {
        await client.end();
      }
    }
  }

  async function refused(node: number): Promise<string | undefined> {
    const client = await nodes.client(node);
    try {
      await client.query('SELECT FROM written');
      return undefined;
    } catch (error) {
      return (error as pg.DatabaseError).code;
    } finally {
      await client.end();
    }
  }

  test('the major node goes on when the other is lost, which catches up', async () => {
    await nodes.kill(2);
    await write_at_last(1, 1);
    await nodes.start(2);
    await nodes.wait_online();
    await same_everywhere(nodes, ['written']);
  });

  test('cut off from each other, only the major node answers', async () => {
    await nodes.cut(1, 2);
    await write_at_last(1, 2);
    while ((await refused(2)) === undefined) await sleep(POLL_MS);
    expect(await refused(2)).toBe('57P03');
    await nodes.heal();
    await nodes.wait_online();
    await same_everywhere(nodes, ['written']);
  });

  test('without the major node the other waits', async () => {
    await nodes.kill(1);
    while ((await refused(2)) === undefined) await sleep(POLL_MS);
    expect(await refused(2)).toBe('57P03');
    await nodes.start(1);
    await nodes.wait_online();
    await same_everywhere(nodes, ['written']);
  });

  test('both are stopped, and `multimaster up` starts them again', async () => {
    const { dir } = nodes as LocalNodes; // With relays they always are.
    await all_ended(nodes.ids.map((node) => nodes.stop(node)));
    await up({ dir, set: {}, timeout_ms: ONLINE_TIMEOUT_MS }, silent);
    await same_everywhere(nodes, ['written']);
  });
});
