// `multimaster down`: stops every node; with --purge the cluster's folder goes, too.
import { all_ended } from './all_ended.ts';
import { LocalCluster } from './local_cluster.ts';
import type { Progress } from './progress.ts';

export interface DownOptions {
  dir: string;
  purge?: boolean;
}

export async function down(options: DownOptions, progress: Progress): Promise<void> {
  const cluster = LocalCluster.open(options.dir);
  await progress.step(`stop ${cluster.servers.length} servers in ${cluster.dir}`, () =>
    all_ended(cluster.servers.map((node) => cluster.stop(node))),
  );
  await cluster.stop_relay();
  if (options.purge) {
    await progress.step(`remove ${cluster.dir}`, async () => cluster.remove());
  }
}
