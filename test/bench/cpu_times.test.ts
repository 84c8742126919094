// CPU time by kind of process: processes that begin, go on and end.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { CpuSampler, ENDED, cpu_by_kind, type TreeSample } from './cpu_times.ts';

function tree(total_ms: number, processes: [string, string, number][]): TreeSample {
  const use = (kind: string, cpu_ms: number) => ({
    kind,
    cpu_ms,
    system_ms: cpu_ms / 2,
    context_switches: cpu_ms,
  });
  return {
    total_ms,
    processes: new Map(processes.map(([key, kind, ms]) => [key, use(kind, ms)])),
  };
}

const cpu_ms = (samples: TreeSample[], kind: string) => cpu_by_kind(samples).get(kind)?.cpu_ms;

describe('from the first to the last sample', () => {
  test('processes of one kind are added up', () => {
    const samples = [
      tree(130, [['1', 'lane', 100], ['2', 'lane', 30]]),
      tree(200, [['1', 'lane', 150], ['2', 'lane', 50]]),
    ];
    expect(cpu_ms(samples, 'lane')).toBe(70);
    expect(cpu_ms(samples, ENDED)).toBe(0);
  });

  test('a process that began in between counts from nothing', () => {
    const samples = [
      tree(100, [['1', 'lane', 100]]),
      tree(120, [['1', 'lane', 100], ['2', 'worker', 20]]),
    ];
    expect(cpu_ms(samples, 'worker')).toBe(20);
  });

  test('of one that ended, what it used unseen is what its postmaster knows', () => {
    const samples = [
      tree(100, [['1', 'worker', 100]]),
      tree(140, [['1', 'worker', 140]]),
      tree(155, []),
    ];
    expect(cpu_ms(samples, 'worker')).toBe(40);
    expect(cpu_ms(samples, ENDED)).toBe(15);
  });
});

test('the time of a child that ended is in the total', () => {
  const sampler = new CpuSampler([process.pid]);
  const before = sampler.take().trees[0]?.total_ms ?? NaN;
  const burn = 'const end = process.cpuUsage().user + 2e5; while (process.cpuUsage().user < end);';
  execFileSync(process.execPath, ['-e', burn]);
  const after = sampler.take().trees[0]?.total_ms ?? NaN;
  expect(after - before).toBeGreaterThanOrEqual(190);
});
