// Circles of waits over nodes that the rule for writers does not end, since some of those in
// them hold their locks without writing (docs/conflicts.md, "Circles"). PostgreSQL's own
// deadlock_timeout is longer here than the tests are given: what ends is the detector's.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { NodeSessions, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const LIMIT = { timeout: 60_000 };
const TABLES = ['rows', 'lefts', 'rights'].map((name) => `deadlocks.${name}`);
const DEADLOCK = { code: '40P01', message: 'deadlock detected', hint: 'Retry the transaction.' };
const GID = 'MTM-[0-9-]+';
const OWN = "'deadlocks_own'";
const USER = { user: 'deadlocks_user', password: 'secret' };

type Ended = pg.DatabaseError | null;

function ended(query: Promise<unknown>): Promise<Ended> {
  return query.then(
    () => null,
    (error: pg.DatabaseError) => error,
  );
}

const write = (id: number) => `UPDATE rows SET n = n + 1 WHERE id = ${id}`;
const lock = (id: number) => `SELECT FROM rows WHERE id = ${id} FOR UPDATE`;
const lock_table = (name: string) => `LOCK TABLE ${name} IN SHARE MODE`;

describe('a circle of waits over nodes', () => {
  let sessions: NodeSessions;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'deadlocks');
    await sessions.on(1).query('CREATE TABLE rows (id int PRIMARY KEY, n int NOT NULL)');
    for (const name of ['lefts', 'rights']) {
      await sessions.on(1).query(`CREATE TABLE ${name} (id serial PRIMARY KEY)`);
    }
    await deadlock_timeout("SET deadlock_timeout = '1h'");
  });

  afterAll(async () => {
    await deadlock_timeout('RESET deadlock_timeout');
    await same_everywhere(sessions.nodes, TABLES);
    await sessions.close();
  });

  beforeEach(async () => {
    await sessions.on(1).query('DELETE FROM rows');
    await sessions.on(1).query('INSERT INTO rows SELECT id, 0 FROM generate_series(1, 9) AS id');
    await sessions.settled();
  });

  async function deadlock_timeout(change: string): Promise<void> {
    for (const node of sessions.nodes.ids) {
      await sessions.on(node).query(`ALTER SYSTEM ${change}`);
      await sessions.on(node).query('SELECT pg_reload_conf()');
    }
  }

  async function name_of(node: number, client: pg.Client): Promise<string> {
    return `node ${node}, pid ${await value(client, 'SELECT pg_backend_pid()')}`;
  }

  async function block(node: number, ...statements: string[]): Promise<pg.Client> {
    const client = await sessions.another(node);
    for (const statement of ['BEGIN', ...statements]) await client.query(statement);
    return client;
  }

  /** Until so many on the node wait for a lock. */
  async function waiting(node: number, count: number): Promise<void> {
    const query = 'SELECT count(DISTINCT pid)::int FROM pg_locks WHERE NOT granted';
    await expect.poll(() => value(sessions.on(node), query), LIMIT).toBe(count);
  }

  test.each([
    {
      by: 'rows that are locked',
      own: [write(1), write(3)],
      plain: [write(2), write(4)],
      first: { has: lock(1), wants: lock(4) },
      second: { has: lock(2), wants: lock(3) },
      relation: 'deadlocks.rows',
    },
    {
      by: 'LOCK TABLE',
      own: ['INSERT INTO lefts DEFAULT VALUES'],
      plain: ['INSERT INTO rights DEFAULT VALUES'],
      first: { has: lock_table('lefts'), wants: lock_table('rights') },
      second: { has: lock_table('rights'), wants: lock_table('lefts') },
      relation: 'deadlocks.lefts',
    },
  ])('by $by on two nodes: who waited last fails', async ({ own, plain, first, second, relation }) => {
    const one = await block(1, first.has);
    const two = await block(2, second.has);
    const user = await block(3, ...own);
    const prepared = ended(user.query(`PREPARE TRANSACTION ${OWN}`));
    await waiting(1, 1);
    const committer = await block(3, ...plain);
    const committed = ended(committer.query('COMMIT'));
    await waiting(2, 1);
    const granted = ended(one.query(first.wants));
    await waiting(1, 2);
    const error = await ended(two.query(second.wants));
    expect(await committed).toBeNull();
    expect(await granted).toBeNull();
    await all_ended([one.query('ROLLBACK'), two.query('ROLLBACK')]);
    expect(await prepared).toBeNull();
    await user.query(`COMMIT PREPARED ${OWN}`);

    expect(error).toMatchObject(DEADLOCK);
    const [here, there] = [await name_of(2, two), await name_of(1, one)];
    expect(error?.detail?.split('\n')).toEqual([
      expect.stringMatching(`^Node 2: ${here} waits for ${OWN} \\(.*, ${relation}\\)\\.$`),
      expect.stringMatching(`^Node 1: ${OWN} waits for ${there} \\(.*, ${relation}\\)\\.$`),
      expect.stringMatching(`^Node 1: ${there} waits for ${GID} \\(`),
      expect.stringMatching(`^Node 2: ${GID} waits for ${here} \\(`),
    ]);
    await sessions.settled();
  });

  test('by an advisory lock of a session that waits for its commit', async () => {
    const holder = await sessions.another(1);
    await holder.query('SELECT pg_advisory_lock(77)');
    const one = await block(1, lock(1));
    const two = await block(2, lock(2));
    const earlier = await block(3, write(1), write(3));
    const first = ended(earlier.query('COMMIT'));
    await waiting(1, 1);
    const second = ended(holder.query(write(2)));
    await waiting(2, 1);
    const granted = ended(two.query(lock(3)));
    await waiting(2, 2);
    const error = await ended(one.query('SELECT pg_advisory_lock(77)'));
    expect(await first).toBeNull();
    expect(await granted).toBeNull();
    await two.query('ROLLBACK');
    expect(await second).toBeNull();
    await one.query('ROLLBACK');
    await holder.query('SELECT pg_advisory_unlock(77)');

    expect(error).toMatchObject(DEADLOCK);
    const here = await name_of(1, one);
    const committer = await name_of(1, holder);
    expect(error?.detail).toMatch(
      new RegExp(
        `^Node 1: ${here} waits for ${committer} \\(ExclusiveLock, advisory\\)\\.\n` +
          `Node 1: ${committer} commits (${GID})\\.\nNode 2: \\1 waits for `,
      ),
    );
  });

  test("of a user's own two-phase transaction and another: that one fails", async () => {
    const keeper = await block(2, lock_table('lefts'));
    const user = await block(1, 'INSERT INTO lefts DEFAULT VALUES', write(1));
    const prepared = ended(user.query(`PREPARE TRANSACTION ${OWN}`));
    await waiting(2, 1);
    const committer = await sessions.another(2);
    const committed = ended(committer.query(write(1)));
    await waiting(1, 1);
    await keeper.query('ROLLBACK');
    const error = await committed;
    expect(await prepared).toBeNull();
    await user.query(`COMMIT PREPARED ${OWN}`);

    expect(error).toMatchObject(DEADLOCK);
    expect(error?.detail).toMatch(
      new RegExp(
        '^It waited for the row with key \\(id\\)=\\(1\\) of relation "deadlocks.rows"\\.\n' +
          `Node 1: (${GID}) waits for ${OWN} \\(ShareLock, transactionid\\)\\.\n` +
          `Node 2: ${OWN} waits for \\1 \\(ShareLock, transactionid\\)\\. On node 1\\.$`,
      ),
    );
    await sessions.everywhere('SELECT n FROM rows WHERE id = 1', [[1]]);
  });

  test.each([2, 3])('by advisory locks of sessions on %i nodes; a long wait is none', async (count) => {
    const keeper = await block(2, lock(9));
    const patient = ended(sessions.on(1).query(write(9)));
    await waiting(2, 1);

    const nodes = sessions.nodes.ids.slice(0, count);
    const holders = await all_ended(nodes.map((node) => sessions.another(node)));
    const names = await all_ended(nodes.map((node, i) => name_of(node, holders[i]!)));
    await all_ended(holders.map((holder, i) => holder.query(`SELECT pg_advisory_lock(${i})`)));
    const next = (i: number) => (i + 1) % count;
    const requests: Promise<Ended>[] = [];
    const behalf: pg.Client[] = [];
    for (const [i, node] of nodes.entries()) {
      const there = nodes[next(i)]!;
      const client = await sessions.another(there);
      const pid = names[i]!.replace(/.* /, '');
      await client.query(`SET application_name = 'multimaster advisory ${node}:${pid}'`);
      behalf.push(client);
      requests.push(ended(client.query(`SELECT pg_advisory_lock(${next(i)})`)));
      if (next(i) !== 0) await waiting(there, there === 2 ? 2 : 1);
    }
    const last = count - 1;
    const error = await requests[last]!;
    expect(error).toMatchObject(DEADLOCK);
    expect(error?.detail?.split('\n')).toEqual(
      [last, ...names.keys()].slice(0, count).map(
        (i) =>
          `Node ${nodes[next(i)]}: ${names[i]} waits for ${names[next(i)]} (ExclusiveLock, advisory).`,
      ),
    );
    for (let i = last; i > 0; i--) {
      await holders[i]!.query(`SELECT pg_advisory_unlock(${i})`);
      expect(await requests[i - 1]).toBeNull();
      await behalf[i - 1]!.query(`SELECT pg_advisory_unlock(${i})`);
    }
    await holders[0]!.query('SELECT pg_advisory_unlock_all()');

    await waiting(2, 1);
    await keeper.query('ROLLBACK');
    expect(await patient).toBeNull();
  });

  /** On nodes 2 and 3; the error of the one that asked last. */
  async function circle_of_cluster_locks(): Promise<{ error: Ended; one: pg.Client; two: pg.Client }> {
    const clients = await all_ended([2, 3].map((node) => sessions.another(node)));
    const [one, two] = clients as [pg.Client, pg.Client];
    for (const [i, client] of clients.entries()) {
      await client.query('SET multimaster.cluster_advisory_locks = on');
      await client.query('BEGIN');
      await client.query(`SELECT pg_advisory_xact_lock(${i})`);
    }
    const granted = ended(one.query('SELECT pg_advisory_xact_lock(1)'));
    await waiting(1, 1);
    const error = await ended(two.query('SELECT pg_advisory_xact_lock(0)'));
    await two.query('ROLLBACK');
    expect(await granted).toBeNull();
    await one.query('ROLLBACK');
    return { error, one, two };
  }

  test('by advisory locks over all nodes that are taken in different orders', async () => {
    const { error, one, two } = await circle_of_cluster_locks();
    const [first, second] = [await name_of(2, one), await name_of(3, two)];
    expect(error).toMatchObject({ code: '40P01', message: 'deadlock detected' });
    expect(error?.detail).toContain(
      `Node 1: ${second} waits for ${first} (ExclusiveLock, advisory).\n` +
        `Node 1: ${first} waits for ${second} (ExclusiveLock, advisory).`,
    );
  });

  test('no function that a user made is called by those who look', async () => {
    const trap = 'public.to_jsonb(mtm.lock_wait)';
    await sessions.on(1).query(`CREATE FUNCTION ${trap} RETURNS jsonb LANGUAGE plpgsql
      AS $$ BEGIN RAISE 'called by %', current_user; END $$`);
    await sessions.settled();
    const { error } = await circle_of_cluster_locks();
    await sessions.on(1).query(`DROP FUNCTION ${trap}`);
    expect(error).toMatchObject({ code: '40P01' });
  });

  test('the detector looks at another node again and again in one session', async () => {
    const keeper = await block(1, lock(9));
    const patient = ended(sessions.on(1).query(write(9)));
    const looks = `SELECT pid || ' since ' || backend_start AS session, query_start::text AS looked
      FROM pg_stat_activity WHERE query LIKE '%lock_waits_here%' AND pid <> pg_backend_pid()`;
    const seen = new Map<string, string>();
    const again = async () => {
      const { rows } = await sessions.on(2).query<{ session: string; looked: string }>(looks);
      const found = rows.some(({ session, looked }) => (seen.get(session) ?? looked) !== looked);
      for (const { session, looked } of rows) seen.set(session, looked);
      return found;
    };
    await expect.poll(again, LIMIT).toBe(true);
    await keeper.query('ROLLBACK');
    expect(await patient).toBeNull();
  });

  test('nobody is taken for a session of another node but who connects as nodes do', async () => {
    await sessions.on(1).query(`CREATE ROLE ${USER.user} LOGIN PASSWORD '${USER.password}'`);
    await sessions.settled();
    const holder = await sessions.another(1, USER);
    const other = await sessions.another(1);
    for (const client of [holder, other]) {
      await client.query("SET application_name = 'multimaster advisory 2:1'");
      await client.query('BEGIN');
    }
    await holder.query('SELECT pg_advisory_xact_lock(1)');
    const granted = ended(other.query('SELECT pg_advisory_xact_lock(1)'));
    await waiting(1, 1);
    const { rows } = await sessions.on(1).query('SELECT waiter, holder FROM mtm.lock_graph()');
    await holder.query('ROLLBACK');
    expect(await granted).toBeNull();
    await other.query('ROLLBACK');
    expect(rows).toEqual([{ waiter: 'node 2, pid 1', holder: await name_of(1, holder) }]);
    await sessions.on(1).query(`DROP ROLE ${USER.user}`);
  });
});
