// The most memory that each process of some servers had, from /proc: RssAnon is its
// own, without what it shares with the others (shared_buffers, the program).
import { readFileSync, readdirSync } from 'node:fs';
import { kind_of_title } from './process_kind.ts';

export interface PeakMemory {
  kind: string;
  processes: Set<number>;
  /** Of the process that had most of it. */
  anonymous_kb: number;
  /** As the kernel remembers it: with shared memory that the process touched. */
  resident_kb: number;
}

/** By server, then by kind of process. */
export class MemorySampler {
  readonly peaks: Map<string, PeakMemory>[];

  constructor(private readonly postmasters: number[]) {
    this.peaks = postmasters.map(() => new Map());
  }

  /** To be called again and again: a process that ends in between is seen as before. */
  take(): void {
    for (const name of readdirSync('/proc')) {
      if (/^\d+$/.test(name)) this.look_at(Number(name));
    }
  }

  private look_at(pid: number): void {
    const status = read(`/proc/${pid}/status`);
    if (status === null) return;
    const parent = number_after(status, 'PPid');
    const server = this.postmasters.findIndex((root) => root === pid || root === parent);
    const peaks = this.peaks[server];
    if (peaks === undefined) return;
    const kind = kind_of_title(read(`/proc/${pid}/cmdline`)?.split('\0')[0] ?? '');
    const peak = peaks.get(kind) ?? {
      kind,
      processes: new Set(),
      anonymous_kb: 0,
      resident_kb: 0,
    };
    peak.processes.add(pid);
    peak.anonymous_kb = Math.max(peak.anonymous_kb, number_after(status, 'RssAnon'));
    peak.resident_kb = Math.max(peak.resident_kb, number_after(status, 'VmHWM'));
    peaks.set(kind, peak);
  }
}

function number_after(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
