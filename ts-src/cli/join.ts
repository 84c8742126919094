// `multimaster join`: a new node, from nothing to online, while the others work. Each step
// looks first whether it is done, so that an interrupted run is simply started again.
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  LINK_ROLE,
  SUPERUSER,
  data_dir,
  node_dir,
  node_ids,
  node_port,
  nodes_file,
  password_file,
  read_record,
  write_record,
  type AddedNode,
  type ClusterRecord,
} from './cluster_record.ts';
import { conn_string, parse_conn_string } from './conn_string.ts';
import { Failure } from './failure.ts';
import { JoinSource, type SourceFacts } from './join_source.ts';
import { LocalCluster, make_private_dir } from './local_cluster.ts';
import { check_extensions, find_postgres } from './postgres_install.ts';
import { check_ports } from './ports.ts';
import { keep_passwords } from './passwords.ts';
import { relay_routes } from './relay_routes.ts';
import { take_base_backup } from './base_backup.ts';
import { wait_node_online } from './wait_online.ts';
import { write_file } from './create_node.ts';
import type { Progress } from './progress.ts';

export interface JoinOptions {
  dir: string;
  /** libpq's connection string of a superuser of an online node. */
  from?: string;
  port?: number;
  /** Where the others reach the new node. */
  host?: string;
  timeout_ms?: number;
}

const LOOPBACK = '127.0.0.1';
const LOOK_MS = 200;
/** The copy of a run that was not told: any is later. */
const NOWHERE = '0/0';
/** Reading what it missed takes as long as it takes; this is without any progress. */
const ONLINE_TIMEOUT_MS = 600_000;

export async function join(options: JoinOptions, progress: Progress): Promise<LocalCluster> {
  const timeout_ms = options.timeout_ms ?? ONLINE_TIMEOUT_MS;
  const postgres = find_postgres();
  check_extensions(postgres);
  const from = options.from ?? own_conninfo(options);
  const source = new JoinSource(postgres, from);
  const facts = await source.facts();
  const cluster = await prepared_folder(options, facts, from);
  const joining = cluster.record.joining ?? (await add(cluster, options, source, facts, progress));
  const { node } = joining;
  if (!(await source.is_listed(node))) await give_up(cluster, node);
  const running = LocalCluster.open(cluster.dir);
  if (!running.is_created(node)) await make(running, node, source, facts, progress, timeout_ms);
  if (running.pid(node) === null) {
    await progress.step(`start node ${node}`, () => running.start(node));
  }
  await progress.step(`tell node ${node} that it is a copy of node ${facts.node}`, () =>
    tell(running, node, source),
  );
  await progress.step(`wait until node ${node} is online`, (say) =>
    wait_node_online(running, node, timeout_ms, say),
  );
  return finished(running, joining);
}

async function tell(cluster: LocalCluster, node: number, source: JoinSource): Promise<void> {
  const backup_end = read_record(cluster.dir).joining?.backup_end ?? NOWHERE;
  const joined = await source.join_node(node, backup_end);
  if (joined.why_not === null) return;
  if (joined.is_no_copy) {
    await cluster.stop(node, 'immediate');
    rmSync(data_dir(cluster.dir, node), { recursive: true, force: true });
  }
  throw new Failure('start_failed', `${joined.why_not}; then run "multimaster join" again`);
}

/** Any node of the folder's own cluster that runs. */
function own_conninfo({ dir }: JoinOptions): string {
  if (!LocalCluster.exists(dir)) {
    throw new Failure('bad_argument', '--from is missing: the connection string of an online node');
  }
  const cluster = LocalCluster.open(dir);
  const running = cluster.nodes.find((node) => cluster.pid(node) !== null);
  if (running === undefined) {
    throw new Failure('not_online', `no node in ${cluster.dir} runs: give one with --from`);
  }
  return conn_string({
    host: LOOPBACK,
    port: node_port(cluster.record, running),
    dbname: cluster.record.db,
    user: SUPERUSER,
    passfile: password_file(cluster.dir),
  });
}

async function prepared_folder(
  { dir, port }: JoinOptions,
  facts: SourceFacts,
  from: string,
): Promise<LocalCluster> {
  if (LocalCluster.exists(dir)) return LocalCluster.open(dir);
  if (port === undefined) throw new Failure('bad_argument', '--port is missing');
  const { settings, db } = facts;
  const record: ClusterRecord = { format: 1, nodes: 0, port, db, settings };
  return LocalCluster.prepare(dir, record, (path, user) => keep_passwords(path, from, user));
}

/** Into the list of nodes, and into the folder's record: the number is given only once. */
async function add(
  cluster: LocalCluster,
  options: JoinOptions,
  source: JoinSource,
  facts: SourceFacts,
  progress: Progress,
): Promise<AddedNode> {
  const { record } = cluster;
  const taken = [
    ...node_ids(record).map((node) => node_port(record, node)),
    ...relay_routes(record).map((route) => route.port),
  ];
  const next = Math.max(...taken) + 1;
  const port = options.port ?? next;
  await check_ports([port], ': choose another with --port');
  const conninfo = conninfo_for_others(cluster, facts, options.host ?? LOOPBACK, port);
  const node = await progress.step('put the new node into the list of nodes', () =>
    source.add_node(conninfo),
  );
  const joining = { node, port };
  write_record(cluster.dir, { ...record, joining }, cluster.user);
  return joining;
}

/** As they reach the source, but for the address. */
function conninfo_for_others(
  cluster: LocalCluster,
  facts: SourceFacts,
  host: string,
  port: number,
): string {
  const { hostaddr: _, ...like } = parse_conn_string(source_conninfo(cluster, facts));
  return conn_string({ ...like, dbname: facts.db, host, port });
}

function source_conninfo(cluster: LocalCluster, facts: SourceFacts): string {
  const found = facts.own_conn_string ?? facts.conn_strings[facts.node - 1];
  if (found !== undefined) return found;
  return conn_string({
    host: LOOPBACK,
    port: node_port(cluster.record, facts.node),
    dbname: facts.db,
    user: LINK_ROLE,
    passfile: password_file(cluster.dir),
  });
}

async function make(
  cluster: LocalCluster,
  node: number,
  source: JoinSource,
  facts: SourceFacts,
  progress: Progress,
  timeout_ms: number,
): Promise<void> {
  const split_from = await source.split_from(node);
  if (split_from !== null && split_from !== facts.node) {
    throw new Failure(
      'start_failed',
      `node ${node} must begin as a copy of node ${split_from}, which shares its sequence values with it: ` +
        `give that one with --from, or drop node ${node} and run "multimaster join" again`,
    );
  }
  await progress.step(`wait until node ${facts.node} keeps its WAL for node ${node}`, async () => {
    const deadline = Date.now() + timeout_ms;
    while (!(await source.has_slot(node))) {
      await sleep(LOOK_MS);
      if (Date.now() > deadline) {
        throw new Failure('start_failed', `node ${facts.node} has made no slot for node ${node}: its log says why`);
      }
      if (!(await source.is_listed(node))) await give_up(cluster, node);
    }
  });
  make_private_dir(node_dir(cluster.dir, node), cluster.user);
  write_file(nodes_file(cluster.dir, node), facts.conn_strings, cluster.user);
  await progress.step(`copy node ${facts.node} for node ${node}`, (say) =>
    take_base_backup(
      {
        node,
        source_conninfo: source_conninfo(cluster, facts),
        data_dir: data_dir(cluster.dir, node),
        config_lines: cluster.config_lines(node),
        postgres: cluster.postgres,
        user: cluster.user,
      },
      say,
      (backup_end) => remember(cluster, backup_end),
    ),
  );
}

function remember({ dir, user }: LocalCluster, backup_end: string): void {
  const record = read_record(dir);
  if (record.joining === undefined) return;
  write_record(dir, { ...record, joining: { ...record.joining, backup_end } }, user);
}

/** Somebody dropped it meanwhile: the next run begins with another number. */
async function give_up(cluster: LocalCluster, node: number): Promise<never> {
  const { joining: _, ...record } = cluster.record;
  const is_created = existsSync(data_dir(cluster.dir, node));
  if (!is_created) write_record(cluster.dir, record, cluster.user);
  throw new Failure(
    'start_failed',
    `node ${node} was dropped from the cluster before it was online: ` +
      (is_created ? `remove ${node_dir(cluster.dir, node)}, then` : 'to add another one,') +
      ' run "multimaster join" again',
  );
}

function finished(cluster: LocalCluster, { node, port }: AddedNode): LocalCluster {
  const { joining: _, ...record } = read_record(cluster.dir);
  const added = [...(record.added ?? []), { node, port }];
  write_record(cluster.dir, { ...record, added }, cluster.user);
  return LocalCluster.open(cluster.dir);
}
