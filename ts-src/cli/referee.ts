// The referee of a local cluster of two nodes: a server of its own, without multimaster.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LINK_ROLE, REFEREE } from './cluster_record.ts';
import { query_node } from './database_client.ts';
import { Failure } from './failure.ts';
import type { LocalCluster } from './local_cluster.ts';
import type { Progress } from './progress.ts';

const SET_UP = [
  'CREATE EXTENSION IF NOT EXISTS referee',
  `GRANT EXECUTE ON FUNCTION referee.request_grant TO ${LINK_ROLE}`,
];

/** Before the nodes start: each of them looks then whether it can ask. */
export async function ensure_referee(cluster: LocalCluster, progress: Progress): Promise<void> {
  if (cluster.record.referee === undefined) return;
  check_installed(cluster);
  if (cluster.pid(REFEREE) !== null) return;
  await progress.step('start the referee', async () => {
    if (!cluster.is_created(REFEREE)) await cluster.create(REFEREE);
    await cluster.start(REFEREE);
    for (const statement of SET_UP) await query_node(cluster.client_config(REFEREE), statement);
  });
}

function check_installed({ postgres }: LocalCluster): void {
  if (existsSync(join(postgres.sharedir, 'extension', 'referee.control'))) return;
  throw new Failure(
    'not_installed',
    `extension "referee" is not installed for ${postgres.version}: run "make install"`,
  );
}
