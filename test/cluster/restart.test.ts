// Servers that stop, crash, or lose a process under load: the cluster comes back by
// itself, and what clients were told stays true.
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { AcknowledgedLoad, empty_entries, make_entries } from './acknowledged_load.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { SchemaChanges } from './schema_load.ts';
import { same_schema_everywhere } from './schema_dump.ts';

const CLIENTS_PER_NODE = 2;
/** Transactions that the clients see committed before and after each disturbance. */
const SOME = 60;

/** By the name that pg_stat_activity shows. */
const PROCESSES = [
  'multimaster apply worker',
  'multimaster receiver',
  'multimaster lane',
  'walsender',
  'multimaster link sender',
  'multimaster flusher',
  'multimaster monitor',
  'client backend',
];

/** Transactions between two processes that are ended. */
const TERMINATE_EVERY = 10;

describe('restarts', () => {
  let nodes: ClusterNodes;
  let load: AcknowledgedLoad | null = null;

  beforeAll(async () => {
    nodes = await start_cluster();
    await make_entries(nodes);
  });

  beforeEach(async () => {
    await empty_entries(nodes);
  });

  afterEach(async () => {
    await load?.stop();
    load = null;
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  async function start_load(): Promise<AcknowledgedLoad> {
    load = new AcknowledgedLoad(nodes, CLIENTS_PER_NODE);
    await load.progress(SOME);
    return load;
  }

  /** The clients find their way back, then are stopped and asked. */
  async function came_back(clients: AcknowledgedLoad): Promise<void> {
    await nodes.wait_online();
    await clients.progress(SOME);
    await clients.stop();
    await clients.check();
    console.log(clients.summary());
  }

  test('all nodes are stopped and started', async () => {
    const clients = await start_load();
    await clients.stop();
    await all_ended(nodes.ids.map((node) => nodes.stop(node)));
    await all_ended(nodes.ids.map((node) => nodes.start(node)));
    await nodes.wait_online();
    await clients.check();
  });

  test('all nodes are stopped and started under load', async () => {
    const clients = await start_load();
    await all_ended(nodes.ids.map((node) => nodes.stop(node)));
    await all_ended(nodes.ids.map((node) => nodes.start(node)));
    await came_back(clients);
  });

  test('all nodes are killed at once under load', async () => {
    const clients = await start_load();
    await all_ended(nodes.ids.map((node) => nodes.kill(node)));
    await all_ended(nodes.ids.map((node) => nodes.start(node)));
    await came_back(clients);
  });

  test('one node after the other is killed under load', async () => {
    const clients = await start_load();
    for (const node of nodes.ids) {
      await nodes.kill(node);
      await nodes.start(node);
      await nodes.wait_online();
      await clients.progress(SOME);
    }
    await came_back(clients);
  });

  test.each(PROCESSES)('SIGKILL of one process under load: %s', async (process) => {
    const clients = await start_load();
    const node = 1 + (PROCESSES.indexOf(process) % nodes.count);
    const before = await started_at(node);
    await kill_process(node, process);
    while ((await started_at(node)) === before);
    await came_back(clients);
  });

  test('each process of each node is ended by SIGTERM, while the schema changes', async () => {
    const clients = await start_load();
    const changes = new SchemaChanges(nodes);
    for (const node of nodes.ids) {
      for (const process of PROCESSES) {
        const ended = await terminate(node, process);
        expect(ended, `${process} on node ${node}`).toBeGreaterThan(0);
        await clients.progress(TERMINATE_EVERY);
      }
    }
    await changes.stop();
    await came_back(clients);
    await same_schema_everywhere(nodes);
    expect(changes.done).toBeGreaterThan(0);
    expect(changes.wrong).toEqual([]);
  });

  /** The node may not be online. */
  async function bypassing(node: number): Promise<pg.Client> {
    const client = await nodes.client(node);
    await client.query('SET multimaster.bypass = on');
    return client;
  }

  async function terminate(node: number, backend_type: string): Promise<number> {
    for (;;) {
      const client = await bypassing(node);
      try {
        const { rowCount } = await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE backend_type = $1 AND pid <> pg_backend_pid()`,
          [backend_type],
        );
        if (rowCount) return rowCount;
      } finally {
        await client.end();
      }
    }
  }

  /** When the server was last started or started again by itself; null: not there. */
  async function started_at(node: number): Promise<string | null> {
    const client = await nodes.client(node).catch(() => null);
    if (client === null) return null;
    try {
      const { rows } = await client.query('SELECT stats_reset AS at FROM pg_stat_wal');
      return String(rows[0]?.at);
    } catch {
      return null;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async function kill_process(node: number, backend_type: string): Promise<void> {
    const client = await bypassing(node);
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE backend_type = $1 AND pid <> pg_backend_pid() ORDER BY backend_start DESC`,
      [backend_type],
    );
    expect(rows.length, `${backend_type} on node ${node}`).toBeGreaterThan(0);
    // By the server itself, wherever it runs; its session ends with it.
    await client.query(`COPY (SELECT) TO PROGRAM 'kill -KILL ${rows[0]?.pid}'`).catch(() => {});
    await client.end().catch(() => {});
  }
});
