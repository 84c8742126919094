// Advisory locks over all nodes: one holder at a time, PostgreSQL's own rules for how long,
// and who loses his node loses his locks.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { ClientOptions, ClusterNodes, HealthyNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { failure, notices, value } from './node_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const POLL_MS = 20;
const ON = '-c multimaster.cluster_advisory_locks=on';
/** By which a session holds its locks on other nodes. */
const PROXY = "application_name LIKE 'multimaster advisory %'";

class LockSessions {
  private readonly opened: pg.Client[] = [];

  constructor(readonly nodes: HealthyNodes) {}

  async on(node: number, options: ClientOptions = {}): Promise<pg.Client> {
    const client = await this.nodes.client(node, { options: ON, ...options });
    client.on('error', () => {});
    this.opened.push(client);
    return client;
  }

  async each(): Promise<[pg.Client, pg.Client, pg.Client]> {
    return [await this.on(1), await this.on(2), await this.on(3)];
  }

  async end_all(): Promise<void> {
    await all_ended(this.opened.splice(0).map((client) => client.end().catch(() => {})));
  }
}

async function until(client: pg.Client, query: string, wanted: unknown): Promise<void> {
  while ((await value(client, query)) !== wanted) await sleep(POLL_MS);
}

const pid_of = (client: pg.Client) => value(client, 'SELECT pg_backend_pid()') as Promise<number>;

/** One node and the cluster's detector may find one circle at the same time: then both may fail. */
const failures = (ends: PromiseSettledResult<unknown>[]) =>
  new Set(ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as { code: string }).code] : [])));

/** Somebody on that node waits for an advisory lock. */
const waits = (client: pg.Client) =>
  until(client, "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", 1);

async function is_free(by: pg.Client, key: string | number): Promise<boolean> {
  const free = await value(by, `SELECT pg_try_advisory_lock(${key})`);
  if (free) await by.query(`SELECT pg_advisory_unlock(${key})`);
  return free === true;
}

describe('advisory locks of the cluster', () => {
  const nodes = shared_cluster();
  const sessions = new LockSessions(nodes);
  let maker: pg.Client;

  beforeAll(async () => {
    maker = await nodes.client(1);
    await maker.query('CREATE SCHEMA advisory');
    await maker.query('CREATE TABLE advisory.counter (id int PRIMARY KEY, n int)');
    await maker.query('INSERT INTO advisory.counter VALUES (1, 0)');
    await maker.query("CREATE ROLE advisory_user LOGIN PASSWORD 'advisory'");
    await maker.query("ALTER ROLE advisory_user SET multimaster.cluster_advisory_locks = on");
  });

  /** Whatever a test did, no lock is left on any node. */
  afterEach(async () => {
    await sessions.end_all();
    for (const node of nodes.ids) {
      const looker = await sessions.on(node);
      await until(looker, "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory'", 0);
    }
    await sessions.end_all();
  });

  afterAll(async () => {
    await maker.query('DROP SCHEMA advisory CASCADE');
    await maker.query('DROP ROLE advisory_user');
    await maker.end();
  });

  const READ = 'SELECT n FROM advisory.counter WHERE id = 1';
  const WRITE = 'UPDATE advisory.counter SET n = $1 WHERE id = 1';
  const ROUNDS = 10;

  async function count_with(round: (client: pg.Client) => Promise<unknown>) {
    await maker.query(WRITE, [0]);
    const clients = await all_ended([1, 2, 3, 3].map((node) => sessions.on(node)));
    await all_ended(
      clients.map(async (client) => {
        for (let n = 0; n < ROUNDS; n++) await round(client);
      }),
    );
    await maker.query('SET multimaster.causal_reads = on');
    expect(await value(maker, READ)).toBe(clients.length * ROUNDS);
    await maker.query('RESET multimaster.causal_reads');
  }

  test('who has one sees what the one before wrote, on whatever node', async () => {
    await count_with(async (client) => {
      await client.query('SELECT pg_advisory_lock(7)');
      const n = Number(await value(client, READ));
      await client.query(WRITE, [n + 1]);
      await client.query('SELECT pg_advisory_unlock(7)');
    });
    await count_with(async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock(1, -7)');
      const n = Number(await value(client, READ));
      await client.query(WRITE, [n + 1]);
      await client.query('COMMIT');
    });
  });

  test('shared with shared, exclusive with nobody; other keys and forms are other locks', async () => {
    const [one, two, three] = await sessions.each();
    await two.query('SELECT pg_advisory_lock_shared(5)');
    expect(await value(three, 'SELECT pg_try_advisory_lock_shared(5)')).toBe(true);
    expect(await value(one, 'SELECT pg_try_advisory_xact_lock_shared(5)')).toBe(true);
    expect(await value(one, 'SELECT pg_try_advisory_lock(5)')).toBe(false);
    expect(await value(one, 'SELECT pg_try_advisory_xact_lock(5)')).toBe(false);
    expect(await is_free(one, '0, 5')).toBe(true);
    await two.query('SELECT pg_advisory_unlock_shared(5)');
    expect(await is_free(one, 5)).toBe(false);
    expect(await value(three, 'SELECT pg_advisory_unlock_shared(5)')).toBe(true);
    expect(await value(one, 'SELECT pg_try_advisory_lock(5)')).toBe(true);
    for (const other of [two, three]) {
      expect(await value(other, 'SELECT pg_try_advisory_lock_shared(5)')).toBe(false);
    }
    await three.query('SELECT pg_advisory_lock(-1, 2147483647)');
    expect(await is_free(one, '-1, 2147483647')).toBe(false);
    const same = (-1n << 32n) | 2147483647n;
    expect(await is_free(two, `${same}`)).toBe(true);
    await two.query('SELECT pg_advisory_lock(-9223372036854775808)');
    expect(await is_free(three, "'-9223372036854775808'::bigint")).toBe(false);
  });

  test('counted: as often as it was taken it must be given back', async () => {
    const [one, two] = await sessions.each();
    await two.query('SELECT pg_advisory_lock(3), pg_advisory_lock(3)');
    await two.query('BEGIN; SELECT pg_advisory_xact_lock(3); COMMIT');
    expect(await value(two, 'SELECT pg_advisory_unlock(3)')).toBe(true);
    expect(await is_free(one, 3)).toBe(false);
    expect(await value(two, 'SELECT pg_advisory_unlock(3)')).toBe(true);
    expect(await is_free(one, 3)).toBe(true);
    const told = await notices(two, async () => {
      expect(await value(two, 'SELECT pg_advisory_unlock(3)')).toBe(false);
    });
    expect(told).toEqual(['01000']);
  });

  test('of a transaction: until its end, or that of the part of it that took it', async () => {
    const [one, , three] = await sessions.each();
    for (const end of ['COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN']) {
      for (const write of ['SELECT 1', 'UPDATE advisory.counter SET n = n + 1']) {
        await three.query('BEGIN');
        await three.query('SELECT pg_advisory_xact_lock(1)');
        await three.query('SAVEPOINT inner_part');
        await three.query('SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock_shared(2)');
        await three.query(write);
        expect(await is_free(one, 2)).toBe(false);
        await three.query('ROLLBACK TO inner_part');
        expect(await is_free(one, 2)).toBe(true);
        expect(await is_free(one, 1)).toBe(false);
        await three.query(write);
        await three.query(end);
        expect(await is_free(one, 1), `${write}, ${end}`).toBe(true);
        await three.query('ROLLBACK');
      }
    }
    await three.query('SELECT pg_advisory_xact_lock(1)');
    expect(await is_free(one, 1)).toBe(true);
    await three.query('BEGIN');
    await three.query('SELECT pg_advisory_xact_lock(1), pg_advisory_lock(2)');
    await failure(three, 'SELECT 1/0');
    expect((await failure(three, 'SELECT 1')).code).toBe('25P02');
    expect(await is_free(one, 1)).toBe(true);
    expect(await is_free(one, 2)).toBe(false);
    await three.query('ROLLBACK');
    await three.query(`DO $$ BEGIN
      BEGIN PERFORM pg_advisory_xact_lock(1); RAISE division_by_zero;
      EXCEPTION WHEN division_by_zero THEN PERFORM pg_advisory_xact_lock(3); END;
      IF pg_advisory_unlock(3) THEN RAISE 'not of the session'; END IF; COMMIT;
    END $$`);
    for (const key of [1, 3]) expect(await is_free(one, key)).toBe(true);
  });

  test('all of a session: pg_advisory_unlock_all(), DISCARD ALL, its end', async () => {
    const [one, two] = await sessions.each();
    const take = 'SELECT pg_advisory_lock(1), pg_advisory_lock_shared(1, 2)';
    const both_free = async () => [await is_free(one, 1), await is_free(one, '1, 2')];
    await two.query(take);
    expect(await both_free()).toEqual([false, false]);
    await two.query('SELECT pg_advisory_unlock_all()');
    expect(await both_free()).toEqual([true, true]);
    await two.query(take);
    await two.query('DISCARD ALL');
    expect(await both_free()).toEqual([true, true]);
    await until(one, `SELECT count(*)::int FROM pg_stat_activity WHERE ${PROXY}`, 0);

    await two.query('SET multimaster.cluster_advisory_locks = on');
    await two.query(take);
    const waiting = one.query('SELECT pg_advisory_lock(1)');
    await waits(await sessions.on(1));
    const [pid, killer] = [await pid_of(two), await sessions.on(2)];
    await killer.query('SELECT pg_terminate_backend($1)', [pid]);
    await waiting;
  });

  test('who waits is granted it, cancelled, or told after lock_timeout, and leaves nothing', async () => {
    const [one, two, three] = await sessions.each();
    const [look, holder] = [await sessions.on(1), two];
    for (const client of [one, three]) {
      await holder.query('SELECT pg_advisory_lock(4)');
      for (const setting of ['lock_timeout', 'statement_timeout']) {
        await client.query(`SET ${setting} = 100`);
        const code = setting === 'lock_timeout' ? '55P03' : '57014';
        for (const call of ['pg_advisory_lock', 'pg_advisory_xact_lock_shared']) {
          expect((await failure(client, `SELECT ${call}(4)`)).code).toBe(code);
        }
        await client.query(`RESET ${setting}`);
      }
      const cancelled = failure(client, 'SELECT pg_advisory_lock(4)');
      await waits(look);
      const canceller = await sessions.on(client === one ? 1 : 3);
      const pid = client === one ? 'SELECT pid FROM pg_locks WHERE NOT granted' :
        "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_advisory_lock(4)' AND state = 'active'";
      await canceller.query(`SELECT pg_cancel_backend((${pid}))`);
      expect((await cancelled).code).toBe('57014');
      const granted = client.query('SELECT pg_advisory_lock(4)');
      await waits(look);
      await holder.query('SELECT pg_advisory_unlock(4)');
      await granted;
      expect(await is_free(holder, 4)).toBe(false);
      await client.query('SELECT pg_advisory_unlock(4)');
      expect(await is_free(holder, 4)).toBe(true);
    }
  });

  test('two keys in two orders are a deadlock', async () => {
    const [one, two] = await sessions.each();
    await one.query('SELECT pg_advisory_lock(1)');
    await two.query('SELECT pg_advisory_lock(2)');
    const ends = await Promise.allSettled([
      one.query('SELECT pg_advisory_lock(2)').finally(() => one.query('SELECT pg_advisory_unlock_all()')),
      two.query('SELECT pg_advisory_lock(1)').finally(() => two.query('SELECT pg_advisory_unlock_all()')),
    ]);
    expect(failures(ends)).toEqual(new Set(['40P01']));
  });

  async function deadlock_timeout(change: string): Promise<void> {
    for (const client of await sessions.each()) {
      await client.query(`ALTER SYSTEM ${change}`);
      await client.query('SELECT pg_reload_conf()');
      await until(client, 'SHOW deadlock_timeout', change.startsWith('RESET') ? '1s' : '1h');
    }
  }

  test('a circle of a lock and a row, on three nodes, is a deadlock', async () => {
    const [, two, three] = await sessions.each();
    // A transaction that waits for a row is given up after a while, circle or not.
    await deadlock_timeout("SET deadlock_timeout = '1h'");
    await three.query('SELECT pg_advisory_lock(1)');
    await two.query('BEGIN; SELECT n FROM advisory.counter FOR UPDATE');
    const ends = await Promise.allSettled([
      two.query('SELECT pg_advisory_xact_lock(1)').finally(() => two.query('ROLLBACK')),
      three.query('UPDATE advisory.counter SET n = n + 1')
        .finally(() => three.query('SELECT pg_advisory_unlock(1)')),
    ]);
    await deadlock_timeout('RESET deadlock_timeout');
    expect(failures(ends)).toEqual(new Set(['40P01']));
  });

  test('in functions and views', async () => {
    const [one, two] = await sessions.each();
    await one.query("CREATE FUNCTION advisory.plain() RETURNS bool LANGUAGE sql AS 'SELECT pg_try_advisory_lock(1)'");
    await one.query('CREATE FUNCTION advisory.tree() RETURNS bool LANGUAGE sql RETURN pg_try_advisory_lock(2)');
    await one.query(`CREATE FUNCTION advisory.block() RETURNS bool LANGUAGE plpgsql AS
      'DECLARE got bool; BEGIN got := pg_try_advisory_lock(3); RETURN got; END'`);
    await one.query('CREATE VIEW advisory.viewed AS SELECT pg_try_advisory_lock(4)');
    await one.query('CREATE PROCEDURE advisory.called(bool) LANGUAGE plpgsql AS $$ BEGIN NULL; END $$');
    await until(two, "SELECT count(*)::int FROM pg_proc WHERE pronamespace = to_regnamespace('advisory')", 4);
    const calls = ['SELECT advisory.plain()', 'SELECT advisory.tree()', 'SELECT advisory.block()', 'TABLE advisory.viewed'];
    for (const [n, call] of calls.entries()) {
      expect(await value(two, call)).toBe(true);
      expect(await is_free(one, n + 1), call).toBe(false);
    }
    const refused = await failure(two, 'CALL advisory.called(pg_try_advisory_lock(5))');
    expect(refused.code).toBe('0A000');
    await two.query('SET multimaster.cluster_advisory_locks = off');
    await two.query('CALL advisory.called(pg_try_advisory_lock(5))');
    // Given back where the call is not seen: the other nodes hear of it at the transaction's end.
    await two.query('CALL advisory.called(pg_advisory_unlock(4))');
    expect(await is_free(one, 4)).toBe(true);
  });

  test('PREPARE TRANSACTION is refused with those of the transaction only', async () => {
    const [one, two] = await sessions.each();
    await two.query('SELECT pg_advisory_lock(1)');
    await two.query('BEGIN; UPDATE advisory.counter SET n = n + 1; SELECT pg_advisory_xact_lock(2)');
    expect((await failure(two, "PREPARE TRANSACTION 'advisory'")).code).toBe('0A000');
    await two.query('SELECT 1'); // An error is told before the transaction has ended.
    expect(await is_free(one, 2)).toBe(true);
    await two.query("BEGIN; UPDATE advisory.counter SET n = n + 1; PREPARE TRANSACTION 'advisory'");
    expect(await is_free(one, 1)).toBe(false);
    await two.query("ROLLBACK PREPARED 'advisory'");
  });

  test('a user needs the rights that PostgreSQL asks for, and gets no others', async () => {
    const as_user = { user: 'advisory_user', password: 'advisory', options: '' };
    const [one, user] = [await sessions.on(1), await sessions.on(2, as_user)];
    await user.query('SELECT pg_advisory_lock(1)');
    expect(await is_free(one, 1)).toBe(false);
    for (const statement of [
      "SELECT mtm.take_advisory_lock(1, 1, 0, 9, 1, false, true)",
      "SELECT mtm.release_advisory_locks('{0,1,1,0}')",
      'SET multimaster.cluster_advisory_locks = off',
    ]) {
      expect((await failure(user, statement)).code, statement).toBe('42501');
    }
    await one.query('REVOKE EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) FROM PUBLIC');
    await until(await sessions.on(2), "SELECT has_function_privilege('public', 'pg_try_advisory_lock(bigint)', 'EXECUTE')", false);
    expect((await failure(user, 'SELECT pg_try_advisory_lock(2)')).code).toBe('42501');
    await one.query('GRANT EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) TO PUBLIC');
  });

  test('a session that lost its connections still excludes others, and goes on', async () => {
    const [one, two, three] = await sessions.each();
    await two.query('SELECT pg_advisory_lock(1)');
    for (const client of [one, three]) {
      await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${PROXY}`);
      await until(client, `SELECT count(*)::int FROM pg_stat_activity WHERE ${PROXY}`, 0);
    }
    for (const client of [one, three]) expect(await is_free(client, 1)).toBe(false);
    await two.query('SELECT pg_advisory_lock(2)');
    for (const client of [one, three]) expect(await is_free(client, 2)).toBe(false);
    await two.query('SELECT pg_advisory_unlock_all()');
    for (const client of [one, three]) expect(await is_free(client, 1)).toBe(true);
  });

  test('multimaster’s own lock for CREATE INDEX CONCURRENTLY stays on one node', async () => {
    const database = await value(maker, 'SELECT quote_ident(current_database())');
    const [one, two] = await sessions.each();
    const looks = await all_ended([1, 2, 3].map((node) => sessions.on(node)));
    await maker.query(`ALTER DATABASE ${database} SET multimaster.cluster_advisory_locks = on`);
    await until(two, "SELECT count(*)::int FROM pg_db_role_setting WHERE setrole = 0 AND setconfig::text LIKE '%advisory%'", 1);
    try {
      await two.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
      const building = one.query('CREATE INDEX CONCURRENTLY counter_n ON advisory.counter (n)');
      await until(looks[1]!, 'SELECT count(*)::int FROM pg_stat_progress_create_index', 1);
      const held = `SELECT coalesce(string_agg(concat_ws(' ', classid, objid, l.mode, application_name), ', '), '')
        FROM pg_locks l JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'`;
      expect(await all_ended(looks.map((look) => value(look, held)))).toEqual([expect.stringContaining('multimaster statement'), '', '']);
      await two.query('COMMIT');
      await building;
    } finally {
      await maker.query(`ALTER DATABASE ${database} RESET multimaster.cluster_advisory_locks`);
    }
  });

  test('off, they are local', async () => {
    const [one, two] = await all_ended([1, 2].map((node) => sessions.on(node, { options: '' })));
    const same_node = await sessions.on(1, { options: '' });
    for (const client of [one!, two!]) {
      expect(await value(client, 'SELECT pg_try_advisory_lock(1)')).toBe(true);
    }
    expect(await value(same_node, 'SELECT pg_try_advisory_lock(1)')).toBe(false);
    expect(await value(same_node, `SELECT count(*)::int FROM pg_stat_activity WHERE ${PROXY}`)).toBe(0);
  });
});

describe('advisory locks when nodes are lost', () => {
  let nodes: ClusterNodes;
  let sessions: LockSessions;

  beforeAll(async () => {
    nodes = await start_cluster({ proxy: true });
    sessions = new LockSessions(nodes);
  });

  afterEach(async () => {
    await nodes.resume(1);
    await nodes.heal();
    await sessions.end_all();
    await nodes.wait_online();
  });

  afterAll(() => nodes?.destroy());

  test('of a node that was killed, others get them; of those that stay, nobody does', async () => {
    const [one, two, three] = await sessions.each();
    const more = await sessions.on(2);
    await three.query('SELECT pg_advisory_lock(1)');
    await one.query('SELECT pg_advisory_lock(2)');
    const granted = two.query('SELECT pg_advisory_lock(1)');
    const waiting = more.query('SELECT pg_advisory_lock(2)').then(() => 'granted');
    await until(await sessions.on(1), 'SELECT count(*)::int FROM pg_locks WHERE NOT granted', 2);
    await nodes.kill(3);
    await granted;
    expect(await is_free(await sessions.on(2), 2)).toBe(false);
    await nodes.start(3);
    await nodes.wait_online();
    const back = await sessions.on(3);
    for (const key of [1, 2]) expect(await is_free(back, key)).toBe(false);
    await one.query('SELECT pg_advisory_unlock(2)');
    expect(await waiting).toBe('granted');
  });

  test.each(['cut off', 'paused'])('a node that is %s: its sessions lose theirs and are told', async (how) => {
    const [one, two, three] = await sessions.each();
    const idle = await sessions.on(1);
    const unconcerned = await sessions.on(1);
    const ended = new Promise((resolve) => idle.once('end', resolve));
    await idle.query('SELECT pg_advisory_lock_shared(9)');
    await one.query('BEGIN; SELECT pg_advisory_xact_lock(8)');
    const granted = all_ended([
      two.query('SELECT pg_advisory_lock(9)'),
      three.query('SELECT pg_advisory_lock(8)'),
    ]);
    await until(await sessions.on(1), 'SELECT count(*)::int FROM pg_locks WHERE NOT granted', 2);
    if (how === 'paused') await nodes.pause(1);
    else await nodes.partition([[1], [2, 3]]);
    await granted;
    if (how === 'paused') await nodes.resume(1);
    await ended;
    expect(['57P01', '57P03', undefined]).toContain((await failure(one, 'COMMIT')).code);
    await nodes.heal();
    await nodes.wait_online();
    expect(await value(unconcerned, 'SELECT 1')).toBe(1);
    const again = await sessions.on(1);
    for (const key of [8, 9]) expect(await is_free(again, key)).toBe(false);
    await all_ended([two, three].map((client) => client.query('SELECT pg_advisory_unlock_all()')));
    for (const key of [8, 9]) expect(await is_free(again, key)).toBe(true);
  });
});
