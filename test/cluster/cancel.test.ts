// A commit that waits for votes can be cancelled: then it is nowhere, and the client
// is told so. Once the outcome is commit, no cancel makes it look undone.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, value } from './node_sessions.ts';
import { pipeline } from './pipeline.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const LIMIT = { timeout: 60_000 };
/** Nothing is remembered of what has ended. */
const UNDER_WAY = 'SELECT array_agg(t) FROM mtm.shell_transactions() AS t';
const RANDOM_CANCELS = 150;

type Ended = pg.DatabaseError | null;

/** Ends with the error, or null. */
function ended(query: Promise<unknown>): Promise<Ended> {
  return query.then(
    () => null,
    (error: pg.DatabaseError) => error,
  );
}

describe('a commit that waits for the vote of node 2', () => {
  let sessions: NodeSessions;
  let client: pg.Client;
  let pid: number;
  let blocker: pg.Client;
  let next_id = 1;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'cancel');
    await sessions.on(1).query('CREATE TABLE rows (id int PRIMARY KEY)');
    await sessions.on(1).query('CREATE TABLE free (id int PRIMARY KEY)');
    // Else the apply worker's own limit for locks might come before the cancel.
    await set_deadlock_timeout("SET deadlock_timeout = '1h'");
    blocker = await sessions.another(2);
  });

  afterAll(async () => {
    await set_deadlock_timeout('RESET deadlock_timeout');
    await same_everywhere(sessions.nodes, ['cancel.rows', 'cancel.free']);
    await sessions.close();
  });

  beforeEach(async () => {
    client = await sessions.another(1);
    pid = Number(await value(client, 'SELECT pg_backend_pid()'));
  });

  async function set_deadlock_timeout(change: string): Promise<void> {
    await sessions.on(2).query(`ALTER SYSTEM ${change}`);
    await sessions.on(2).query('SELECT pg_reload_conf()');
  }

  /** Until `run` ends, node 2 cannot apply anything to the table. */
  async function while_blocked(run: () => Promise<void>): Promise<void> {
    await sessions.settled();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE rows IN ACCESS EXCLUSIVE MODE');
    try {
      await run();
    } finally {
      await blocker.query('ROLLBACK');
    }
  }

  /** Prepared on node 1, and node 2 waits for the lock. */
  async function votes_are_waited_for(): Promise<void> {
    const waiting = `SELECT count(*)::int FROM pg_locks
      WHERE relation = 'cancel.rows'::regclass AND NOT granted`;
    await expect.poll(() => value(sessions.on(2), waiting), LIMIT).toBe(1);
    await expect.poll(
      () => value(sessions.on(1), 'SELECT count(*)::int FROM pg_prepared_xacts'),
      LIMIT,
    ).toBe(1);
  }

  async function nowhere(id: number): Promise<void> {
    await sessions.everywhere(`SELECT id FROM rows WHERE id = ${id}`, []);
  }

  async function goes_on(): Promise<void> {
    const id = next_id++;
    await client.query(`INSERT INTO rows VALUES (${id})`);
    await client.query('BEGIN');
    await client.query(`INSERT INTO free VALUES (${id})`);
    await client.query('COMMIT');
    await sessions.everywhere(`SELECT id FROM rows WHERE id = ${id}`, [[id]]);
  }

  /** The ways to a commit; each writes the row `id` and ends with the wait. */
  const PATHS: [string, (id: number) => Promise<Ended>][] = [
    ['a statement alone', (id) => ended(client.query(`INSERT INTO rows VALUES (${id})`))],
    [
      'COMMIT of a block',
      async (id) => {
        await client.query('BEGIN');
        await client.query(`INSERT INTO rows VALUES (${id})`);
        return ended(client.query('COMMIT'));
      },
    ],
    [
      'COMMIT AND CHAIN with a temporary table and NOTIFY',
      async (id) => {
        await client.query('BEGIN; CREATE TEMP TABLE own (id int); NOTIFY one');
        await client.query(`INSERT INTO rows VALUES (${id})`);
        return ended(client.query('COMMIT AND CHAIN'));
      },
    ],
    [
      'several statements in one message',
      (id) => {
        const statements = [`INSERT INTO free VALUES (-${id})`, `INSERT INTO rows VALUES (${id})`];
        return ended(client.query(statements.join('; ')));
      },
    ],
    [
      'a pipeline',
      async (id) => {
        const { error } = await pipeline(client, ['SELECT 1', `INSERT INTO rows VALUES (${id})`]);
        return error;
      },
    ],
    [
      'COMMIT in a procedure',
      (id) => ended(client.query(`DO $$ BEGIN INSERT INTO rows VALUES (${id}); COMMIT; END $$`)),
    ],
    [
      'PREPARE TRANSACTION',
      async (id) => {
        await client.query('BEGIN');
        await client.query(`INSERT INTO rows VALUES (${id})`);
        return ended(client.query(`PREPARE TRANSACTION 'cancel ${id}'`));
      },
    ],
  ];

  describe.each(PATHS)('%s', (_, commit) => {
    test('cancelled', async () => {
      const id = next_id++;
      await while_blocked(async () => {
        const result = commit(id);
        await votes_are_waited_for();
        await sessions.on(1).query('SELECT pg_cancel_backend($1)', [pid]);
        expect(await result).toMatchObject({
          code: '57014',
          message: 'canceling statement due to user request',
        });
      });
      await nowhere(id);
      await goes_on();
    });

    test('at the end of statement_timeout', async () => {
      const id = next_id++;
      await while_blocked(async () => {
        await client.query("SET statement_timeout = '500ms'");
        expect(await commit(id)).toMatchObject({
          code: '57014',
          message: 'canceling statement due to statement timeout',
        });
      });
      await client.query('RESET statement_timeout');
      await nowhere(id);
      await goes_on();
    });

    test('terminated', async () => {
      const id = next_id++;
      await while_blocked(async () => {
        const result = commit(id);
        await votes_are_waited_for();
        await sessions.on(1).query('SELECT pg_terminate_backend($1)', [pid]);
        expect((await result)?.code).toBe('57P01');
      });
      await nowhere(id);
    });
  });

  test.each(PATHS.slice(0, -1))('%s: goes on when it comes', async (_, commit) => {
    const id = next_id++;
    let result: Promise<Ended> = Promise.resolve(null);
    await while_blocked(async () => {
      result = commit(id);
      await votes_are_waited_for();
    });
    expect(await result).toBeNull();
    await client.query('ROLLBACK');
    await sessions.everywhere(`SELECT id FROM rows WHERE id = ${id}`, [[id]]);
    await goes_on();
  });

  test('while another transaction waits behind it', async () => {
    const [id, behind] = [next_id++, next_id++];
    const other = await sessions.another(3);
    let later: Promise<Ended> = Promise.resolve(null);
    await while_blocked(async () => {
      const result = ended(client.query(`INSERT INTO rows VALUES (${id})`));
      await votes_are_waited_for();
      later = ended(other.query(`INSERT INTO rows VALUES (${behind})`));
      await sessions.on(1).query('SELECT pg_cancel_backend($1)', [pid]);
      expect((await result)?.code).toBe('57014');
    });
    expect(await later).toBeNull();
    await nowhere(id);
    await sessions.everywhere(`SELECT id FROM rows WHERE id = ${behind}`, [[behind]]);
  });

  test('a cancel at any moment: what the client is told is true', async () => {
    const outcomes = { committed: 0, cancelled: 0 };
    const first = next_id;
    await client.query('CREATE TEMP TABLE own (id int) ON COMMIT DELETE ROWS; LISTEN one');
    for (let round = 0; round < RANDOM_CANCELS; round++) {
      const id = next_id++;
      const insert = `INSERT INTO rows VALUES (${id})`;
      const in_block = `BEGIN; ${insert}; INSERT INTO own VALUES (1); NOTIFY one; COMMIT`;
      const result = ended(client.query(round % 2 === 0 ? insert : in_block));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
      await sessions.on(1).query('SELECT pg_cancel_backend($1)', [pid]);
      const error = await result;
      expect([undefined, '57014']).toContain(error?.code);
      outcomes[error === null ? 'committed' : 'cancelled']++;
      await client.query('ROLLBACK');
      await sessions.settled();
      const found = await value(sessions.on(1), `SELECT count(*)::int FROM rows WHERE id = ${id}`);
      expect(found, `row ${id}`).toBe(error === null ? 1 : 0);
    }
    await sessions.everywhere(`SELECT count(*)::int FROM rows WHERE id >= ${first}`, [
      [outcomes.committed],
    ]);
    await goes_on();
    await sessions.settled();
    for (const node of sessions.nodes.ids) {
      await expect.poll(() => value(sessions.on(node), UNDER_WAY), LIMIT).toBeNull();
    }
  });
});
