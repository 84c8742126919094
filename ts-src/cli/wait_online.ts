// Waits until every node is online and knows so of the others, and tells meanwhile what
// each of them waits for.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { ADMIN_APPLICATION, query_node, type ConnectOptions } from './database_client.ts';
import { Failure } from './failure.ts';
import type { LocalCluster } from './local_cluster.ts';

const POLL_INTERVAL_MS = 200;
const STATUS_TIMEOUT_MS = 5_000;

/** Not there yet: schema mtm, its function, the database. */
const EXTENSION_MISSING = new Set(['3F000', '42883', '42P01', '3D000']);

export interface NodeStatus {
  node: number;
  online: boolean;
  /** Its generation, once it has heard from all members that they are online in it. */
  whole_generation: string | null;
  text: string;
}

interface StatusRow {
  status: string;
  connected: number[] | null;
  gen_num: string;
  is_whole: boolean;
  /** Why it is not online. */
  reason: string | null;
}

const STATUS = `
  SELECT status, connected, reason, gen_num, gen_members <@ gen_members_online AS is_whole
  FROM mtm.status()`;

async function node_status(cluster: LocalCluster, node: number): Promise<NodeStatus> {
  if (cluster.pid(node) === null) return not_online(node, 'stopped');
  if (cluster.is_paused(node)) return not_online(node, 'paused');
  return asked_status(node, cluster.client_config(node, STATUS_OPTIONS));
}

export const STATUS_OPTIONS: ConnectOptions = {
  application_name: ADMIN_APPLICATION,
  connect_timeout_ms: STATUS_TIMEOUT_MS,
  statement_timeout_ms: STATUS_TIMEOUT_MS,
};

/** What a node that runs says, or why it does not. */
export async function asked_status(node: number, config: pg.ClientConfig): Promise<NodeStatus> {
  try {
    const [row] = await query_node<StatusRow>(config, STATUS);
    if (row === undefined) return not_online(node, 'has no status yet');
    const online = row.status === 'online';
    return { node, online, whole_generation: online && row.is_whole ? row.gen_num : null, text: in_words(row) };
  } catch (error) {
    return not_online(node, failure_in_words(error));
  }
}

function not_online(node: number, text: string): NodeStatus {
  return { node, online: false, whole_generation: null, text };
}

function in_words(row: StatusRow): string {
  if (row.status === 'online') {
    return `online in generation ${row.gen_num}${row.is_whole ? '' : ', waits to hear that all others are'}`;
  }
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

/** Null: all are online in one generation, and each has heard it from all others. */
export function what_they_wait_for(all: NodeStatus[]): string | null {
  const late = all.filter((status) => status.whole_generation === null);
  const is_one = new Set(all.map((status) => status.whole_generation)).size <= 1;
  if (late.length === 0 && is_one) return null;
  return (late.length > 0 ? late : all).map((status) => `node ${status.node} ${status.text}`).join('; ');
}

export async function wait_online(
  cluster: LocalCluster,
  timeout_ms: number,
  say: (text: string) => void = () => {},
): Promise<void> {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const all = await Promise.all(cluster.nodes.map((node) => node_status(cluster, node)));
    const text = what_they_wait_for(all);
    if (text === null) return;
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
