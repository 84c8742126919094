// Sessions of the server under test, and what /proc says of their processes.
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterEach } from 'vitest';

export interface Session {
  client: pg.Client;
  pid: number;
  /** The rows of a statement. */
  rows(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** The first column of the first row. */
  value(sql: string, values?: unknown[]): Promise<unknown>;
  /** The error that a statement ends in; it is a failure if there is none. */
  error(sql: string, values?: unknown[]): Promise<pg.DatabaseError>;
}

const open = new Set<pg.Client>();

export async function connect(options: pg.ClientConfig = {}): Promise<Session> {
  const client = new pg.Client(options);
  client.on('error', () => {}); // those that a test terminates
  await client.connect();
  open.add(client);
  const rows: Session['rows'] = async (sql, values) => (await client.query(sql, values)).rows;
  const value: Session['value'] = async (sql, values) =>
    Object.values((await rows(sql, values))[0] ?? {})[0];
  const error: Session['error'] = async (sql, values) => {
    try {
      await client.query(sql, values);
    } catch (e) {
      return e as pg.DatabaseError;
    }
    throw new Error(`no error from: ${sql}`);
  };
  return { client, pid: (await value('SELECT pg_backend_pid()')) as number, rows, value, error };
}

afterEach(async () => {
  for (const client of open) await client.end().catch(() => {});
  open.clear();
});

/** One field of /proc/PID/status. */
export function processStatus(pid: number, field: string): string {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((l) => l.startsWith(`${field}:`));
  if (line === undefined) throw new Error(`no ${field} of process ${pid}`);
  return line.slice(field.length + 1).trim();
}

/** Private memory of a process in bytes: its own, not what it shares. */
export function privateBytes(pid: number): number {
  return Number.parseInt(processStatus(pid, 'RssAnon'), 10) * 1024;
}

/** Until another session sees it run that statement. */
export async function runs(observer: Session, pid: number, state = 'active'): Promise<void> {
  for (;;) {
    const seen = await observer.value('SELECT state FROM pg_stat_activity WHERE pid = $1', [pid]);
    if (seen === state) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Some steps into the script, not at its start.
  await new Promise((resolve) => setTimeout(resolve, 30));
}
