// Nothing is left of a cluster whose test has gone away.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { descendants, is_alive } from '../../ts-src/cli/process_tree.ts';
import { plain_cluster } from './plain_cluster.ts';

test('a running, a killed and a stopped server all end, and the folder goes', async () => {
  const { cluster, abandon } = await plain_cluster(3);
  const [running, frozen] = [cluster.pid(1), cluster.pid(2)];
  if (running === null || frozen === null) throw new Error('a server does not run');
  const all = [running, ...descendants(running), frozen, ...descendants(frozen)];
  process.kill(frozen, 'SIGSTOP');
  await cluster.kill(3);
  await abandon();
  while (existsSync(cluster.dir)) await sleep(50);
  expect(all.filter(is_alive)).toEqual([]);
});
