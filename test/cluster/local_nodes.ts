// Cluster nodes as servers on this machine, started by the command line's code.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as join_path } from 'node:path';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import {
  LINK_ROLE,
  SUPERUSER,
  log_file,
  node_dir,
  node_port,
  password_file,
  write_record,
} from '../../ts-src/cli/cluster_record.ts';
import { conn_string } from '../../ts-src/cli/conn_string.ts';
import { connect } from '../../ts-src/cli/database_client.ts';
import { LocalCluster } from '../../ts-src/cli/local_cluster.ts';
import { join } from '../../ts-src/cli/join.ts';
import { cut, delay, heal, partition, type CutOptions } from '../../ts-src/cli/network.ts';
import { read_passwords } from '../../ts-src/cli/passwords.ts';
import { silent } from '../../ts-src/cli/progress.ts';
import { up } from '../../ts-src/cli/up.ts';
import { wait_online } from '../../ts-src/cli/wait_online.ts';
import type { ClientOptions, ClusterNodes, HealthyNodes, StartOptions } from './cluster_nodes.ts';
import { allocate_ports } from './port_range.ts';
import { watch_over } from './watchdog.ts';

/** Generous: a loaded machine is slow, and a cluster that hangs must still fail. */
export const ONLINE_TIMEOUT_MS = 120_000;

/** ALTER SYSTEM wins over these. */
const NO_CLUSTER = { 'multimaster.node_id': 0, 'multimaster.conn_strings': '' };

/** The nodes of a local cluster that runs already. */
export class RunningLocalNodes implements HealthyNodes {
  constructor(protected cluster: LocalCluster) {}

  static open(dir: string): RunningLocalNodes {
    return new RunningLocalNodes(LocalCluster.open(dir));
  }

  get dir(): string {
    return this.cluster.dir;
  }

  get count(): number {
    return this.cluster.nodes.length;
  }

  get ids(): number[] {
    return this.cluster.nodes;
  }

  client(node: number, options?: ClientOptions): Promise<pg.Client> {
    this.cluster.check_node(node);
    return connect(this.cluster.client_config(node, options));
  }

  conninfo(node: number): string {
    return conn_string({
      dbname: this.cluster.record.db,
      host: '127.0.0.1',
      port: node_port(this.cluster.record, node),
      user: SUPERUSER,
      password: read_passwords(this.cluster.dir).superuser,
    });
  }

  async logs(node: number): Promise<string> {
    return readFileSync(log_file(this.cluster.dir, node), 'utf8');
  }
}

export class LocalNodes extends RunningLocalNodes implements ClusterNodes {
  private constructor(
    cluster: LocalCluster,
    private readonly release: () => Promise<void>,
  ) {
    super(cluster);
  }

  static start(options: StartOptions = {}): Promise<LocalNodes> {
    return LocalNodes.make((dir, port) =>
      up(
        {
          dir,
          port,
          nodes: options.nodes ?? 3,
          ...(options.db === undefined ? {} : { db: options.db }),
          set: options.settings ?? {},
          proxy: options.proxy ?? false,
          referee: options.referee ?? false,
          timeout_ms: ONLINE_TIMEOUT_MS,
        },
        silent,
      ),
    );
  }

  /** Servers with the library that are nodes of no cluster yet, numbered all the same. */
  static start_apart(options: StartOptions = {}): Promise<LocalNodes> {
    return LocalNodes.make(async (dir, port) => {
      const settings = { ...NO_CLUSTER, ...options.settings };
      const db = options.db ?? 'app';
      const record = { format: 1, nodes: options.nodes ?? 3, port, db, settings } as const;
      const cluster = await LocalCluster.prepare(dir, record);
      for (const node of cluster.nodes) await cluster.create(node);
      await all_ended(cluster.nodes.map((node) => cluster.start(node)));
      return cluster;
    });
  }

  /** In a folder and at ports of their own. */
  private static async make(begin: (dir: string, port: number) => Promise<LocalCluster>): Promise<LocalNodes> {
    const ports = await allocate_ports();
    const dir = mkdtempSync(join_path(tmpdir(), 'multimaster-test-'));
    const watchdog = watch_over(dir);
    const release = async () => {
      watchdog.release();
      await ports.release();
    };
    try {
      return new LocalNodes(await begin(dir, ports.first), release);
    } catch (error) {
      await release(); // The watchdog stops what was started.
      throw error;
    }
  }

  /** Port of node 1; the others follow. */
  get port(): number {
    return this.cluster.record.port;
  }

  /** A node that joined by other ways than join(), with its data in this folder. */
  adopt(node: number, port: number): void {
    const { record, user } = this.cluster;
    const others = (record.added ?? []).filter((each) => each.node !== node);
    write_record(this.dir, { ...record, added: [...others, { node, port }] }, user);
    this.reopen();
  }

  /** As the links between the nodes connect. */
  link_conninfo(node: number): string {
    return conn_string({
      dbname: this.cluster.record.db,
      host: '127.0.0.1',
      port: node_port(this.cluster.record, node),
      user: LINK_ROLE,
      passfile: password_file(this.dir),
    });
  }

  /** A new node, copied from this one; its number when it is online. */
  async join(from: number, port?: number): Promise<number> {
    const options = { dir: this.dir, from: this.conninfo(from), timeout_ms: ONLINE_TIMEOUT_MS };
    this.cluster = await join({ ...options, ...(port === undefined ? {} : { port }) }, silent);
    return this.ids.at(-1)!;
  }

  /** One that was dropped: its server and its folder go. */
  async forget(node: number): Promise<void> {
    await this.cluster.stop(node, 'immediate');
    rmSync(node_dir(this.dir, node), { recursive: true, force: true });
    const { record, user } = this.cluster;
    const added = (record.added ?? []).filter((each) => each.node !== node);
    write_record(this.dir, { ...record, added }, user);
    this.reopen();
  }

  /** The folder's record may have changed by another process. */
  reopen(): void {
    this.cluster = LocalCluster.open(this.dir);
  }

  start(node: number): Promise<void> {
    return this.cluster.start(node);
  }

  stop(node: number, mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    return this.cluster.stop(node, mode);
  }

  async kill(node: number): Promise<void> {
    await this.cluster.kill(node);
  }

  pause(node: number): Promise<void> {
    return this.cluster.pause(node);
  }

  async resume(node: number): Promise<void> {
    this.cluster.resume(node);
  }

  cut(one: number, other: number, options?: CutOptions): Promise<void> {
    return cut(this.cluster, one, other, options);
  }

  partition(groups: number[][]): Promise<void> {
    return partition(this.cluster, groups);
  }

  delay(one: number, other: number, delay_ms: number): Promise<void> {
    return delay(this.cluster, one, other, delay_ms);
  }

  heal(): Promise<void> {
    return heal(this.cluster);
  }

  wait_online(): Promise<void> {
    return wait_online(this.cluster, ONLINE_TIMEOUT_MS);
  }

  async destroy(): Promise<void> {
    try {
      await all_ended(this.cluster.servers.map((one) => this.cluster.stop(one, 'immediate')));
      await this.cluster.stop_relay();
      this.cluster.remove();
    } finally {
      await this.release();
    }
  }
}
