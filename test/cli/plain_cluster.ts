// A cluster folder whose servers run without the extension: the command line's own
// work (folders, passwords, processes) needs no cluster to be tested.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { LocalCluster } from '../../ts-src/cli/local_cluster.ts';
import { allocate_ports } from '../cluster/port_range.ts';
import { watch_over } from '../cluster/watchdog.ts';

export interface PlainCluster {
  cluster: LocalCluster;
  destroy(): Promise<void>;
  /** Leaves everything to the watchdog, as a process that is killed does. */
  abandon(): Promise<void>;
}

export async function plain_cluster(nodes: number, more = {}): Promise<PlainCluster> {
  const ports = await allocate_ports();
  const dir = mkdtempSync(join(tmpdir(), 'multimaster-plain-'));
  const watchdog = watch_over(dir);
  const release = async () => {
    watchdog.release();
    await ports.release();
  };
  try {
    const cluster = await LocalCluster.prepare(dir, {
      format: 1,
      nodes,
      port: ports.first,
      db: 'app',
      settings: { shared_preload_libraries: '' },
      ...more,
    });
    await cluster.start_relay();
    await all_ended(cluster.nodes.map((node) => cluster.create(node)));
    await all_ended(cluster.nodes.map((node) => cluster.start(node)));
    const destroy = async () => {
      await all_ended(cluster.nodes.map((node) => cluster.stop(node, 'immediate')));
      await cluster.stop_relay();
      cluster.remove();
      await release();
    };
    return { cluster, destroy, abandon: release };
  } catch (error) {
    await release();
    throw error;
  }
}
