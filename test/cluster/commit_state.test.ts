// A commit ends a prepared transaction whatever it consists of and wherever PostgreSQL
// keeps its state by then, and leaves nothing of it behind.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const LIMIT = { timeout: 60_000 };
const PREPARED = "SELECT count(*)::int FROM pg_prepared_xacts WHERE gid LIKE 'MTM-%'";
const STATE_FILES = "SELECT count(*)::int FROM pg_ls_dir('pg_twophase')";
const LOCKS = `SELECT count(*)::int FROM pg_locks
  WHERE locktype = 'relation' AND relation = 'commit_state.rows'::regclass AND pid IS NULL`;

const COORDINATOR = 1;
const PARTICIPANTS = [2, 3];

describe('the state of a prepared transaction', () => {
  let sessions: NodeSessions;
  let client: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'commit_state');
    client = await sessions.another(COORDINATOR);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY, part int)');
    await sessions.settled();
  });

  afterEach(async () => {
    for (const node of sessions.nodes.ids) await stop_at(node, '', 'wait');
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, ['commit_state.rows']);
    await sessions.close();
  });

  async function stop_at(node: number, point: string, action: string): Promise<void> {
    await sessions.on(node).query('SELECT mtm.inject_2pc_error($1, $2)', [point, action]);
  }

  async function until(node: number, query: string, wanted: number): Promise<void> {
    await expect.poll(() => value(sessions.on(node), query), LIMIT).toBe(wanted);
  }

  async function nothing_is_left(): Promise<void> {
    await sessions.settled();
    for (const node of sessions.nodes.ids) {
      expect(await value(sessions.on(node), STATE_FILES), `node ${node}`).toBe(0);
      expect(await value(sessions.on(node), LOCKS), `node ${node}`).toBe(0);
    }
  }

  test('in a file, where a checkpoint has put it on each node', async () => {
    await stop_at(COORDINATOR, 'decided', 'wait');
    for (const node of PARTICIPANTS) await stop_at(node, 'outcome', 'wait');
    const inserted = client.query('INSERT INTO rows VALUES (1, 1)');
    for (const node of sessions.nodes.ids) await until(node, PREPARED, 1);
    for (const node of sessions.nodes.ids) {
      await sessions.on(node).query('CHECKPOINT');
      expect(await value(sessions.on(node), STATE_FILES), `node ${node}`).toBe(1);
    }
    for (const node of sessions.nodes.ids) await stop_at(node, '', 'wait');
    await inserted;
    await sessions.everywhere('SELECT id FROM rows WHERE part = 1', [[1]]);
    await nothing_is_left();
  });

  test('once it ended, is remembered from WAL that nobody has flushed', async () => {
    const [participant = 2] = PARTICIPANTS;
    const on = sessions.on(participant);
    await stop_at(participant, 'outcome', 'wait');
    await client.query('INSERT INTO rows VALUES (2, 4)');
    await until(participant, PREPARED, 1);
    const gid = await value(on, "SELECT gid FROM pg_prepared_xacts WHERE gid LIKE 'MTM-%'");
    await signal(on, 'STOP');
    try {
      await stop_at(participant, '', 'wait');
      await until(participant, PREPARED, 0);
      const remembered = await value(on, 'SELECT gid FROM mtm.shell_remembered(ARRAY[$1], 1 << ($2 - 1))', [gid, COORDINATOR]);
      expect(remembered).toBe(gid);
    } finally {
      await signal(on, 'CONT');
    }
    await nothing_is_left();
  });

  /** To all that flush WAL without being asked to. */
  async function signal(on: pg.Client, name: string): Promise<void> {
    const pids = await value(on, `SELECT string_agg(pid::text, ' ') FROM pg_stat_activity
      WHERE backend_type IN ('walwriter', 'background writer', 'checkpointer', 'multimaster receiver')`);
    await on.query(`COPY (SELECT) TO PROGRAM 'kill -${name} ${String(pids)}'`);
  }

  test('with subtransactions, some of them rolled back', async () => {
    await client.query('BEGIN');
    for (let id = 100; id < 200; id++) {
      await client.query('SAVEPOINT one');
      await client.query(`INSERT INTO rows VALUES (${id}, 2)`);
      await client.query(id % 2 === 0 ? 'RELEASE one' : 'ROLLBACK TO one');
    }
    await client.query('COMMIT');
    await sessions.everywhere('SELECT count(*)::int, sum(id % 2)::int FROM rows WHERE part = 2', [
      [50, 0],
    ]);
    await nothing_is_left();
  });

  test('larger than what is read of WAL at once', async () => {
    await client.query(`DO $$ BEGIN FOR id IN 1001..21000 LOOP
      BEGIN INSERT INTO rows VALUES (id, 3); EXCEPTION WHEN unique_violation THEN NULL; END;
    END LOOP; END $$`);
    await client.query('INSERT INTO rows VALUES (3, 3)');
    await sessions.everywhere('SELECT count(*)::int FROM rows WHERE part = 3', [[20_001]]);
    await nothing_is_left();
  });
});
