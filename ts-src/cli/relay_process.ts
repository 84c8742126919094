// The relay process of a proxied cluster: started detached, remembered in the cluster's
// folder by its pid and start time, ended by `down` or when the folder is gone.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checked_dir, read_record } from './cluster_record.ts';
import { Failure } from './failure.ts';
import { is_alive, signal, start_time } from './process_tree.ts';
import { Relay } from './relay.ts';
import { ask_relay, serve_control } from './relay_control.ts';
import { relay_routes } from './relay_routes.ts';
import { hand_over, server_user, type ServerUser } from './server_user.ts';

/** The hidden command that is this process. */
export const RELAY_COMMAND = 'relay';

const POLL_INTERVAL_MS = 20;
const FOLDER_CHECK_MS = 1_000;
/** sockaddr_un. */
const LONGEST_SOCKET = 107;

export const relay_socket = (dir: string) => join(dir, 'relay.sock');
const pid_file = (dir: string) => join(dir, 'relay.pid');
const log_file = (dir: string) => join(dir, 'relay.log');

/** null: it does not run, whoever has its pid by now. */
export function relay_pid(dir: string): number | null {
  try {
    const [pid = 0, started] = readFileSync(pid_file(dir), 'utf8').split(' ').map(Number);
    return pid > 0 && is_alive(pid) && start_time(pid) === started ? pid : null;
  } catch {
    return null;
  }
}

export function check_relay_socket(dir: string): void {
  if (Buffer.byteLength(relay_socket(dir)) <= LONGEST_SOCKET) return;
  throw new Failure(
    'bad_argument',
    `the path of the folder ${dir} is too long for the relay's socket: ` +
      'choose a shorter one with --dir',
  );
}

/** Returns when it listens. */
export async function start_relay(dir: string, user: ServerUser): Promise<void> {
  if (relay_pid(dir) !== null) return;
  const log = openSync(log_file(dir), 'w', 0o600);
  hand_over(log_file(dir), user);
  const child = spawn(process.execPath, [command_line(), RELAY_COMMAND, '--dir', dir], {
    stdio: ['ignore', log, log],
    cwd: '/',
    detached: true,
  });
  child.unref();
  closeSync(log);
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  while (relay_pid(dir) === null) {
    if (ended) throw new Failure('start_failed', `the relay did not start: ${complaint(dir)}`);
    await sleep(POLL_INTERVAL_MS);
  }
  await ask_relay(relay_socket(dir), { verb: 'show' });
}

export async function stop_relay(dir: string): Promise<void> {
  const pid = relay_pid(dir);
  if (pid !== null) signal(pid, 'SIGKILL'); // It has nothing to save.
  while (relay_pid(dir) !== null) await sleep(POLL_INTERVAL_MS);
  rmSync(pid_file(dir), { force: true });
  rmSync(relay_socket(dir), { force: true });
}

/** `multimaster relay`: this process relays until it is ended. */
export async function run_relay(dir: string): Promise<void> {
  const path = checked_dir(dir);
  become(server_user());
  const relay = new Relay(relay_routes(read_record(path)));
  await relay.listen();
  await serve_control(relay_socket(path), relay);
  const written = `${pid_file(path)}.new`;
  writeFileSync(written, `${process.pid} ${start_time(process.pid)}\n`);
  renameSync(written, pid_file(path));
  setInterval(() => {
    if (!existsSync(pid_file(path))) process.exit(0);
  }, FOLDER_CHECK_MS);
}

/** The code is read by now; nothing else needs root. */
function become(user: ServerUser): void {
  if (!user.must_switch) return;
  process.setgroups?.([user.gid]);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
}

/** The bundle that bin/multimaster runs, from within it or from the sources. */
function command_line(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (dir !== dirname(dir) && !existsSync(join(dir, 'bin', 'multimaster'))) dir = dirname(dir);
  const file = join(dir, 'out', 'cli.mjs');
  if (existsSync(file)) return file;
  throw new Failure('not_installed', 'the command line is not built yet: run "make build"');
}

function complaint(dir: string): string {
  const lines = readFileSync(log_file(dir), 'utf8').split('\n');
  return lines.find((line) => line.trim() !== '') ?? 'it said nothing';
}
