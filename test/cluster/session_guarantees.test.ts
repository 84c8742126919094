// What a session may ask for beyond its own node: COMMIT that returns when all nodes show it,
// reads that see what was acknowledged on any node. One node's lanes are held meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, failure, notices, value } from './node_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';
import { SLOW, hold_outcomes, release_outcomes } from './slow_outcomes.ts';

const POLL_MS = 10;
const COUNT = 'SELECT count(*)::int FROM entries';

describe('a session that asks for more', () => {
  let sessions: NodeSessions;
  let rows = 0;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'session_guarantees');
    await sessions.on(1).query('CREATE TABLE entries (id int PRIMARY KEY)');
    await sessions.settled();
  });

  afterEach(async () => {
    await release();
    await sessions.settled();
  });

  afterAll(() => sessions.close());

  const hold = () => hold_outcomes(sessions);
  const release = () => release_outcomes(sessions);
  const insert = () => `INSERT INTO entries VALUES (${++rows})`;
  const shown_on = (node: number) => value(sessions.on(node), COUNT);

  async function session(node: number, ...settings: string[]): Promise<pg.Client> {
    const client = await sessions.another(node);
    for (const setting of settings) await client.query(`SET multimaster.${setting}`);
    return client;
  }

  async function pid_of(client: pg.Client): Promise<number> {
    return Number(await value(client, 'SELECT pg_backend_pid()'));
  }

  /** Until it waits for other nodes; it must not have its answer before. */
  async function waits(node: number, pid: number, answer: Promise<unknown>): Promise<void> {
    let answered = false;
    const note = () => (answered = true);
    answer.then(note, note);
    const waiting = `SELECT count(*)::int FROM pg_stat_activity
      WHERE pid = ${pid} AND state = 'active' AND wait_event = 'Extension'`;
    while ((await value(sessions.on(node), waiting)) !== 1) {
      expect(answered, 'it had its answer before').toBe(false);
      await sleep(POLL_MS);
    }
  }

  async function shown(node: number): Promise<void> {
    while ((await shown_on(node)) !== rows) await sleep(POLL_MS);
  }

  test('without asking, COMMIT returns and another node does not show it yet', async () => {
    await hold();
    await sessions.on(1).query(insert());
    await shown(2);
    expect(await shown_on(SLOW)).toBe(rows - 1);
  });

  const APPLIED = ['commit_level = applied', 'wait_peer_commits = on'];
  test.each(APPLIED)('%s: COMMIT returns when every node shows it', async (setting) => {
    const client = await session(1, setting);
    const pid = await pid_of(client);
    for (const block of [false, true]) {
      await hold();
      if (block) await client.query('BEGIN');
      const inserted = client.query(insert());
      if (block) await inserted;
      const answer = block ? client.query('COMMIT') : inserted;
      await shown(2);
      await waits(1, pid, answer);
      await release();
      await answer;
      expect(await shown_on(SLOW)).toBe(rows);
    }
  });

  test('a cancel ends the wait and not the transaction', async () => {
    const client = await session(1, 'commit_level = applied');
    const pid = await pid_of(client);
    await hold();
    const codes = await notices(client, async () => {
      const answer = client.query(insert());
      await shown(2);
      await waits(1, pid, answer);
      await sessions.on(1).query(`SELECT pg_cancel_backend(${pid})`);
      await answer;
    });
    expect(codes).toEqual(['57014']);
    expect(await value(client, COUNT)).toBe(rows);
    await release();
    await shown(SLOW);
  });

  interface Way {
    name: string;
    read: (client: pg.Client) => Promise<number>;
    /** What is done before, at leisure. */
    before?: (client: pg.Client) => Promise<unknown>;
  }
  const counted = async (client: pg.Client, sql: string) => Number(await value(client, sql));
  const WAYS: Way[] = [
    { name: 'SELECT', read: (client) => counted(client, COUNT) },
    {
      name: 'a prepared statement',
      before: (client) => client.query({ name: 'counted', text: COUNT }),
      read: async (client) => (await client.query({ name: 'counted', text: COUNT })).rows[0].count,
    },
    {
      name: 'EXECUTE',
      before: (client) => client.query(`PREPARE counted AS ${COUNT}`),
      read: (client) => counted(client, 'EXECUTE counted'),
    },
    {
      name: 'a cursor',
      before: (client) => client.query('BEGIN'),
      read: async (client) => {
        await client.query(`DECLARE of_entries CURSOR FOR ${COUNT}`);
        const found = await counted(client, 'FETCH of_entries');
        await client.query('COMMIT');
        return found;
      },
    },
    {
      name: 'COPY',
      read: async (client) => (await client.query("COPY entries TO '/dev/null'")).rowCount ?? 0,
    },
    {
      name: 'UPDATE',
      read: async (client) => (await client.query('UPDATE entries SET id = id')).rowCount ?? 0,
      before: async (client) => {
        await client.query('BEGIN');
      },
    },
    {
      name: 'a block at REPEATABLE READ',
      read: async (client) => {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        const found = await counted(client, COUNT);
        await client.query('COMMIT');
        return found;
      },
    },
    {
      name: 'SET TRANSACTION ISOLATION LEVEL',
      before: (client) => client.query('BEGIN'),
      read: async (client) => {
        await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        const found = await counted(client, COUNT);
        await client.query('COMMIT');
        return found;
      },
    },
  ];
  test.each(WAYS)('causal_reads: $name sees what was acknowledged before', async ({ read, before }) => {
    const client = await session(SLOW, 'causal_reads = on');
    const pid = await pid_of(client);
    await before?.(client);
    await hold();
    await sessions.on(1).query(insert());
    await sessions.on(2).query(insert());
    const answer = read(client);
    await waits(SLOW, pid, answer);
    await release();
    expect(await answer).toBe(rows);
    await client.query('ROLLBACK');
  });

  test('causal_reads: a statement alone at REPEATABLE READ is refused', async () => {
    const client = await session(1, 'causal_reads = on');
    await client.query("SET default_transaction_isolation = 'repeatable read'");
    expect(await failure(client, COUNT)).toMatchObject({ code: '0A000' });
    await client.query('BEGIN');
    expect(await value(client, COUNT)).toBe(rows);
    await client.query('COMMIT');
  });

  test('causal_reads: a cancel ends the wait', async () => {
    const client = await session(SLOW, 'causal_reads = on');
    const pid = await pid_of(client);
    await hold();
    await sessions.on(1).query(insert());
    const answer = failure(client, COUNT);
    await waits(SLOW, pid, answer);
    await sessions.on(SLOW).query(`SELECT pg_cancel_backend(${pid})`);
    expect(await answer).toMatchObject({ code: '57014' });
    expect(await value(sessions.on(SLOW), COUNT)).toBe(rows - 1);
  });
});
