// CPU time of servers, process by process, from /proc.
//
// The total of a server is exact (to a clock tick a process): what its live
// processes have used, and what its postmaster has collected from ended ones. By
// kind, a process that ended counts as it was last seen; the rest of it, which
// only the postmaster knows, is shown as a kind of its own.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { POSTMASTER, kind_of_title } from './process_kind.ts';
import { sum } from './statistics.ts';

export const ENDED = 'ended between samples';

const MOST_TRIES = 3;
const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK']).toString());

export interface CpuUse {
  /** User and system time. */
  cpu_ms: number;
  system_ms: number;
  context_switches: number;
}

interface ProcessTimes {
  /** Tells a pid's second process from its first. */
  key: string;
  pid: number;
  parent: number;
  cpu_ms: number;
  system_ms: number;
  /** Of its children that ended. */
  ended_ms: number;
}

export interface TreeSample {
  total_ms: number;
  processes: Map<string, CpuUse & { kind: string }>;
}

export interface Sample {
  /** When the look began, and when it had ended. */
  from_ms: number;
  to_ms: number;
  /** One a root, in the order of the roots. */
  trees: TreeSample[];
  machine: MachineTimes;
}

export interface MachineTimes {
  busy_ms: number;
  stolen_ms: number;
  all_ms: number;
}

/**
 * Looks at the processes of the roots: postmasters, or programs with children. One
 * sampler a measurement: it remembers which processes are none of theirs.
 */
export class CpuSampler {
  private readonly foreign = new Set<number>();
  private readonly kinds = new Map<string, string>();

  constructor(private readonly roots: number[]) {}

  take(): Sample {
    const from_ms = Date.now();
    const processes = this.processes();
    return {
      from_ms,
      to_ms: Date.now(),
      trees: this.roots.map((root) =>
        this.tree(processes.filter(({ pid, parent }) => pid === root || parent === root)),
      ),
      machine: machine_times(),
    };
  }

  /** Looks again where a process ended meanwhile: it would count twice or never. */
  private processes(): ProcessTimes[] {
    for (let tries = 1; ; tries++) {
      const ended_before = this.ended_ms();
      const processes = readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name) && !this.foreign.has(Number(name)))
        .map((name) => process_times(Number(name)))
        .filter((times) => times !== null)
        .filter(({ pid, parent }) => {
          const ours = this.roots.includes(parent) || this.roots.includes(pid);
          if (!ours) this.foreign.add(pid);
          return ours;
        });
      if (this.ended_ms() === ended_before || tries === MOST_TRIES) return processes;
    }
  }

  private ended_ms(): number {
    return sum(this.roots.map((root) => process_times(root)?.ended_ms ?? 0));
  }

  private tree(processes: ProcessTimes[]): TreeSample {
    const use_of = (times: ProcessTimes) => ({
      kind: this.kind(times),
      cpu_ms: times.cpu_ms,
      system_ms: times.system_ms,
      context_switches: context_switches(times.pid),
    });
    return {
      total_ms: sum(processes.map((times) => times.cpu_ms + times.ended_ms)),
      processes: new Map(processes.map((times) => [times.key, use_of(times)])),
    };
  }

  /** A process has its postmaster's title until it sets its own. */
  private kind({ key, pid }: ProcessTimes): string {
    const known = this.kinds.get(key);
    if (known !== undefined && known !== POSTMASTER) return known;
    const kind = kind_of_title(read(`/proc/${pid}/cmdline`)?.split('\0')[0] ?? '');
    this.kinds.set(key, kind);
    return kind;
  }
}

/** What one tree used from the first to the last of the samples, by kind. */
export function cpu_by_kind(samples: TreeSample[]): Map<string, CpuUse> {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return new Map();
  const last_seen = new Map(samples.flatMap((sample) => [...sample.processes]));
  const kinds = new Map<string, CpuUse>();
  for (const [key, seen] of last_seen) {
    const before = first.processes.get(key) ?? NOTHING;
    add_use(kinds, seen.kind, {
      cpu_ms: seen.cpu_ms - before.cpu_ms,
      system_ms: seen.system_ms - before.system_ms,
      context_switches: Math.max(0, seen.context_switches - before.context_switches),
    });
  }
  const named_ms = sum([...kinds.values()].map((use) => use.cpu_ms));
  const rest_ms = last.total_ms - first.total_ms - named_ms;
  add_use(kinds, ENDED, { ...NOTHING, cpu_ms: rest_ms });
  return kinds;
}

const NOTHING: CpuUse = { cpu_ms: 0, system_ms: 0, context_switches: 0 };

export function add_use(kinds: Map<string, CpuUse>, kind: string, use: CpuUse): void {
  const { cpu_ms, system_ms, context_switches } = kinds.get(kind) ?? NOTHING;
  kinds.set(kind, {
    cpu_ms: cpu_ms + use.cpu_ms,
    system_ms: system_ms + use.system_ms,
    context_switches: context_switches + use.context_switches,
  });
}

function process_times(pid: number): ProcessTimes | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // proc(5), from field 3 on: the name before them may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    key: `${pid} ${field(22)}`,
    pid,
    parent: field(4),
    cpu_ms: (field(14) + field(15)) * TICK_MS,
    system_ms: field(15) * TICK_MS,
    ended_ms: (field(16) + field(17)) * TICK_MS,
  };
}

function context_switches(pid: number): number {
  const status = read(`/proc/${pid}/status`) ?? '';
  return sum([...status.matchAll(/ctxt_switches:\s*(\d+)/g)].map((match) => Number(match[1])));
}

function machine_times(): MachineTimes {
  const line = read('/proc/stat')?.split('\n')[0] ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, stolen = 0] =
    line.trim().split(/\s+/).slice(1).map(Number);
  const busy = user + nice + system + irq + softirq;
  return {
    busy_ms: busy * TICK_MS,
    stolen_ms: stolen * TICK_MS,
    all_ms: (busy + stolen + idle + iowait) * TICK_MS,
  };
}

/** null: it has ended. */
function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
