// One statement on a node, over a connection of its own; and waiting for what it tells.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientOptions, HealthyNodes } from './cluster_nodes.ts';

const POLL_MS = 50;

export type Row = Record<string, unknown>;

export async function node_query<T = Row>(
  nodes: HealthyNodes,
  node: number,
  sql: string,
  options: ClientOptions = {},
): Promise<T[]> {
  const client = await nodes.client(node, options);
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

/** Until the first column of the query's first row is the value, on each of these nodes. */
export async function becomes(nodes: HealthyNodes, ids: number[], sql: string, wanted: unknown): Promise<void> {
  for (const node of ids) {
    for (;;) {
      const found = await node_query(nodes, node, sql).then(([row]) => Object.values(row ?? {})[0], String);
      if (JSON.stringify(found) === JSON.stringify(wanted)) break;
      await sleep(POLL_MS);
    }
  }
}

/** Until these are online in a generation of their own, and each has heard it from the others. */
export function only_these_are_online(nodes: HealthyNodes, ids: number[]): Promise<void> {
  const members = "SELECT gen_members FROM mtm.status() WHERE status = 'online' AND gen_members = gen_members_online";
  return becomes(nodes, ids, members, ids);
}
