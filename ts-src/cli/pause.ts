// `multimaster pause N` and `resume N`: every process of one node's server stands
// still, as a machine whose virtual CPU gets no time, and goes on.
import { server_name } from './cluster_record.ts';
import { Failure } from './failure.ts';
import { LocalCluster } from './local_cluster.ts';
import type { Progress } from './progress.ts';

export async function pause(dir: string, node: number, progress: Progress): Promise<void> {
  const cluster = running(dir, node);
  await progress.step(`pause ${server_name(node)}`, () => cluster.pause(node));
}

export async function resume(dir: string, node: number, progress: Progress): Promise<void> {
  const cluster = running(dir, node);
  await progress.step(`resume ${server_name(node)}`, async () => cluster.resume(node));
}

function running(dir: string, node: number): LocalCluster {
  const cluster = LocalCluster.open(dir);
  cluster.check_node(node);
  if (cluster.pid(node) !== null) return cluster;
  throw new Failure('bad_argument', `${server_name(node)} does not run`);
}
