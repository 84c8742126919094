// `multimaster stop N`: shuts one node's server down in good order.
import { server_name } from './cluster_record.ts';
import { LocalCluster } from './local_cluster.ts';
import type { Progress } from './progress.ts';

export async function stop(dir: string, node: number, progress: Progress): Promise<void> {
  const cluster = LocalCluster.open(dir);
  cluster.check_node(node);
  await progress.step(`stop ${server_name(node)}`, () => cluster.stop(node));
}
