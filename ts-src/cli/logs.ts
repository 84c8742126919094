// `multimaster logs N`: the end of one node's server log; -f follows it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { log_file, server_name } from './cluster_record.ts';
import { Failure } from './failure.ts';
import { LocalCluster } from './local_cluster.ts';

const LINES = '200';

export interface LogsOptions {
  dir: string;
  follow?: boolean;
}

/** Returns the exit code of tail, which is also how following ends. */
export function logs(node: number, options: LogsOptions): Promise<number> {
  const cluster = LocalCluster.open(options.dir);
  cluster.check_node(node);
  const file = log_file(cluster.dir, node);
  if (!existsSync(file)) {
    throw new Failure('bad_argument', `${server_name(node)} has no log yet (${file})`);
  }
  const follow = options.follow ? ['-F'] : [];
  const child = spawn('tail', ['-n', LINES, ...follow, file], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 0));
  });
}
