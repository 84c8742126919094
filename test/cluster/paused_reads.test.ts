// A node that stood still never answers from what the others have left behind (I10), also
// when its connections were reset meanwhile, and its client had sent the statement before.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';

const READ = 'SELECT n FROM counter';

describe('a node that stands still', () => {
  let nodes: ClusterNodes;

  beforeAll(async () => {
    nodes = await start_cluster({ proxy: true });
    const client = await nodes.client(1);
    await client.query('CREATE TABLE counter (id int PRIMARY KEY, n int)');
    await client.query('INSERT INTO counter VALUES (1, 0)');
    await client.end();
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  test.each([1, 2, 3])('node %i tells nothing old when it goes on', async (node) => {
    const others = nodes.ids.filter((id) => id !== node);
    const reader = await nodes.client(node);
    const writer = await nodes.client(others[0]!);
    await reader.query(READ);
    const { n: before } = (await writer.query<{ n: number }>(READ)).rows[0]!;

    await nodes.pause(node);
    const answer = reader.query<{ n: number }>(READ).then(
      ({ rows }) => rows[0]!.n,
      (error: { code?: string }) => error.code,
    );
    for (const other of others) await nodes.cut(node, other, { reset: true });
    // As soon as the others have gone on, it does, too.
    for (let written = false; !written; ) {
      written = await writer.query('UPDATE counter SET n = n + 1').then(() => true, () => false);
    }
    await nodes.resume(node);
    expect(await answer).not.toBe(before);

    await reader.end().catch(() => {});
    await writer.end();
    await nodes.heal();
    await nodes.wait_online();
    const again = await nodes.client(node);
    expect((await again.query<{ n: number }>(READ)).rows).toEqual([{ n: before + 1 }]);
    await again.end();
  });
});
