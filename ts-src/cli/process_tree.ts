// Finds a server's processes; ends all of them with SIGKILL, as a machine that loses
// its power would, or lets them stand still. Reads /proc: they run on this machine.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export function is_alive(pid: number): boolean {
  return parent_of(pid) !== null;
}

export function is_zombie(pid: number): boolean {
  return process_stat(pid)?.state === 'Z';
}

/** By SIGSTOP. */
export function is_stopped(pid: number): boolean {
  return process_stat(pid)?.state === 'T';
}

/** In ticks since the machine's start: no two processes with one pid share it. */
export function start_time(pid: number): number | null {
  return process_stat(pid)?.started ?? null;
}

/** null: no such process, or only its zombie. */
function parent_of(pid: number): number | null {
  const stat = process_stat(pid);
  return stat === null || 'ZX'.includes(stat.state) ? null : stat.parent;
}

interface ProcessStat {
  state: string;
  parent: number;
  started: number;
}

/** Where the start time stands, from the state on: proc(5) counts it as the 22nd. */
const START_TIME = 19;

function process_stat(pid: number): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', parent] = fields;
    return { state, parent: Number(parent), started: Number(fields[START_TIME]) };
  } catch {
    return null;
  }
}

export function works_in(pid: number, dir: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === dir;
  } catch {
    return false;
  }
}

export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? parent_of(pid) : null;
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  const queue = [root];
  for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
    const of_pid = children.get(pid) ?? [];
    found.push(...of_pid);
    queue.push(...of_pid);
  }
  return found;
}

/** Returns how many processes died; all are gone when it returns. */
export async function kill_tree(root: number): Promise<number> {
  // It must not fork while its children are listed.
  signal(root, 'SIGSTOP');
  while (is_alive(root) && !is_stopped(root)) await sleep(1);
  const all = [root, ...descendants(root)];
  for (const pid of all) signal(pid, 'SIGKILL');
  while (all.some(is_alive)) await sleep(10);
  return all.length;
}

/** All stand still when it returns, also what was forked meanwhile. */
export async function stop_tree(root: number): Promise<void> {
  const moves = (pid: number) => is_alive(pid) && !is_stopped(pid);
  for (;;) {
    const moving = [root, ...descendants(root)].filter(moves);
    if (moving.length === 0) return;
    for (const pid of moving) signal(pid, 'SIGSTOP');
    await sleep(1);
  }
}

export function continue_tree(root: number): void {
  for (const pid of [...descendants(root), root]) signal(pid, 'SIGCONT');
}

/** Of a process that may be gone by now. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
