// The servers of the benchmark: a cluster of three nodes as `multimaster up` makes
// it, a plain server, and a primary with two synchronous standbys. All lie in one
// folder, as nodes 1 to 7 with a port each, so that one watchdog ends them all.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import {
  LINK_ROLE,
  SUPERUSER,
  data_dir,
  node_port,
  password_file,
} from '../../ts-src/cli/cluster_record.ts';
import { conn_string } from '../../ts-src/cli/conn_string.ts';
import { create_node, write_config } from '../../ts-src/cli/create_node.ts';
import { node_client_config, query_node } from '../../ts-src/cli/database_client.ts';
import { Failure } from '../../ts-src/cli/failure.ts';
import type { LocalCluster } from '../../ts-src/cli/local_cluster.ts';
import { hba_lines, node_config_lines } from '../../ts-src/cli/node_config.ts';
import { server_pid, start_server, stop_server } from '../../ts-src/cli/node_server.ts';
import { ensure_passwords } from '../../ts-src/cli/passwords.ts';
import { check_ports } from '../../ts-src/cli/ports.ts';
import type { Progress } from '../../ts-src/cli/progress.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { hand_over } from '../../ts-src/cli/server_user.ts';
import { up } from '../../ts-src/cli/up.ts';
import { allocate_ports } from '../cluster/port_range.ts';
import { watch_over } from '../cluster/watchdog.ts';

export const NODES = [1, 2, 3];
export const PLAIN = 4;
export const PRIMARY = 5;
export const STANDBYS = [6, 7];
const ALL = [...NODES, PLAIN, PRIMARY, ...STANDBYS];

const STANDBYS_TIMEOUT_MS = 60_000;

export class Servers {
  private constructor(
    readonly cluster: LocalCluster,
    private readonly release: () => Promise<void>,
  ) {}

  /** Starts everything; whatever happens to this process, the watchdog ends it. */
  static async start(first_port: number | null, progress: Progress): Promise<Servers> {
    const ports = await wanted_ports(first_port);
    const dir = mkdtempSync(join(tmpdir(), 'multimaster-bench-'));
    const watchdog = watch_over(dir);
    const release = async () => {
      watchdog.release();
      await ports.release();
    };
    try {
      const cluster = await up({ dir, port: ports.first, nodes: NODES.length }, progress);
      const servers = new Servers(cluster, release);
      await progress.step('start a plain server, and a primary with two standbys', () =>
        servers.start_others(),
      );
      return servers;
    } catch (error) {
      await release(); // The watchdog stops what was started.
      throw error;
    }
  }

  get dir(): string {
    return this.cluster.dir;
  }

  pid(server: number): number {
    const pid = server_pid(this.dir, server);
    if (pid === null) throw new Error(`server ${server} has ended: see its log`);
    return pid;
  }

  /** For libpq's programs, which find the password in the cluster's file. */
  conninfo(server: number, user = SUPERUSER, more = {}): string {
    return conn_string({
      host: '127.0.0.1',
      port: this.port(server),
      dbname: this.cluster.record.db,
      user,
      passfile: password_file(this.dir),
      ...more,
    });
  }

  client_config(server: number) {
    return node_client_config(this.dir, this.cluster.record, server);
  }

  query(server: number, sql: string) {
    return query_node(this.client_config(server), sql);
  }

  /** A folder for files of programs that run as the servers' user. */
  make_dir(name: string): string {
    const dir = join(this.dir, name);
    mkdirSync(dir, { mode: 0o700 });
    hand_over(dir, this.cluster.user);
    return dir;
  }

  /** A program of PostgreSQL, as the servers' user; throws where it fails. */
  async run(program: string, args: string[]): Promise<string> {
    const path = join(this.cluster.postgres.bindir, program);
    const result = await run_program(path, args, { user: this.cluster.user, cwd: this.dir });
    if (result.code === 0) return result.stdout;
    const why = result.stderr.split('\n').find((line) => /error|fatal|aborted/i.test(line));
    throw new Failure('start_failed', `${program} failed: ${why ?? result.stderr.trim()}`);
  }

  async destroy(): Promise<void> {
    try {
      await all_ended(
        ALL.map(async (server) => {
          if (server_pid(this.dir, server) === null) return;
          await stop_server(this.place(server), 'immediate');
        }),
      );
      this.cluster.remove();
    } finally {
      await this.release();
    }
  }

  private async start_others(): Promise<void> {
    for (const server of [PLAIN, PRIMARY]) {
      this.make_dir(`node${server}`);
      await this.create(server);
      await start_server(this.place(server));
    }
    for (const standby of STANDBYS) await this.start_standby(standby);
    await this.make_synchronous();
  }

  private create(server: number): Promise<void> {
    return create_node({
      name: `server ${server}`,
      data_dir: data_dir(this.dir, server),
      bindir: this.cluster.postgres.bindir,
      user: this.cluster.user,
      superuser: SUPERUSER,
      passwords: ensure_passwords(this.dir, this.cluster.user),
      db: this.cluster.record.db,
      config_lines: this.config_lines(server),
      hba_lines: hba_lines(['127.0.0.1/32'], LINK_ROLE),
    });
  }

  private async start_standby(server: number): Promise<void> {
    this.make_dir(`node${server}`);
    const data = data_dir(this.dir, server);
    const source = this.conninfo(PRIMARY, LINK_ROLE, { application_name: `standby${server}` });
    await this.run('pg_basebackup', [
      ...['-d', source, '-D', data, '--wal-method=stream'],
      ...['--checkpoint=fast', '--write-recovery-conf'],
    ]);
    write_config(data, this.config_lines(server), this.cluster.user);
    await start_server(this.place(server));
  }

  /** Only once they exist: the primary's commits wait for them from here on. */
  private async make_synchronous(): Promise<void> {
    await this.query(PRIMARY, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 2 (*)'");
    await this.query(PRIMARY, "ALTER SYSTEM SET synchronous_commit = 'remote_apply'");
    await this.query(PRIMARY, 'SELECT pg_reload_conf()');
    const synchronous = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'";
    const deadline = Date.now() + STANDBYS_TIMEOUT_MS;
    while ((await this.query(PRIMARY, synchronous)).length < STANDBYS.length) {
      if (Date.now() > deadline) {
        throw new Failure('not_online', 'the standbys do not become synchronous');
      }
      await sleep(100);
    }
  }

  /** A node's settings without the library and what is its own. */
  private config_lines(server: number): string[] {
    const lines = node_config_lines({
      node_id: 1,
      node_count: NODES.length,
      conn_strings: '',
      port: this.port(server),
      listen_addresses: '127.0.0.1',
      socket_dir: null,
      output_plugin_libraries: null,
      extra: this.cluster.record.settings,
    });
    return lines.filter((line) => !/^(multimaster\.|shared_preload_libraries )/.test(line));
  }

  private port(server: number): number {
    return node_port(this.cluster.record, server);
  }

  private place(server: number) {
    const { dir, postgres, user } = this.cluster;
    return { dir, node: server, postgres, user };
  }
}

async function wanted_ports(first: number | null) {
  if (first === null) return allocate_ports();
  await check_ports(ALL.map((server) => first + server - 1));
  return { first, release: async () => {} };
}
