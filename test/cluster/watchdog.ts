// Ends what a test run leaves behind when it is interrupted: a small process that
// waits for the end of its standard input, which comes when the test's process is
// gone, however it ended; it then stops the folder's servers and removes it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { spawn_identity } from '../../ts-src/cli/run_program.ts';
import { server_user } from '../../ts-src/cli/server_user.ts';

// $1: pg_ctl, $2: the cluster's folder. A frozen server does not stop, so it is killed.
const SCRIPT = `
cat >/dev/null
for data in "$2"/node*/data "$2"/referee/data; do
    [ -f "$data/postmaster.pid" ] || continue
    "$1" stop -D "$data" -m immediate -t 5 ||
        { pid=$(head -1 "$data/postmaster.pid"); kill -KILL $(pgrep -P "$pid") "$pid"; }
done
rm -rf "$2"
`;

export interface Watchdog {
  /** To be called once the servers are stopped and the folder is gone. */
  release(): void;
}

export function watch_over(dir: string): Watchdog {
  const pg_ctl = join(find_postgres().bindir, 'pg_ctl');
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', pg_ctl, dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true,
    ...spawn_identity(server_user()),
  });
  child.unref();
  // The pipe must not keep the test's process alive.
  const pipe = child.stdin as unknown as { unref(): void };
  pipe.unref();
  return { release: () => child.stdin.end() };
}
