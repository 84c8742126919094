// The load: pgbench's tables, its scripts, and one run of it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hand_over } from '../../ts-src/cli/server_user.ts';
import { NODES, PLAIN, PRIMARY, type Servers } from './servers.ts';
import { log_files, parse_transaction_log, type LoggedTransaction } from './transaction_log.ts';

export const SCALE = 10;
export const PROTOCOL = 'prepared';
export const TABLES = ['accounts', 'branches', 'tellers', 'history'].map(
  (name) => `pgbench_${name}`,
);

const MOST_THREADS = 2;
/** A limit against waiting for ever; nothing healthy comes near it. */
const HANG_MS = 60_000;

export interface Script {
  name: string;
  meaning: string;
  /** null: pgbench's own simple-update. */
  text: string | null;
}

export const SIMPLE_UPDATE: Script = {
  name: 'pgbench -N',
  meaning: 'a block of UPDATE, SELECT and INSERT, then COMMIT',
  text: null,
};

export const ONE_ROW: Script = {
  name: 'one-row UPDATE',
  meaning: 'one UPDATE by primary key that commits by itself',
  text: [
    `\\set aid random(1, 100000 * ${SCALE})`,
    '\\set delta random(-5000, 5000)',
    'UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;',
    '',
  ].join('\n'),
};

export const SCRIPTS = [SIMPLE_UPDATE, ONE_ROW];

export async function load_tables(
  servers: Servers,
  say: (text: string) => void,
): Promise<void> {
  for (const server of [PLAIN, PRIMARY, NODES[0] ?? 1]) {
    say(`on server ${server}`);
    await servers.run('pgbench', [
      ...['--initialize', '--init-steps=dtgp', '--quiet', `--scale=${SCALE}`],
      servers.conninfo(server),
    ]);
  }
  // Neither is replicated within the cluster; standbys get them from their primary.
  for (const server of [PLAIN, PRIMARY, ...NODES]) {
    say(`vacuum on server ${server}`);
    await servers.query(server, 'VACUUM (ANALYZE, FREEZE)');
    await servers.query(server, 'CHECKPOINT');
  }
}

export class Pgbench {
  private runs = 0;

  private constructor(
    private readonly servers: Servers,
    private readonly dir: string,
  ) {}

  static prepare(servers: Servers): Pgbench {
    const pgbench = new Pgbench(servers, servers.make_dir('pgbench'));
    for (const script of SCRIPTS) pgbench.write(script);
    return pgbench;
  }

  /** Runs a script by so many clients on each of the servers, all at once. */
  async run(
    script: Script,
    clients: { server: number; count: number }[],
    seconds: number,
  ): Promise<LoggedTransaction[]> {
    const runs = clients.map(({ server, count }) => this.run_on(server, script, count, seconds));
    const logs = await within(seconds * 1000 + HANG_MS, Promise.all(runs));
    return logs.flat();
  }

  private async run_on(
    server: number,
    script: Script,
    clients: number,
    seconds: number,
  ): Promise<LoggedTransaction[]> {
    const prefix = `run${++this.runs}`;
    await this.servers.run('pgbench', [
      ...['--no-vacuum', `--protocol=${PROTOCOL}`, `--time=${seconds}`],
      ...[`--client=${clients}`, `--jobs=${Math.min(clients, MOST_THREADS)}`],
      ...['--log', `--log-prefix=${join(this.dir, prefix)}`],
      script.text === null ? '--skip-some-updates' : `--file=${this.file(script)}`,
      this.servers.conninfo(server),
    ]);
    const files = log_files(this.dir, prefix);
    const log = files.flatMap((file) =>
      parse_transaction_log(readFileSync(file, 'utf8'), prefix),
    );
    for (const file of files) rmSync(file);
    return log;
  }

  private file(script: Script): string {
    return join(this.dir, `${script.name.replace(/\W+/g, '_')}.sql`);
  }

  write(script: Script): void {
    if (script.text === null) return;
    writeFileSync(this.file(script), script.text);
    hand_over(this.file(script), this.servers.cluster.user);
  }
}

function within<T>(limit_ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    const error = new Error(`pgbench did not end within ${limit_ms / 1000} s`);
    timer = setTimeout(() => reject(error), limit_ms);
  });
  return Promise.race([work, hang]).finally(() => clearTimeout(timer));
}
