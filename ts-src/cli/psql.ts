// `multimaster psql N`: psql as the superuser of one node, with further arguments
// handed on.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { SUPERUSER, node_port, password_file } from './cluster_record.ts';
import { Failure } from './failure.ts';
import { LocalCluster } from './local_cluster.ts';

/** Returns psql's exit code. */
export function psql(dir: string, node: number, args: string[]): Promise<number> {
  const cluster = LocalCluster.open(dir);
  cluster.check_node(node);
  const child = spawn(join(cluster.postgres.bindir, 'psql'), args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      PGHOST: '127.0.0.1',
      PGPORT: String(node_port(cluster.record, node)),
      PGDATABASE: cluster.record.db,
      PGUSER: SUPERUSER,
      PGPASSFILE: password_file(cluster.dir),
    },
  });
  // Ctrl-C is psql's: it cancels the query.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  return new Promise<number>((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Failure('not_installed', `psql cannot be run: ${error.message}`)),
    );
    child.on('close', (code) => resolve(code ?? 1));
  }).finally(() => process.off('SIGINT', ignore));
}
