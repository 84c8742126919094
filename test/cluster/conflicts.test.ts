// Transactions of several nodes that want the same rows. Nothing here may wait for
// deadlock_timeout, which is longer than the tests are given; each conflict ends by the
// rule of PROTOCOL.md, "Conflicts between nodes".
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { paused_pipeline, portal } from './pipeline.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const LIMIT = { timeout: 60_000 };
const TABLES = ['rows', 'doors', 'texts'].map((name) => `conflicts.${name}`);
const ROUNDS = 15;

/** What a client is told whose transaction gave way to one of the node. */
function conflict_with(node: number, key = 'id)=(1') {
  return {
    code: '40001',
    message: `could not serialize access due to a concurrent transaction on node ${node}`,
    detail: expect.stringContaining(
      `A transaction of node ${node} waits for the row with key (${key}) of relation "conflicts.`,
    ) as string,
    hint: 'Retry the transaction.',
  };
}

type Ended = pg.DatabaseError | null;

function ended(query: Promise<unknown>): Promise<Ended> {
  return query.then(
    () => null,
    (error: pg.DatabaseError) => error,
  );
}

describe('conflicts between nodes', () => {
  let sessions: NodeSessions;
  let one: pg.Client;
  let two: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'conflicts');
    const first = sessions.on(1);
    await first.query('CREATE TABLE rows (id int PRIMARY KEY, n int NOT NULL)');
    await first.query('CREATE TABLE doors (id int PRIMARY KEY, n int NOT NULL)');
    await first.query('CREATE TABLE texts (name text, part int, n int, PRIMARY KEY (name, part))');
    await first.query('INSERT INTO doors SELECT id, 0 FROM generate_series(1, 3) AS id');
    await deadlock_timeout([1, 2, 3], "SET deadlock_timeout = '1h'");
  });

  afterAll(async () => {
    await deadlock_timeout([1, 2, 3], 'RESET deadlock_timeout');
    await same_everywhere(sessions.nodes, TABLES);
    await sessions.close();
  });

  beforeEach(async () => {
    await sessions.on(1).query('DELETE FROM rows');
    await sessions.on(1).query('INSERT INTO rows SELECT id, 0 FROM generate_series(1, 3) AS id');
    await sessions.settled();
    one = await sessions.another(1);
    two = await sessions.another(2);
  });

  async function deadlock_timeout(nodes: number[], change: string): Promise<void> {
    for (const node of nodes) {
      await sessions.on(node).query(`ALTER SYSTEM ${change}`);
      await sessions.on(node).query('SELECT pg_reload_conf()');
    }
  }

  const write = (id: number, n: number) => `UPDATE rows SET n = n + ${n} WHERE id = ${id}`;

  async function numbers(...expected: number[]): Promise<void> {
    await sessions.everywhere(
      'SELECT n FROM rows ORDER BY id',
      expected.map((n) => [n]),
    );
  }

  /** Until a session of the node does what the condition on pg_stat_activity says. */
  async function seen(node: number, condition: string): Promise<void> {
    const query = `SELECT count(*)::int FROM pg_stat_activity WHERE ${condition}`;
    await expect.poll(() => value(sessions.on(node), query), LIMIT).toBe(1);
  }

  /** Until a worker of the node has waited for much longer than it takes to look. */
  async function looked_at(node: number): Promise<void> {
    const query = `SELECT count(*)::int FROM pg_locks
      WHERE NOT granted AND waitstart < clock_timestamp() - interval '500 ms'`;
    await expect.poll(() => value(sessions.on(node), query), LIMIT).toBeGreaterThan(0);
  }

  describe('a writer of node 2 that is not prepared gives way to a commit of node 1', () => {
    test('in the middle of a statement', async () => {
      await two.query(`BEGIN; ${write(1, 1)}`);
      const error = failure(two, 'SELECT pg_sleep(3600)');
      await one.query(write(1, 10));
      expect(await error).toMatchObject(conflict_with(1));
      await two.query('ROLLBACK');
      await two.query(write(1, 100));
      await numbers(110, 0, 0);
    });

    test('in a statement alone', async () => {
      const error = failure(two, `${write(1, 1)} RETURNING pg_sleep(3600)`);
      await seen(2, "wait_event = 'PgSleep'");
      await one.query(write(1, 10));
      expect(await error).toMatchObject(conflict_with(1));
      await numbers(10, 0, 0);
    });

    test('while it waits for a row of its own node', async () => {
      const holder = await sessions.another(2);
      await holder.query('BEGIN; SELECT FROM rows WHERE id = 2 FOR UPDATE');
      await two.query(`BEGIN; ${write(1, 1)}`);
      const error = failure(two, write(2, 1));
      await seen(2, "wait_event_type = 'Lock' AND backend_type = 'client backend'");
      await one.query(write(1, 10));
      expect(await error).toMatchObject(conflict_with(1));
      await all_ended([two.query('ROLLBACK'), holder.query('ROLLBACK')]);
      await numbers(10, 0, 0);
    });

    test.each(['SELECT 1', 'COMMIT', 'ROLLBACK TO SAVEPOINT a', "PREPARE TRANSACTION 'c'"])(
      'idle in a transaction with a savepoint, and then: %s',
      async (next) => {
        await two.query(`BEGIN; ${write(1, 1)}`);
        await two.query(`SAVEPOINT a`);
        await two.query(write(2, 1));
        await one.query(write(1, 10));
        // The rows are free before the client says anything.
        await numbers(10, 0, 0);
        expect(await failure(two, next)).toMatchObject(conflict_with(1));
        await two.query('ROLLBACK');
        await two.query(`BEGIN; ${write(1, 100)}; COMMIT`);
        await numbers(110, 0, 0);
      },
    );

    test('idle in a transaction, and then more rows of a portal after a savepoint', async () => {
      await two.query(`BEGIN; ${write(1, 1)}; SAVEPOINT a`);
      expect(await portal(two, 'SELECT generate_series(1, 9)')).toBeNull();
      expect(await portal(two, null)).toBeNull();
      await one.query(write(1, 10));
      const error = await portal(two, null);
      await two.query('ROLLBACK');
      expect(error).toMatchObject(conflict_with(1));
      await numbers(10, 0, 0);
    });

    test('idle in a transaction: told once, and not after ROLLBACK', async () => {
      await two.query(`BEGIN; ${write(1, 1)}`);
      await one.query(write(1, 10));
      expect((await failure(two, 'SELECT 1')).code).toBe('40001');
      expect((await failure(two, 'SELECT 1')).code).toBe('25P02');
      await two.query('ROLLBACK');
      await two.query(`BEGIN; ${write(1, 1)}`);
      await one.query(write(1, 10));
      await numbers(20, 0, 0);
      await two.query('ROLLBACK');
      await two.query('BEGIN');
      await failure(two, 'SELECT 1 / 0');
      expect((await failure(two, 'SELECT 1')).code).toBe('25P02');
      await two.query('ROLLBACK');
    });

    test.each([['Sync', []], ['another statement', ['SELECT 1']]])(
      'in a pipeline without a block, and then: %s',
      async (_, then) => {
        let commit: Promise<Ended> = Promise.resolve(null);
        const { tags, error } = await paused_pipeline(
          two,
          [write(1, 1)],
          async () => {
            commit = ended(one.query(write(1, 10)));
            await looked_at(2);
          },
          then,
        );
        expect(tags).toEqual(['UPDATE 1']);
        expect(error).toMatchObject(conflict_with(1));
        expect(await commit).toBeNull();
        await numbers(10, 0, 0);
      },
    );

    test('although the workers were told to log less', async () => {
      await two.query('SET log_min_messages = warning');
      const reload = async (change: string, level: string) => {
        await sessions.on(2).query(`ALTER SYSTEM ${change}`);
        await sessions.on(2).query('SELECT pg_reload_conf()');
        await expect
          .poll(() => value(sessions.on(2), 'SHOW log_min_messages'), LIMIT)
          .toBe(level);
      };
      const level = String(await value(sessions.on(2), 'SHOW log_min_messages'));
      await reload('SET log_min_messages = fatal', 'fatal');
      try {
        await two.query(`BEGIN; ${write(1, 1)}`);
        await one.query(write(1, 10));
        expect(await failure(two, 'SELECT 1')).toMatchObject(conflict_with(1));
        await two.query('ROLLBACK');
      } finally {
        await reload('RESET log_min_messages', level);
      }
      await numbers(10, 0, 0);
    });

    test('by way of one that only locked a row: the key is not told', async () => {
      const locker = await sessions.another(2);
      await locker.query('BEGIN; SELECT FROM rows WHERE id = 1 FOR UPDATE');
      await two.query(`BEGIN; ${write(2, 1)}`);
      const locked = locker.query('SELECT FROM rows WHERE id = 2 FOR UPDATE');
      await seen(2, "wait_event_type = 'Lock' AND backend_type = 'client backend'");
      const commit = ended(one.query(write(1, 10)));
      await locked;
      const error = await failure(two, 'SELECT 1');
      await all_ended([two.query('ROLLBACK'), locker.query('ROLLBACK')]);
      expect(await commit).toBeNull();
      expect(error.code).toBe('40001');
      expect(error.detail).toBe(
        'A transaction of node 1 waits for a row of relation "conflicts.rows".',
      );
      await numbers(10, 0, 0);
    });

    test('of a table with row security: the key is not told', async () => {
      await one.query('ALTER TABLE texts ENABLE ROW LEVEL SECURITY');
      await one.query("INSERT INTO texts VALUES ('secret', 1, 0)");
      await sessions.settled();
      await two.query("BEGIN; UPDATE texts SET n = 1 WHERE name = 'secret'");
      await one.query("UPDATE texts SET n = 2 WHERE name = 'secret'");
      const error = await failure(two, 'SELECT 1');
      await two.query('ROLLBACK');
      await one.query('DELETE FROM texts');
      await one.query('ALTER TABLE texts DISABLE ROW LEVEL SECURITY');
      expect(error.detail).toBe(
        'A transaction of node 1 waits for a row of relation "conflicts.texts".',
      );
    });

    test('of a table with a key of two columns', async () => {
      await one.query("INSERT INTO texts VALUES ('é', 7, 0)");
      await sessions.settled();
      await two.query('BEGIN; UPDATE texts SET n = 1');
      await one.query('UPDATE texts SET n = 2');
      expect(await failure(two, 'SELECT 1')).toMatchObject(
        conflict_with(1, 'name, part)=(é, 7'),
      );
      await two.query('ROLLBACK');
    });

    test('that inserted the same key', async () => {
      await two.query('BEGIN; INSERT INTO rows VALUES (4, 2)');
      await one.query('INSERT INTO rows VALUES (4, 1)');
      expect(await failure(two, 'SELECT 1')).toMatchObject(conflict_with(1, 'id)=(4'));
      await two.query('ROLLBACK');
      await numbers(0, 0, 0, 1);
    });

    test('that locked the whole table', async () => {
      await two.query(`BEGIN; ${write(2, 1)}; LOCK TABLE rows IN EXCLUSIVE MODE`);
      await one.query(write(1, 10));
      const error = await failure(two, 'COMMIT');
      expect(error.code).toBe('40001');
      expect(error.detail).toBe(
        'A transaction of node 1 waits for relation "conflicts.rows".',
      );
      await numbers(10, 0, 0);
    });

    test('to TRUNCATE, and to a schema change', async () => {
      for (const statement of ['TRUNCATE rows', 'ALTER TABLE rows ADD COLUMN more int']) {
        await two.query(`BEGIN; ${write(2, 1)}`);
        await one.query(statement);
        expect((await failure(two, 'SELECT 1')).code, statement).toBe('40001');
        await two.query('ROLLBACK');
      }
      await one.query('ALTER TABLE rows DROP COLUMN more');
    });
  });

  /** Nobody passes on the node: its transactions of other nodes wait for the table. */
  async function closed_door(node: number, run: (open: () => Promise<unknown>) => Promise<void>) {
    const keeper = await sessions.another(node);
    await keeper.query('BEGIN; LOCK TABLE doors IN ACCESS EXCLUSIVE MODE');
    try {
      await run(() => keeper.query('ROLLBACK'));
    } finally {
      await keeper.query('ROLLBACK');
    }
  }

  const waits_at_door = "backend_type = 'multimaster apply worker' AND wait_event = 'relation'";
  const waits_for_row = "backend_type = 'multimaster apply worker' AND wait_event = 'transactionid'";

  describe('two transactions that are both prepared', () => {
    test('the earlier one finds the later one in its way: that is aborted', async () => {
      await one.query(`BEGIN; ${write(2, 10)}`);
      await closed_door(1, async () => {
        const later = ended(
          two.query(`BEGIN; UPDATE doors SET n = n + 1 WHERE id = 1; ${write(1, 1)}; COMMIT`),
        );
        await seen(1, waits_at_door);
        await one.query(write(1, 10));
        await one.query('COMMIT');
        const error = await later;
        expect(error).toMatchObject(conflict_with(1));
        expect(error?.detail).toMatch(/On node [23]\.$/);
      });
      await numbers(10, 10, 0);
    });

    test('the later one finds the earlier one in its way: it waits, and is aborted', async () => {
      await two.query('BEGIN; UPDATE doors SET n = n + 1 WHERE id = 1');
      await closed_door(1, async (open) => {
        await one.query(`BEGIN; ${write(2, 10)}`);
        await two.query(write(1, 1));
        const earlier = ended(two.query('COMMIT'));
        await seen(1, waits_at_door);
        const later = ended(one.query(`${write(1, 10)}; COMMIT`));
        await seen(2, waits_for_row);
        await open();
        expect(await earlier).toBeNull();
        expect(await later).toMatchObject(conflict_with(2));
      });
      await numbers(1, 0, 0);
    });

    test('a later one that only waits is committed when the way is free', async () => {
      await two.query('BEGIN; UPDATE doors SET n = n + 1 WHERE id = 1');
      await closed_door(3, async (open) => {
        await two.query(write(1, 1));
        const earlier = ended(two.query('COMMIT'));
        await seen(3, waits_at_door);
        const later = ended(one.query(write(1, 10)));
        await open();
        expect(await earlier).toBeNull();
        expect(await later).toBeNull();
      });
      await numbers(11, 0, 0);
    });
  });

  describe.each([2, 3])('%i nodes that write the rows in different orders', (count) => {
    test('end, and every commit is on all nodes', async () => {
      const nodes = sessions.nodes.ids.slice(0, count);
      const clients = await all_ended(nodes.map((node) => sessions.another(node)));
      const committed = new Map(nodes.map((node) => [node, 0]));
      for (let round = 0; round < ROUNDS; round++) {
        const outcomes = await all_ended(
          clients.map(async (client, index) => {
            const [first, second] = [1 + index, 1 + ((index + 1) % count)];
            const block = ['BEGIN', write(first, 1), write(second, 1), 'COMMIT'];
            const error = await ended(client.query(block.join('; ')));
            if (error !== null) await client.query('ROLLBACK');
            return error;
          }),
        );
        for (const [index, error] of outcomes.entries()) {
          const node = index + 1;
          if (error === null) committed.set(node, (committed.get(node) ?? 0) + 1);
          else expect(error).toMatchObject({ code: '40001', hint: 'Retry the transaction.' });
        }
        expect(outcomes, `round ${round}: nobody came through`).toContain(null);
      }
      const total = [...committed.values()].reduce((sum, n) => sum + n, 0);
      await sessions.everywhere('SELECT sum(n)::int FROM rows', [[2 * total]]);
    });
  });

  test('who only locked a row is waited for, for deadlock_timeout', async () => {
    await deadlock_timeout([2], "SET deadlock_timeout = '100ms'");
    await two.query('BEGIN; SELECT FROM rows WHERE id = 1 FOR UPDATE');
    expect(await failure(one, write(1, 10))).toMatchObject({
      code: '40001',
      message: 'could not serialize access due to a lock that is held on node 2',
      detail:
        'It waited longer than deadlock_timeout for the row with key (id)=(1) of relation ' +
        '"conflicts.rows". On node 2.',
    });
    await deadlock_timeout([2], "SET deadlock_timeout = '1h'");
    const result = ended(one.query(write(1, 10)));
    await seen(2, waits_for_row);
    await two.query('COMMIT');
    expect(await result).toBeNull();
    await numbers(10, 0, 0);
  });

  test('mtm.lock_graph() shows the wait, on every node by the same name', async () => {
    await two.query('BEGIN; SELECT FROM rows WHERE id = 1 FOR UPDATE');
    const result = ended(one.query(write(1, 10)));
    await seen(2, waits_for_row);
    const [gid, pid] = await all_ended([
      value(sessions.on(1), 'SELECT gid FROM pg_prepared_xacts'),
      value(two, 'SELECT pg_backend_pid()'),
    ]);
    const holder = `node 2, pid ${pid}`;
    for (const node of sessions.nodes.ids) {
      const { rows } = await sessions.on(node).query('SELECT * FROM mtm.lock_graph()');
      expect(rows).toMatchObject([
        { node: 2, waiter: gid, holder, holds: true, locktype: 'transactionid',
          relation: 'conflicts.rows', mode: 'ShareLock', waits_since: expect.any(Date) as Date },
      ]);
      expect(await value(sessions.on(node), 'SELECT mtm.dump_lock_graph()')).toBe(
        'digraph lock_graph {\n' +
          `  "${gid}" -> "${holder}" [label="node 2: ShareLock on transactionid of conflicts.rows"];\n}\n`,
      );
    }
    await two.query('COMMIT');
    expect(await result).toBeNull();
  });

  test('a schema change that began first is left alone, and goes first', async () => {
    await two.query('BEGIN; ALTER TABLE rows ADD COLUMN late int');
    const result = ended(one.query(write(1, 10)));
    await seen(2, waits_at_door);
    await two.query('COMMIT');
    expect(await result).toMatchObject({
      code: '40001',
      message: 'could not serialize access due to a concurrent transaction on node 2',
    });
    await numbers(0, 0, 0);
    await one.query('ALTER TABLE rows DROP COLUMN late');
  });

  test('a schema change that waits for the one that waits for it is not left alone', async () => {
    await two.query('BEGIN; ALTER TABLE texts ADD COLUMN late int');
    const result = ended(
      one.query(`BEGIN; ${write(1, 10)}; INSERT INTO texts VALUES ('b', 1, 1); COMMIT`),
    );
    await seen(2, waits_at_door);
    const error = await failure(two, 'ALTER TABLE rows ADD COLUMN late int');
    expect(error.code).toBe('40001');
    await two.query('ROLLBACK');
    expect(await result).toBeNull();
    await numbers(10, 0, 0);
  });
});
