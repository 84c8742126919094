// `multimaster kill N`: SIGKILL for every process of one node's server.
import { server_name } from './cluster_record.ts';
import { Failure } from './failure.ts';
import { LocalCluster } from './local_cluster.ts';
import type { Progress } from './progress.ts';

export async function kill(dir: string, node: number, progress: Progress): Promise<void> {
  const cluster = LocalCluster.open(dir);
  cluster.check_node(node);
  if (cluster.pid(node) === null) {
    throw new Failure('bad_argument', `${server_name(node)} does not run`);
  }
  await progress.step(`kill ${server_name(node)}`, () => cluster.kill(node));
}
