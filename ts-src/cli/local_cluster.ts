// A cluster of servers on this machine, in one folder: the steps that the commands
// and the cluster tests are made of.
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  LINK_ROLE,
  SUPERUSER,
  checked_dir,
  data_dir,
  founder_ids,
  has_record,
  node_dir,
  node_ids,
  node_port,
  nodes_file,
  password_file,
  read_record,
  write_record,
  type ClusterRecord,
} from './cluster_record.ts';
import { conn_string, join_conn_strings } from './conn_string.ts';
import { create_node, write_config } from './create_node.ts';
import { node_client_config, type ConnectOptions } from './database_client.ts';
import { Failure } from './failure.ts';
import { hba_lines, node_config_lines } from './node_config.ts';
import {
  continue_server,
  kill_server,
  server_is_paused,
  server_pid,
  start_server,
  stop_server,
  suspend_server,
} from './node_server.ts';
import { ensure_passwords } from './passwords.ts';
import { check_ports } from './ports.ts';
import { default_output_plugins, find_postgres, type PostgresInstall } from './postgres_install.ts';
import { check_relay_socket, relay_pid, start_relay, stop_relay } from './relay_process.ts';
import { port_seen, relay_routes } from './relay_routes.ts';
import { run_program } from './run_program.ts';
import { remove_stale_locks } from './stale_lock.ts';
import { hand_over, server_user, type ServerUser } from './server_user.ts';

/** sockaddr_un holds 107 bytes: the folder, "/.s.PGSQL." and a port. */
const LONGEST_SOCKET_DIR = 107 - '/.s.PGSQL.65535'.length;

export class LocalCluster {
  private constructor(
    readonly dir: string,
    readonly record: ClusterRecord,
    readonly user: ServerUser,
    readonly postgres: PostgresInstall,
  ) {}

  static open(dir: string): LocalCluster {
    const path = checked_dir(dir);
    return new LocalCluster(path, read_record(path), server_user(), find_postgres());
  }

  /** Makes the folder and what is remembered in it; the nodes come later. */
  static async prepare(
    dir: string,
    record: ClusterRecord,
    make_passwords: (dir: string, user: ServerUser) => void = ensure_passwords,
  ): Promise<LocalCluster> {
    const user = server_user();
    const cluster = new LocalCluster(checked_dir(dir), record, user, find_postgres());
    if (record.proxy) check_relay_socket(cluster.dir);
    await cluster.make_dir();
    write_record(cluster.dir, record, user);
    make_passwords(cluster.dir, user);
    return cluster;
  }

  static exists(dir: string): boolean {
    return has_record(checked_dir(dir));
  }

  get nodes(): number[] {
    return node_ids(this.record);
  }

  check_node(node: number): void {
    if (this.nodes.includes(node)) return;
    throw new Failure(
      'bad_argument',
      `there is no node ${node}: the nodes in ${this.dir} are ${this.nodes.join(', ')}`,
    );
  }

  pid(node: number): number | null {
    return server_pid(this.dir, node);
  }

  client_config(node: number, options?: ConnectOptions) {
    return node_client_config(this.dir, this.record, node, options);
  }

  is_created(node: number): boolean {
    return existsSync(data_dir(this.dir, node));
  }

  async check_ports(): Promise<void> {
    const stopped = this.nodes.filter((node) => this.pid(node) === null);
    const relays = this.relay_is_missing() ? relay_routes(this.record) : [];
    await check_ports([
      ...stopped.map((node) => node_port(this.record, node)),
      ...relays.map((route) => route.port),
    ]);
  }

  /** It should run, but does not. */
  relay_is_missing(): boolean {
    return this.record.proxy === true && relay_pid(this.dir) === null;
  }

  async start_relay(): Promise<void> {
    if (this.relay_is_missing()) await start_relay(this.dir, this.user);
  }

  async stop_relay(): Promise<void> {
    if (this.record.proxy) await stop_relay(this.dir);
  }

  async create(node: number): Promise<void> {
    make_private_dir(node_dir(this.dir, node), this.user);
    await create_node({
      name: `node ${node}`,
      data_dir: data_dir(this.dir, node),
      bindir: this.postgres.bindir,
      user: this.user,
      superuser: SUPERUSER,
      passwords: ensure_passwords(this.dir, this.user),
      db: this.record.db,
      config_lines: this.config_lines(node),
      hba_lines: hba_lines(['127.0.0.1/32'], LINK_ROLE),
    });
  }

  async start(node: number): Promise<void> {
    if (this.pid(node) !== null) return;
    const data = data_dir(this.dir, node);
    const socket = `.s.PGSQL.${node_port(this.record, node)}.lock`;
    remove_stale_locks(data, [join(this.dir, socket)]);
    write_config(data, this.config_lines(node), this.user);
    await start_server(this.place(node));
  }

  async stop(node: number, mode?: 'fast' | 'immediate'): Promise<void> {
    if (this.pid(node) === null) return;
    if (this.is_paused(node)) this.resume(node); // It could not obey.
    await stop_server(this.place(node), mode);
  }

  kill(node: number): Promise<number> {
    return kill_server(this.dir, node);
  }

  is_paused(node: number): boolean {
    return server_is_paused(this.dir, node);
  }

  pause(node: number): Promise<void> {
    return suspend_server(this.dir, node);
  }

  resume(node: number): void {
    continue_server(this.dir, node);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** As node `from` has them: its way to each node may be its own. */
  conn_strings(from: number): string {
    const of = (node: number) =>
      conn_string({
        dbname: this.record.db,
        host: '127.0.0.1',
        port: port_seen(this.record, from, node),
        user: LINK_ROLE,
        passfile: password_file(this.dir),
      });
    return join_conn_strings(founder_ids(this.record).map(of));
  }

  config_lines(node: number): string[] {
    const is_founder = founder_ids(this.record).includes(node);
    return node_config_lines({
      node_id: node,
      node_count: Math.max(this.record.nodes, node),
      conn_strings: is_founder ? this.conn_strings(node) : `@${nodes_file(this.dir, node)}`,
      port: node_port(this.record, node),
      listen_addresses: '127.0.0.1',
      socket_dir: this.dir.length > LONGEST_SOCKET_DIR ? null : this.dir,
      output_plugin_libraries: default_output_plugins(this.postgres),
      extra: this.record.settings,
    });
  }

  private place(node: number) {
    return { dir: this.dir, node, postgres: this.postgres, user: this.user };
  }

  private async make_dir(): Promise<void> {
    if (!has_record(this.dir) && existsSync(this.dir) && readdirSync(this.dir).length > 0) {
      throw new Failure(
        'bad_argument',
        `the folder ${this.dir} holds other files: choose an empty one with --dir`,
      );
    }
    try {
      mkdirSync(dirname(this.dir), { recursive: true });
      make_private_dir(this.dir, this.user);
      accessSync(this.dir, constants.W_OK);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new Failure('no_rights', `the folder ${this.dir} cannot be used (${code})`);
    }
    const probe = 'cd "$1" && test -w .';
    const result = await run_program('/bin/sh', ['-c', probe, 'sh', this.dir], {
      user: this.user,
      cwd: '/',
    });
    if (result.code === 0) return;
    throw new Failure(
      'no_rights',
      `the system user "${this.user.name}", who runs the servers, cannot use the ` +
        `folder ${this.dir}: choose another with --dir`,
    );
  }
}

export function make_private_dir(dir: string, user: ServerUser): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  hand_over(dir, user);
}
