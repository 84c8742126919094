// Starts, stops, pauses and kills the server of one node of a local cluster.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { data_dir, log_file, node_dir, server_name } from './cluster_record.ts';
import { Failure } from './failure.ts';
import type { PostgresInstall } from './postgres_install.ts';
import {
  continue_tree,
  is_alive,
  is_stopped,
  kill_tree,
  stop_tree,
  works_in,
} from './process_tree.ts';
import { run_program } from './run_program.ts';
import type { ServerUser } from './server_user.ts';

const START_TIMEOUT_S = 120;
const STOP_TIMEOUT_S = 120;

export interface NodePlace {
  dir: string;
  node: number;
  postgres: PostgresInstall;
  user: ServerUser;
}

/** The postmaster's pid, or null where no server runs in the node's folder. */
export function server_pid(dir: string, node: number): number | null {
  const data = data_dir(dir, node);
  let first_line: string | undefined;
  try {
    first_line = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0];
  } catch {
    return null;
  }
  const pid = Number(first_line);
  // After a crash the file stays, and the pid may be another program's by now.
  return pid > 0 && is_alive(pid) && works_in(pid, realpathSync(data)) ? pid : null;
}

export async function start_server(place: NodePlace): Promise<void> {
  const log = log_file(place.dir, place.node);
  const log_start = read_log(log).length;
  const result = await pg_ctl(place, [
    ...['start', '-w', '-t', String(START_TIMEOUT_S), '-l', log],
  ]);
  if (result.code === 0) return;
  const written = read_log(log).subarray(log_start).toString();
  const why = complaint_in(written) ?? last_line(result.stderr);
  throw new Failure(
    /Address already in use|could not create any TCP/.test(why)
      ? 'port_taken'
      : 'start_failed',
    `${server_name(place.node)} did not start: ${why} (log: ${log})`,
  );
}

export async function stop_server(
  place: NodePlace,
  mode: 'fast' | 'immediate' = 'fast',
): Promise<void> {
  const result = await pg_ctl(place, [
    ...['stop', '-w', '-t', String(STOP_TIMEOUT_S), '-m', mode],
  ]);
  if (result.code === 0 || server_pid(place.dir, place.node) === null) return;
  throw new Failure(
    'start_failed',
    `${server_name(place.node)} did not stop: ${last_line(result.stderr)}`,
  );
}

/** Returns the number of processes that were killed. */
export async function kill_server(dir: string, node: number): Promise<number> {
  const pid = server_pid(dir, node);
  return pid === null ? 0 : kill_tree(pid);
}

export function server_is_paused(dir: string, node: number): boolean {
  const pid = server_pid(dir, node);
  return pid !== null && is_stopped(pid);
}

export async function suspend_server(dir: string, node: number): Promise<void> {
  const pid = server_pid(dir, node);
  if (pid !== null) await stop_tree(pid);
}

export function continue_server(dir: string, node: number): void {
  const pid = server_pid(dir, node);
  if (pid !== null) continue_tree(pid);
}

function pg_ctl(place: NodePlace, args: string[]) {
  const program = join(place.postgres.bindir, 'pg_ctl');
  return run_program(program, ['-D', data_dir(place.dir, place.node), ...args], {
    user: place.user,
    cwd: node_dir(place.dir, place.node),
  });
}

function read_log(file: string): Buffer {
  return existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
}

/** The reason in a server's log: the first complaint with its detail and hint. */
function complaint_in(log: string): string | null {
  const lines = log.split('\n');
  const at = lines.findIndex((line) => /\b(FATAL|PANIC|LOG: {2}could not)/.test(line));
  const text = (line: string) => line.replace(/^.*?(FATAL|PANIC|LOG|DETAIL|HINT): +/, '');
  if (at < 0) return null;
  const more: string[] = [];
  for (const line of lines.slice(at + 1)) {
    if (/(DETAIL|HINT): /.test(line)) more.push(text(line));
    else if (line.startsWith('\t')) more.push(line.trim());
    else break;
  }
  return [text(lines[at] ?? ''), ...more].join('; ');
}

function last_line(stderr: string): string {
  return stderr.trimEnd().split('\n').at(-1) || 'pg_ctl gave no reason';
}
