// The consistent point at which nodes are compared: commits wait for it a moment, and
// never longer, whatever becomes of the session that compares.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { only_these_are_online } from './node_query.ts';
import { failure, NodeSessions, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';
import { start_cluster } from './engine.ts';

/** Far below the time after which a hold ends by itself. */
const AT_ONCE_MS = 3_000;
const A_WHILE_MS = 400;

const settled = Symbol('settled');

async function waits(promise: Promise<unknown>): Promise<void> {
  const first = await Promise.race([
    promise.then(
      () => settled,
      () => settled,
    ),
    sleep(A_WHILE_MS),
  ]);
  expect(first, 'it did not wait').not.toBe(settled);
}

async function soon(promise: Promise<unknown>): Promise<void> {
  const started = Date.now();
  await promise;
  expect(Date.now() - started).toBeLessThan(AT_ONCE_MS);
}

/** Until a check looks what is under way: by then it holds commits. */
async function held(client: pg.Client): Promise<void> {
  for (let tries = 0; ; tries++) {
    const looking = await value(
      client,
      `SELECT count(*)::int FROM pg_stat_activity
       WHERE application_name LIKE 'multimaster check %' AND query ~ 'commits_under_way'`,
    );
    if (looking === 1) return;
    expect(tries, 'no check looks').toBeLessThan(300);
    await sleep(20);
  }
}

describe('a consistent point', () => {
  const nodes = shared_cluster();
  let sessions: NodeSessions;
  let holder: pg.Client;
  let writer: pg.Client;
  let next_id = 1;

  beforeAll(async () => {
    sessions = await NodeSessions.open(nodes, 'point');
    await sessions.on(1).query('CREATE TABLE rows (id int PRIMARY KEY, v text)');
    await sessions.on(1).query('CREATE ROLE check_stranger');
    holder = await sessions.another(1);
    writer = await sessions.another(1);
  });

  afterAll(async () => {
    await sessions.on(1).query('DROP ROLE check_stranger');
    await sessions.close();
  });

  afterEach(async () => {
    for (const node of nodes.ids) await sessions.on(node).query("SELECT mtm.inject_2pc_error('')");
    await sessions.settled();
    await same_everywhere(nodes, ['point.rows']);
  });

  const insert = (client: pg.Client) => client.query('INSERT INTO rows VALUES ($1)', [next_id++]);
  const hold = (ms: number) => holder.query('SELECT mtm.hold_commits($1)', [ms]);
  const release = () => holder.query('SELECT mtm.release_commits()');
  const pid_of = (client: pg.Client) => value(client, 'SELECT pg_backend_pid()');

  describe('while commits are held', () => {
    const WAYS: [string, (client: pg.Client) => Promise<void>, (client: pg.Client) => Promise<unknown>][] = [
      ['a statement alone', async () => {}, insert],
      [
        'COMMIT of a block',
        async (client) => {
          await client.query('BEGIN');
          await insert(client);
        },
        (client) => client.query('COMMIT'),
      ],
      ['COMMIT in DO', async () => {}, (client) =>
        client.query(`DO $$ BEGIN INSERT INTO point.rows VALUES (${next_id++}); COMMIT; END $$`)],
      [
        'PREPARE TRANSACTION',
        async (client) => {
          await client.query('BEGIN');
          await insert(client);
        },
        async (client) => {
          await client.query("PREPARE TRANSACTION 'held'");
          await client.query("ROLLBACK PREPARED 'held'");
        },
      ],
      [
        'COMMIT PREPARED',
        async (client) => {
          await client.query('BEGIN');
          await insert(client);
          await client.query("PREPARE TRANSACTION 'held too'");
        },
        (client) => client.query("COMMIT PREPARED 'held too'"),
      ],
      ['NOTIFY', async () => {}, (client) => client.query('NOTIFY held')],
    ];

    test.each(WAYS)('%s waits', async (_, before, commit) => {
      await before(writer);
      await hold(10_000);
      const ended = commit(writer);
      await waits(ended);
      await release();
      await soon(ended);
    });

    test('what only reads, and what is local, does not', async () => {
      await hold(10_000);
      await soon(writer.query('SELECT count(*) FROM rows'));
      await soon(writer.query('CREATE TEMP TABLE own AS SELECT 1'));
      await release();
    });

    test('a wait is cancelled, and nothing is committed', async () => {
      await hold(10_000);
      const pid = await pid_of(writer);
      const id = next_id;
      const ended = insert(writer).catch((error: pg.DatabaseError) => error.code);
      await waits(ended);
      await sessions.on(1).query('SELECT pg_cancel_backend($1)', [pid]);
      expect(await ended).toBe('57014');
      await release();
      await sessions.everywhere(`SELECT id FROM rows WHERE id = ${id}`, []);
    });

    test('the hold ends by its timeout', async () => {
      await hold(1_000);
      const ended = insert(writer);
      await waits(ended);
      await soon(ended);
    });

    test('the hold ends with its session', async () => {
      await hold(10_000);
      const ended = insert(writer);
      await waits(ended);
      await holder.end();
      await soon(ended);
      holder = await sessions.another(1);
    });

    test('the last of several holds counts', async () => {
      const other = await sessions.another(1);
      await hold(10_000);
      await other.query('SELECT mtm.hold_commits(10000)');
      await release();
      const ended = insert(writer);
      await waits(ended);
      await other.query('SELECT mtm.release_commits()');
      await soon(ended);
    });

    test('who may hold, and how long', async () => {
      expect((await failure(holder, 'SELECT mtm.hold_commits(10001)')).code).toBe('22023');
      expect((await failure(holder, 'SELECT mtm.hold_commits(0)')).code).toBe('22023');
      await holder.query('SET ROLE check_stranger');
      for (const call of [
        'mtm.hold_commits(1)',
        'mtm.release_commits()',
        'mtm.commits_under_way()',
        "mtm.serve('describe_tables', '{}')",
        "mtm.read_value('SELECT 1')",
        "mtm.check_table('point.rows')",
        'mtm.check_database()',
        "mtm.check_query('SELECT 1')",
        "mtm.copy_table('point.rows', 2)",
        "mtm.broadcast_table('point.rows', 7)",
      ]) {
        expect((await failure(holder, `SELECT ${call}`)).code, call).toBe('42501');
      }
      await holder.query('RESET ROLE');
    });
  });

  const CHECK = "SELECT * FROM mtm.check_table('point.rows')";
  const ended_with = (query: Promise<unknown>) =>
    query.then(
      () => 'no error',
      (error: pg.DatabaseError) => error.code ?? error.message,
    );

  /** A transaction of node 2 that is prepared and does not go on. */
  async function stuck(): Promise<{ ended: Promise<unknown> }> {
    await sessions.on(2).query("SELECT mtm.inject_2pc_error('prepared', 'wait')");
    const ended = insert(await sessions.another(2));
    await waits(ended);
    return { ended };
  }

  async function no_checks_left(): Promise<void> {
    for (const node of nodes.ids) {
      for (let tries = 0; ; tries++) {
        const left = await value(
          sessions.on(node),
          "SELECT count(*)::int FROM pg_stat_activity WHERE application_name LIKE 'multimaster check %'",
        );
        if (left === 0) break;
        expect(tries, `sessions of the check on node ${node}`).toBeLessThan(50);
        await sleep(100);
      }
    }
  }

  test('users\' own prepared transactions rest, when they are prepared everywhere', async () => {
    await writer.query('BEGIN');
    await insert(writer);
    await writer.query("PREPARE TRANSACTION 'long'");
    expect((await sessions.on(2).query(CHECK)).rows).toEqual([]);
    await writer.query("COMMIT PREPARED 'long'");
  });

  test('what is prepared on one node only does not rest, and commits go on', async () => {
    await sessions.only_on(2, 'BEGIN', 'INSERT INTO rows VALUES (-1)', "PREPARE TRANSACTION 'alone'");
    try {
      const error = await failure(sessions.on(1), CHECK);
      expect(error.code).toBe('40001');
      expect(error.detail).toBe('"alone" is prepared on node 2, not on nodes 1, 3.');
      await soon(insert(writer));
    } finally {
      await sessions.only_on(2, "ROLLBACK PREPARED 'alone'");
    }
  });

  /** A check on node 1 that waits for rest, with all nodes' commits held. */
  async function waiting_check() {
    const under_way = await stuck();
    const client = await sessions.another(1);
    client.on('error', () => {});
    const pid = await pid_of(client);
    const check = ended_with(client.query(CHECK));
    await held(sessions.on(3));
    const commit = insert(await sessions.another(3));
    await waits(commit);
    return { pid, check, commit, under_way };
  }

  test.each(['pg_cancel_backend', 'pg_terminate_backend'])(
    'a check that waits for rest is ended by %s: commits go on at once',
    async (end) => {
      const { pid, check, commit, under_way } = await waiting_check();
      await sessions.on(1).query(`SELECT ${end}($1)`, [pid]);
      await soon(commit);
      expect(['57014', '57P01']).toContain(await check);
      await no_checks_left();
      await sessions.on(2).query("SELECT mtm.inject_2pc_error('')");
      await under_way.ended;
    },
  );

  test('a check that finds no rest gives up, and says why', async () => {
    const { check, commit, under_way } = await waiting_check();
    await commit;
    expect(await check).toBe('40001');
    await no_checks_left();
    await sessions.on(2).query("SELECT mtm.inject_2pc_error('')");
    await under_way.ended;
  });

  test('a cancel ends what runs on the other nodes', async () => {
    const client = await sessions.another(1);
    const pid = await pid_of(client);
    const check = ended_with(client.query("SELECT mtm.check_query('SELECT pg_sleep(3600)')"));
    await sleep(1_500);
    await soon(insert(await sessions.another(2)));
    await sessions.on(1).query('SELECT pg_cancel_backend($1)', [pid]);
    expect(await check).toBe('57014');
    await no_checks_left();
  });

  test('no lock is left behind, however a check ended', async () => {
    for (const node of nodes.ids) {
      await sessions.on(node).query("SET lock_timeout = '5s'");
      await sessions.on(node).query('BEGIN');
      await sessions.on(node).query('LOCK TABLE rows IN ACCESS EXCLUSIVE MODE');
      await sessions.on(node).query('ROLLBACK');
    }
  });
});

describe('a check, when nodes are lost', () => {
  let nodes: ClusterNodes;
  const clients: pg.Client[] = [];

  beforeAll(async () => {
    nodes = await start_cluster();
    const client = await client_of(1);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY)');
  });

  afterAll(async () => {
    await all_ended(clients.map((client) => client.end().catch(() => {})));
    await nodes.destroy();
  });

  async function client_of(node: number): Promise<pg.Client> {
    const client = await nodes.client(node);
    client.on('error', () => {});
    clients.push(client);
    return client;
  }

  test('a node that is lost meanwhile is named; then the others are compared', async () => {
    const client = await client_of(1);
    const check = client
      .query("SELECT mtm.check_query('SELECT pg_sleep(3600)')")
      .catch((error: Error) => error.message);
    await sleep(1_500);
    await nodes.kill(3);
    expect(await check).toMatch(/^node 3 (was lost|left the cluster) meanwhile/);

    const warnings: string[] = [];
    client.on('notice', ({ message }) => warnings.push(message ?? ''));
    await only_these_are_online(nodes, [1, 2]);
    expect((await client.query("SELECT * FROM mtm.check_table('rows')")).rows).toEqual([]);
    expect(warnings).toEqual(['only nodes 1, 2 will be compared: node 3 is not online']);
    for (const copy of ["copy_table('rows', 3)", "broadcast_table('rows', 6)"]) {
      expect((await failure(client, `SELECT mtm.${copy}`)).code, copy).toBe('55000');
    }
    await nodes.start(3);
    await nodes.wait_online();
  });

  test('the node that compares is lost: holds on the others end', async () => {
    const stuck = await client_of(2);
    await stuck.query("SELECT mtm.inject_2pc_error('prepared', 'wait')");
    const under_way = stuck.query('INSERT INTO rows VALUES (1)').catch(() => {});
    await waits(under_way);
    const check = (await client_of(1)).query("SELECT * FROM mtm.check_table('rows')").catch(() => {});
    await held(await client_of(3));
    const commit = (await client_of(3)).query('INSERT INTO rows VALUES (2)');
    await waits(commit);
    await nodes.kill(1);
    await check;
    await (await client_of(2)).query("SELECT mtm.inject_2pc_error('')");
    await under_way;
    // Held no more; its generation may have ended meanwhile.
    await commit.catch((error: pg.DatabaseError) => expect(error.code).toMatch(/^(40001|57P03)$/));
    await nodes.start(1);
    await nodes.wait_online();
    expect((await (await client_of(2)).query("SELECT * FROM mtm.check_table('rows')")).rows).toEqual([]);
  });
});
