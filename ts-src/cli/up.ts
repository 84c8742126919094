// `multimaster up`: makes the cluster where there is none, starts what does not
// run, and returns when every node is online.
import { LocalCluster } from './local_cluster.ts';
import { ADMIN_APPLICATION, BYPASS, query_node } from './database_client.ts';
import { Failure } from './failure.ts';
import { check_extensions, find_postgres } from './postgres_install.ts';
import { node_port, read_record, server_ids, type ClusterRecord } from './cluster_record.ts';
import type { Settings } from './node_config.ts';
import { check_ports } from './ports.ts';
import type { Progress } from './progress.ts';
import { ensure_referee } from './referee.ts';
import { referee_port, relay_routes } from './relay_routes.ts';
import { all_ended } from './all_ended.ts';
import { wait_online } from './wait_online.ts';

export interface UpOptions {
  dir: string;
  nodes?: number;
  port?: number;
  db?: string;
  set?: Settings;
  proxy?: boolean;
  referee?: boolean;
  timeout_ms?: number;
}

const DEFAULTS = { nodes: 3, port: 5501, db: 'app' };
const ONLINE_TIMEOUT_MS = 120_000;
const HIGHEST_PORT = 65535;

export async function up(options: UpOptions, progress: Progress): Promise<LocalCluster> {
  check_extensions(find_postgres());
  const record = wanted_record(options);
  // Before anything is written: the next try may ask for another port.
  if (!LocalCluster.exists(options.dir)) await check_new_ports(record);
  const cluster = await LocalCluster.prepare(options.dir, record);
  await cluster.check_ports();
  const missing = cluster.nodes.filter((node) => !cluster.is_created(node));
  await each(missing, `create nodes in ${cluster.dir}`, progress, (node) =>
    cluster.create(node),
  );
  await ensure_relay(cluster, progress);
  await ensure_referee(cluster, progress);
  const stopped = cluster.nodes.filter((node) => cluster.pid(node) === null);
  await each(stopped, 'start nodes', progress, (node) => cluster.start(node));
  await create_extension(cluster, progress);
  await progress.step('wait until every node is online', (say) =>
    wait_online(cluster, options.timeout_ms ?? ONLINE_TIMEOUT_MS, say),
  );
  return cluster;
}

/** The record of the folder; what the command line asks for must agree with it. */
function wanted_record(options: UpOptions): ClusterRecord {
  if (!LocalCluster.exists(options.dir)) {
    const record: ClusterRecord = {
      format: 1,
      nodes: options.nodes ?? DEFAULTS.nodes,
      port: options.port ?? DEFAULTS.port,
      db: options.db ?? DEFAULTS.db,
      settings: options.set ?? {},
      ...(options.proxy ? { proxy: true } : {}),
    };
    const referee = options.referee ? { referee: referee_port(record) } : {};
    return checked(options.dir, { ...record, ...referee });
  }
  const record = read_record(options.dir);
  for (const name of ['nodes', 'port', 'db'] as const) {
    const asked = options[name];
    if (asked === undefined || asked === record[name]) continue;
    throw new Failure(
      'bad_argument',
      `the cluster in ${options.dir} was made with ${name} ${record[name]}, not ` +
        `${asked}: leave --${name} out, or choose another --dir`,
    );
  }
  if (options.referee && record.referee === undefined) {
    throw new Failure(
      'bad_argument',
      `the cluster in ${options.dir} was made without --referee: leave it out, or choose ` +
        'another --dir',
    );
  }
  if (options.proxy && !record.proxy) {
    throw new Failure(
      'bad_argument',
      `the cluster in ${options.dir} was made without --proxy: leave it out, or choose ` +
        'another --dir',
    );
  }
  return { ...record, settings: { ...record.settings, ...options.set } };
}

function checked(dir: string, record: ClusterRecord): ClusterRecord {
  if (record.referee !== undefined && record.nodes !== 2) {
    throw new Failure('bad_argument', 'a referee is for two nodes: add --nodes 2, or leave --referee out');
  }
  if (Math.max(...all_ports(record)) <= HIGHEST_PORT) return record;
  throw new Failure(
    'bad_argument',
    `${record.nodes} nodes${record.proxy ? ' and their relays' : ''} from port ${record.port} on would go past ${HIGHEST_PORT} ` +
      `(cluster in ${dir}): choose a lower --port`,
  );
}

function all_ports(record: ClusterRecord): number[] {
  return [
    ...server_ids(record).map((node) => node_port(record, node)),
    ...relay_routes(record).map((route) => route.port),
  ];
}

function check_new_ports(record: ClusterRecord): Promise<void> {
  return check_ports(all_ports(record), ': choose another first port with --port');
}

async function each(
  nodes: number[],
  text: string,
  progress: Progress,
  work: (node: number) => Promise<void>,
): Promise<void> {
  if (nodes.length === 0) return;
  await progress.step(`${text}: ${nodes.join(', ')}`, () => all_ended(nodes.map(work)));
}

export async function ensure_relay(cluster: LocalCluster, progress: Progress): Promise<void> {
  if (!cluster.relay_is_missing()) return;
  await progress.step('start the relay between the nodes', () => cluster.start_relay());
}

/** On one node; the others follow by themselves. */
async function create_extension(
  cluster: LocalCluster,
  progress: Progress,
): Promise<void> {
  const [first] = cluster.nodes;
  if (first === undefined) return;
  const found = await query_node(
    cluster.client_config(first, { application_name: ADMIN_APPLICATION, options: BYPASS }),
    "SELECT FROM pg_extension WHERE extname = 'multimaster'",
  );
  if (found.length > 0) return;
  const sql = 'CREATE EXTENSION multimaster CASCADE';
  await progress.step('create the extension', () =>
    query_node(cluster.client_config(first), sql),
  );
}
