// A healthy cluster: every node takes writes, and every node has all of them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import type { HealthyNodes } from './cluster_nodes.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

describe('a healthy cluster', () => {
  let nodes: HealthyNodes;
  let clients: pg.Client[];

  beforeAll(async () => {
    nodes = shared_cluster();
    clients = await Promise.all(nodes.ids.map((node) => nodes.client(node)));
    await client_of(1).query('CREATE SCHEMA basic');
    await client_of(1).query(
      'CREATE TABLE basic.greetings (node int PRIMARY KEY, text text NOT NULL)',
    );
  });

  afterAll(async () => {
    await same_everywhere(nodes, ['basic.greetings']);
    await client_of(1).query('DROP SCHEMA basic CASCADE');
    await Promise.all(clients.map((client) => client.end()));
  });

  function client_of(node: number): pg.Client {
    const client = clients[node - 1];
    if (client === undefined) throw new Error(`no client of node ${node}`);
    return client;
  }

  test('every node says that it is online, with all nodes as members', async () => {
    for (const node of nodes.ids) {
      const { rows } = await client_of(node).query(
        'SELECT my_node_id, status, gen_members FROM mtm.status()',
      );
      expect(rows).toEqual([
        { my_node_id: node, status: 'online', gen_members: nodes.ids },
      ]);
    }
  });

  test('a row that is committed on any node is on every node', async () => {
    for (const node of nodes.ids) {
      await client_of(node).query('INSERT INTO basic.greetings VALUES ($1, $2)', [
        node,
        `hello from node ${node}`,
      ]);
    }
    await same_everywhere(nodes, ['basic.greetings']);
    const { rows } = await client_of(nodes.count).query<{ node: number }>(
      'SELECT node FROM basic.greetings ORDER BY node',
    );
    expect(rows.map((row) => row.node)).toEqual(nodes.ids);
  });

  test('a row that is changed on another node than it was written on', async () => {
    const [writer, changer] = [client_of(1), client_of(nodes.count)];
    await writer.query("INSERT INTO basic.greetings VALUES (100, 'first')");
    await same_everywhere(nodes, ['basic.greetings']);
    const changed = await changer.query(
      "UPDATE basic.greetings SET text = 'second' WHERE node = 100",
    );
    expect(changed.rowCount).toBe(1);
    await same_everywhere(nodes, ['basic.greetings']);
    const removed = await writer.query(
      "DELETE FROM basic.greetings WHERE node = 100 AND text = 'second'",
    );
    expect(removed.rowCount).toBe(1);
  });

  test('a rolled back row is nowhere', async () => {
    await client_of(1).query('BEGIN');
    await client_of(1).query("INSERT INTO basic.greetings VALUES (200, 'no')");
    await client_of(1).query('ROLLBACK');
    await same_everywhere(nodes, ['basic.greetings']);
    const { rows } = await client_of(2).query('SELECT FROM basic.greetings WHERE node = 200');
    expect(rows).toEqual([]);
  });
});
