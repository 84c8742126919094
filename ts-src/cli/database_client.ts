// Connects to a database of a node, over 127.0.0.1 with the cluster's passwords.
import type { Socket } from 'node:net';
import pg from 'pg';
import { LINK_ROLE, SUPERUSER, node_port, type ClusterRecord } from './cluster_record.ts';
import { read_passwords } from './passwords.ts';

export interface ConnectOptions {
  database?: string;
  user?: string;
  password?: string;
  application_name?: string;
  /** libpq's options: '-c name=value ...' */
  options?: string;
  connect_timeout_ms?: number;
  /** Also where the server stands still: the client waits little longer. */
  statement_timeout_ms?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_MARGIN_MS = 1_000;
const GOODBYE_TIMEOUT_MS = 1_000;

/** What pg_stat_activity shows of the command line. */
export const ADMIN_APPLICATION = 'mtm_admin';
/** Lets a session in on a node that is not online. */
export const BYPASS = '-c multimaster.bypass=on';

export function node_client_config(
  dir: string,
  record: ClusterRecord,
  node: number,
  options: ConnectOptions = {},
): pg.ClientConfig {
  const user = options.user ?? SUPERUSER;
  return {
    host: '127.0.0.1',
    port: node_port(record, node),
    database: options.database ?? record.db,
    user,
    password: options.password ?? password_of(dir, user),
    connectionTimeoutMillis: options.connect_timeout_ms ?? CONNECT_TIMEOUT_MS,
    ...(options.application_name === undefined
      ? {}
      : { application_name: options.application_name }),
    ...(options.options === undefined ? {} : { options: options.options }),
    ...(options.statement_timeout_ms === undefined
      ? {}
      : {
          statement_timeout: options.statement_timeout_ms,
          query_timeout: options.statement_timeout_ms + ANSWER_MARGIN_MS,
        }),
  };
}

function password_of(dir: string, user: string): string {
  const passwords = read_passwords(dir);
  if (user === SUPERUSER) return passwords.superuser;
  return user === LINK_ROLE ? passwords.link_role : '';
}

/** A client that does not end the process when its server goes away. */
export async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on('error', () => {});
  await client.connect();
  return client;
}

export async function query_node<Row extends pg.QueryResultRow>(
  config: pg.ClientConfig,
  sql: string,
): Promise<Row[]> {
  const client = await connect(config);
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await disconnect(client);
  }
}

/** Also from a server that does not answer any more. */
export async function disconnect(client: pg.Client): Promise<void> {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const timer = setTimeout(() => stream.destroy(), GOODBYE_TIMEOUT_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}
