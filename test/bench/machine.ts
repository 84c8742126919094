// What the numbers depend on, said at the top of the report.
import { cpus, loadavg, totalmem } from 'node:os';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';

export function machine_line(): string {
  const [cpu] = cpus();
  const memory_gb = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0]?.toFixed(1);
  return (
    `${cpus().length} x ${cpu?.model ?? 'unknown CPU'}, ${memory_gb} GB, ` +
    `${find_postgres().version}, load average before the start: ${load}`
  );
}
