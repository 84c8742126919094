// `multimaster start N`: starts one node's server, and the relay where it is missing.
import { check_ports } from './ports.ts';
import { node_port, server_name } from './cluster_record.ts';
import { LocalCluster } from './local_cluster.ts';
import type { Progress } from './progress.ts';
import { ensure_relay } from './up.ts';

export async function start(dir: string, node: number, progress: Progress): Promise<void> {
  const cluster = LocalCluster.open(dir);
  cluster.check_node(node);
  if (cluster.pid(node) === null) await check_ports([node_port(cluster.record, node)]);
  await ensure_relay(cluster, progress);
  await progress.step(`start ${server_name(node)}`, () => cluster.start(node));
}
