// PostgreSQL takes its lock files for valid while their pid exists, and a killed
// server's pid exists as a zombie until init collects it, which in a container may
// be never. Where the pid is a zombie, and no process works in the data folder (so
// no orphan uses the shared memory), the lock files are removed before a start.
import { readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { is_zombie, works_in } from './process_tree.ts';

export function remove_stale_locks(data_dir: string, socket_locks: string[]): void {
  const lock = join(data_dir, 'postmaster.pid');
  const pid = first_number(lock);
  if (pid === null || !is_zombie(pid) || is_used(realpathSync(data_dir))) return;
  for (const socket_lock of socket_locks) {
    if (first_number(socket_lock) === pid) rmSync(socket_lock);
  }
  rmSync(lock);
}

function first_number(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
    return pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function is_used(data_dir: string): boolean {
  return readdirSync('/proc').some((name) => works_in(Number(name), data_dir));
}
