// The comparison that every cluster test ends with must find what differs. Three
// plain servers, which nothing keeps equal, are the nodes.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { query_node } from '../../ts-src/cli/database_client.ts';
import { RunningLocalNodes } from '../cluster/local_nodes.ts';
import { same_everywhere } from '../cluster/same_everywhere.ts';
import { plain_cluster, type PlainCluster } from './plain_cluster.ts';

let plain: PlainCluster;
let nodes: RunningLocalNodes;

const on = (node: number, sql: string) =>
  query_node(plain.cluster.client_config(node), sql);

beforeAll(async () => {
  plain = await plain_cluster(3);
  nodes = RunningLocalNodes.open(plain.cluster.dir);
});
afterAll(() => plain?.destroy());

beforeEach(async () => {
  for (const node of nodes.ids) {
    await on(node, 'DROP TABLE IF EXISTS t');
    await on(node, 'CREATE TABLE t (id int, text text)');
    await on(node, "INSERT INTO t VALUES (1, 'one'), (2, NULL)");
  }
});

test('equal tables are the same, in whatever order their rows lie', async () => {
  await same_everywhere(nodes, ['t']);
  await on(3, 'CREATE TABLE moved AS SELECT * FROM t ORDER BY id DESC');
  await on(3, 'DROP TABLE t');
  await on(3, 'ALTER TABLE moved RENAME TO t');
  await same_everywhere(nodes, ['t']);
});

test('a row that is missing on one node is named', async () => {
  await on(2, 'DELETE FROM t WHERE id = 1');
  await expect(same_everywhere(nodes, ['t'])).rejects.toThrow(
    't: node 1 has 2 rows, node 2 has 1; only on the first: (1,one)',
  );
});

test('a row that differs on one node is named as both have it', async () => {
  await on(3, "UPDATE t SET text = 'uno' WHERE id = 1");
  await expect(same_everywhere(nodes, ['t'])).rejects.toThrow(
    /node 3 has 2; only on the first: \(1,one\); only on the second: \(1,uno\)/,
  );
});

test('a row that is there twice differs from one that is there once', async () => {
  await on(2, "INSERT INTO t VALUES (1, 'one')");
  await expect(same_everywhere(nodes, ['t'])).rejects.toThrow(
    'only on the second: (1,one)',
  );
});

test('NULL differs from an empty text', async () => {
  await on(2, "UPDATE t SET text = '' WHERE id = 2");
  await expect(same_everywhere(nodes, ['t'])).rejects.toThrow(/only on the first: \(2,\)/);
});

test('it waits for prepared transactions to end', async () => {
  await on(2, "BEGIN; INSERT INTO t VALUES (3, 'late'); PREPARE TRANSACTION 'late'");
  await on(1, "INSERT INTO t VALUES (3, 'late')");
  await on(3, "INSERT INTO t VALUES (3, 'late')");
  const comparison = same_everywhere(nodes, ['t']);
  await on(2, "COMMIT PREPARED 'late'");
  await comparison;
});

test('one that never ends is named, unless it was left on purpose', async () => {
  await on(2, "BEGIN; INSERT INTO t VALUES (4, 'stays'); PREPARE TRANSACTION 'stays'");
  await expect(same_everywhere(nodes, ['t'], { timeout_ms: 1 })).rejects.toThrow(
    /transactions stay prepared: .*node 2: stays/,
  );
  await same_everywhere(nodes, ['t'], { still_prepared: ['stays'] });
  await on(2, "ROLLBACK PREPARED 'stays'");
});
