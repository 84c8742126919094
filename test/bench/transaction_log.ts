// Reads the logs of `pgbench -l`: one line a transaction,
//   client number latency_us script end_s end_us
// with a word instead of the latency where the transaction failed.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface LoggedTransaction {
  client: string;
  /** null: it failed. */
  latency_ms: number | null;
  /** Milliseconds of the system's clock. */
  end_ms: number;
}

/** The logs of one pgbench: a file a thread, PREFIX.PID and PREFIX.PID.THREAD. */
export function log_files(dir: string, prefix: string): string[] {
  const names = readdirSync(dir).filter((name) => name.startsWith(`${prefix}.`));
  return names.map((name) => join(dir, name));
}

export function parse_transaction_log(text: string, pgbench: string): LoggedTransaction[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [client, , latency_us, , end_s, end_us] = line.split(' ');
    const end_ms = Number(end_s) * 1000 + Number(end_us) / 1000;
    if (Number.isNaN(end_ms)) throw new Error(`not a line of pgbench's log: ${line}`);
    const latency = Number(latency_us);
    return {
      client: `${pgbench} ${client}`,
      latency_ms: Number.isNaN(latency) ? null : latency / 1000,
      end_ms,
    };
  });
}

/**
 * The time in which every client was at work: from when the last one has ended its
 * first transaction (connected, caches filled) until the first one ends its last.
 */
export function busy_time(transactions: LoggedTransaction[]): { from: number; to: number } {
  const first = new Map<string, number>();
  const last = new Map<string, number>();
  for (const { client, end_ms } of transactions) {
    first.set(client, Math.min(first.get(client) ?? Infinity, end_ms));
    last.set(client, Math.max(last.get(client) ?? -Infinity, end_ms));
  }
  return { from: Math.max(...first.values()), to: Math.min(...last.values()) };
}
