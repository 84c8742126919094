// Waits until every node says that it is online, and tells meanwhile what each of
// the others waits for.
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_APPLICATION, query_node } from './database_client.ts';
import { Failure } from './failure.ts';
import type { LocalCluster } from './local_cluster.ts';

const POLL_INTERVAL_MS = 200;
const STATUS_TIMEOUT_MS = 5_000;

/** Not there yet: schema mtm, its function, the database. */
const EXTENSION_MISSING = new Set(['3F000', '42883', '42P01', '3D000']);

export interface NodeStatus {
  node: number;
  online: boolean;
  text: string;
}

interface StatusRow {
  status: string;
  connected: number[] | null;
  /** Why it is not online. */
  reason: string | null;
}

export async function node_status(
  cluster: LocalCluster,
  node: number,
): Promise<NodeStatus> {
  if (cluster.pid(node) === null) return { node, online: false, text: 'stopped' };
  if (cluster.is_paused(node)) return { node, online: false, text: 'paused' };
  try {
    const config = cluster.client_config(node, {
      application_name: ADMIN_APPLICATION,
      connect_timeout_ms: STATUS_TIMEOUT_MS,
      statement_timeout_ms: STATUS_TIMEOUT_MS,
    });
    const sql = 'SELECT status, connected, reason FROM mtm.status()';
    const [row] = await query_node<StatusRow>(config, sql);
    if (row === undefined) return { node, online: false, text: 'has no status yet' };
    return { node, online: row.status === 'online', text: in_words(row) };
  } catch (error) {
    return { node, online: false, text: failure_in_words(error) };
  }
}

function in_words(row: StatusRow): string {
  if (row.status === 'online') return 'online';
  if (row.reason) return `${row.status}: ${row.reason}`;
  const peers = row.connected?.length ? row.connected.join(', ') : 'no node';
  return `${row.status}, connected to ${peers}`;
}

function failure_in_words(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  if (code !== undefined && EXTENSION_MISSING.has(code)) {
    return 'waits for the extension';
  }
  return message;
}

/** Of one node, with what it says that it waits for. */
export async function wait_node_online(
  cluster: LocalCluster,
  node: number,
  timeout_ms: number,
  say: (text: string) => void,
): Promise<void> {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const { online, text } = await node_status(cluster, node);
    if (online) return;
    if (text === 'stopped') {
      throw new Failure('not_online', `node ${node} has stopped (see "multimaster logs ${node}")`);
    }
    if (Date.now() > deadline) {
      const seconds = Math.round(timeout_ms / 1000);
      throw new Failure('not_online', `node ${node} is not online after ${seconds} s: ${text}`);
    }
    say(text);
    await sleep(POLL_INTERVAL_MS);
  }
}

export async function wait_online(
  cluster: LocalCluster,
  timeout_ms: number,
  say: (text: string) => void = () => {},
): Promise<void> {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const all = await Promise.all(cluster.nodes.map((node) => node_status(cluster, node)));
    const waiting = all.filter((status) => !status.online);
    if (waiting.length === 0) return;
    const text = waiting.map((status) => `node ${status.node} ${status.text}`).join('; ');
    if (Date.now() > deadline) {
      throw new Failure(
        'not_online',
        `not all nodes are online after ${Math.round(timeout_ms / 1000)} s: ${text} ` +
          '(see "multimaster logs N")',
      );
    }
    say(text);
    await sleep(POLL_INTERVAL_MS);
  }
}
