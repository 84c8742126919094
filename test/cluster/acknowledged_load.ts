// A logged load of single rows and counters: what the clients were told is true on
// every node.
import { expect } from 'vitest';
import type { HealthyNodes } from './cluster_nodes.ts';
import { LoggedLoad } from './logged_load.ts';
import { node_query } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';

const ENTRIES = [
  'CREATE TABLE entries (id int, node int)', // No key: one that is applied twice shows.
  'CREATE TABLE counters (node int PRIMARY KEY, n int)',
];

/** Its tables, with a counter of each node from 1 to `counters`. */
export async function make_entries(nodes: HealthyNodes, counters = nodes.count): Promise<void> {
  const insert = `INSERT INTO counters SELECT n, 0 FROM generate_series(1, ${counters}) n`;
  await node_query(nodes, 1, [...ENTRIES, insert].join('; '));
}

export async function empty_entries(nodes: HealthyNodes): Promise<void> {
  await node_query(nodes, 1, 'TRUNCATE entries');
  await node_query(nodes, 1, 'UPDATE counters SET n = 0');
}

export class AcknowledgedLoad extends LoggedLoad {
  constructor(nodes: HealthyNodes, clients_per_node: number) {
    super(nodes, clients_per_node, (client, node, id) =>
      client.query(
        `INSERT INTO entries VALUES (${id}, ${node});
         UPDATE counters SET n = n + 1 WHERE node = ${node}`,
      ),
    );
  }

  /** What the clients were told is true, on each of the nodes; nothing stays prepared. */
  async check(nodes: HealthyNodes = this.nodes): Promise<void> {
    await same_everywhere(nodes, ['entries', 'counters']);
    const client = await nodes.client(nodes.ids[0]!);
    const { rows } = await client.query<{ id: number }>('SELECT id FROM entries');
    const counted = await client.query<{ n: string }>('SELECT sum(n) AS n FROM counters');
    await client.end();
    expect(this.complaints(rows.map((row) => row.id))).toEqual([]);
    expect(Number(counted.rows[0]?.n), 'updates').toBe(rows.length);
  }
}
