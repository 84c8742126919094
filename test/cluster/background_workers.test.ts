// What background workers of other extensions commit is on every node, too.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { build_background_commit, type BuiltLibrary } from './background_commit/build.ts';
import { NodeSessions, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Only node 2 has this row: whoever inserts it is refused. */
const TAKEN = 1000;

describe('a background worker of another extension', () => {
  let sessions: NodeSessions;
  let client: pg.Client;
  let library: BuiltLibrary;
  let reachable: boolean;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'workers');
    client = sessions.on(1);
    library = await build_background_commit();
    const file = await value(client, 'SELECT pg_stat_file($1, true)', [library.path]);
    reachable = file !== null; // not by servers in containers
    await client.query('CREATE TABLE rows (id int PRIMARY KEY)');
    if (!reachable) return;
    await client.query(`CREATE FUNCTION background_commit(library text, sql text) RETURNS void
      LANGUAGE c STRICT AS '${library.path}', 'background_commit'`);
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['workers.rows']);
    await sessions.close();
    library.remove();
  });

  const run = (sql: string) =>
    client.query('SELECT background_commit($1, $2)', [library.path, sql]);

  const insert = (...ids: number[]) =>
    `INSERT INTO workers.rows VALUES ${ids.map((id) => `(${id})`).join(', ')}`;

  test('commits on every node', async ({ skip }) => {
    if (!reachable) skip();
    await run(insert(1, 2));
    await sessions.everywhere('SELECT id FROM rows ORDER BY id', [[1], [2]]);
  });

  test('with NOTIFY and a schema change', async ({ skip }) => {
    if (!reachable) skip();
    await run('CREATE TABLE workers.made (id int PRIMARY KEY); NOTIFY one; ' + insert(3));
    await sessions.everywhere('SELECT id FROM rows WHERE id = 3', [[3]]);
    await sessions.everywhere('SELECT count(*)::int FROM made', [[0]]);
  });

  test('is refused by a peer: nothing is left', async ({ skip }) => {
    if (!reachable) skip();
    await sessions.only_on(2, insert(TAKEN));
    const aborted = 'SELECT aborts::int FROM mtm.shell_counters()';
    const before = Number(await value(client, aborted));
    await run(insert(4, TAKEN));
    expect(await value(client, aborted)).toBe(before + 1);
    await sessions.only_on(2, `DELETE FROM workers.rows WHERE id = ${TAKEN}`);
    await sessions.everywhere('SELECT id FROM rows WHERE id = 4', []);
    await run(insert(5));
    await sessions.everywhere('SELECT id FROM rows WHERE id = 5', [[5]]);
  });
});
