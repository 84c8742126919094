// Users' own two-phase transactions: prepared on all nodes or on none, and ended on
// all of them by COMMIT or ROLLBACK PREPARED on any of them.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Only node 2 has this row: whoever inserts it is refused. */
const TAKEN = 1000;
/** Nothing is remembered of what has ended. */
const UNDER_WAY = 'SELECT array_agg(t) FROM mtm.shell_transactions() AS t';
const LIMIT = { timeout: 60_000 };
const OWNER = { user: 'two_phase_owner', password: 'secret' };
const OTHER = { user: 'two_phase_other', password: 'secret' };

describe("a user's two-phase transaction", () => {
  let sessions: NodeSessions;
  let client: pg.Client;
  let id = 0;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'two_phase');
    client = sessions.on(1);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY, value text)');
    await client.query('CREATE TABLE audit (id int PRIMARY KEY)');
    for (const { user, password } of [OWNER, OTHER]) {
      await client.query(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
      await client.query(`GRANT ALL ON SCHEMA two_phase TO ${user}`);
      await client.query(`GRANT ALL ON ALL TABLES IN SCHEMA two_phase TO ${user}`);
    }
    await sessions.settled();
    await sessions.only_on(2, `INSERT INTO two_phase.rows VALUES (${TAKEN}, 'local')`);
  });

  afterAll(async () => {
    await sessions.only_on(2, `DELETE FROM two_phase.rows WHERE id = ${TAKEN}`);
    await same_everywhere(sessions.nodes, ['two_phase.rows', 'two_phase.audit']);
    for (const { user } of [OWNER, OTHER]) {
      await client.query(`DROP OWNED BY ${user}`);
      await client.query(`DROP ROLE ${user}`);
    }
    await sessions.close();
  });

  beforeEach(() => {
    id++;
  });

  /** What a failing test left prepared would fail all that follow. */
  afterEach(async () => {
    const { rows } = await client.query<{ gid: string }>(
      "SELECT gid FROM pg_prepared_xacts WHERE gid NOT LIKE 'MTM-%'",
    );
    for (const { gid } of rows) await client.query(`ROLLBACK PREPARED ${quoted(gid)}`);
    expect(rows).toEqual([]);
    await sessions.settled();
    for (const node of sessions.nodes.ids) {
      await expect.poll(() => value(sessions.on(node), UNDER_WAY), LIMIT).toBeNull();
    }
  });

  async function prepare(session: pg.Client, gid: string, ...statements: string[]) {
    const insert = `INSERT INTO rows VALUES (${id}, 'prepared')`;
    for (const statement of ['BEGIN', insert, ...statements]) await session.query(statement);
    await session.query(`PREPARE TRANSACTION ${quoted(gid)}`);
  }

  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

  async function prepared_everywhere(gid: string): Promise<void> {
    const query = `SELECT gid FROM pg_prepared_xacts WHERE gid = ${quoted(gid)}`;
    await sessions.everywhere(query, [[gid]], [gid]);
    await rows_are(gid);
  }

  async function rows_are(still_prepared: string, ...values: string[]): Promise<void> {
    const query = `SELECT value FROM rows WHERE id = ${id}`;
    await sessions.everywhere(query, values.map((text) => [text]), [still_prepared]);
  }

  async function committed(): Promise<void> {
    await rows_are('', 'prepared');
  }

  async function rolled_back(): Promise<void> {
    await rows_are('');
  }

  describe.each([1, 2, 3])('ended on node %i', (node) => {
    test('by COMMIT PREPARED', async () => {
      await prepare(client, 'to commit', 'INSERT INTO audit SELECT id FROM rows');
      await prepared_everywhere('to commit');
      await sessions.on(node).query("COMMIT PREPARED 'to commit'");
      await committed();
      await client.query('TRUNCATE audit');
    });

    test('by ROLLBACK PREPARED', async () => {
      await prepare(client, 'to roll back');
      await prepared_everywhere('to roll back');
      await sessions.on(node).query("ROLLBACK PREPARED 'to roll back'");
      await rolled_back();
    });

    test('by the ordinary user who prepared it', async () => {
      await prepare(await sessions.another(1, OWNER), 'of the owner');
      await sessions.everywhere(
        "SELECT gid, owner FROM pg_prepared_xacts WHERE gid = 'of the owner'",
        [['of the owner', OWNER.user]],
        ['of the owner'],
      );
      const other = await sessions.another(node, OTHER);
      expect((await failure(other, "COMMIT PREPARED 'of the owner'")).code).toBe('42501');
      expect((await failure(other, "ROLLBACK PREPARED 'of the owner'")).code).toBe('42501');
      await prepared_everywhere('of the owner');
      const owner = await sessions.another(node, OWNER);
      await owner.query("COMMIT PREPARED 'of the owner'");
      await committed();
    });
  });

  test('of a user, ended by a superuser', async () => {
    await prepare(await sessions.another(3, OWNER), 'of another');
    await sessions.on(2).query("COMMIT PREPARED 'of another'");
    await committed();
  });

  test('under a role that SET LOCAL gave', async () => {
    await client.query('BEGIN');
    await client.query(`SET LOCAL ROLE ${OWNER.user}`);
    await client.query(`INSERT INTO rows VALUES (${id}, 'prepared')`);
    await client.query("PREPARE TRANSACTION 'local role'");
    expect(await value(client, 'SELECT current_user')).toBe('postgres');
    const owner = await sessions.another(2, OWNER);
    await owner.query("COMMIT PREPARED 'local role'");
    await committed();
  });

  test('with savepoints, schema changes, and the session free at once', async () => {
    await prepare(
      client,
      'of all kinds',
      'CREATE TABLE made (id int PRIMARY KEY)',
      ...['SAVEPOINT a', 'INSERT INTO made VALUES (1)', 'ROLLBACK TO a'],
      ...['SAVEPOINT b', 'INSERT INTO made VALUES (2)'],
    );
    await prepared_everywhere('of all kinds');
    await client.query(`INSERT INTO rows VALUES (${-id}, 'meanwhile')`);
    await sessions.on(3).query("COMMIT PREPARED 'of all kinds'");
    await committed();
    await sessions.everywhere('SELECT id FROM made', [[2]]);
    await sessions.on(2).query('DROP TABLE made');
  });

  test('keeps its locks on every node', async () => {
    await client.query(`INSERT INTO rows VALUES (${id}, 'prepared')`);
    await client.query('BEGIN');
    await client.query(`UPDATE rows SET value = 'changed' WHERE id = ${id}`);
    await client.query("PREPARE TRANSACTION 'locks'");
    await sessions.settled(['locks']);
    for (const node of sessions.nodes.ids) {
      const session = await sessions.another(node);
      const update = `SELECT FROM rows WHERE id = ${id} FOR UPDATE NOWAIT`;
      expect((await failure(session, update)).code).toBe('55P03');
      await session.query("SET lock_timeout = '10ms'");
      expect((await failure(session, `DELETE FROM rows WHERE id = ${id}`)).code).toBe('55P03');
    }
    await sessions.on(2).query("ROLLBACK PREPARED 'locks'");
    await committed();
    await sessions.on(3).query(`UPDATE rows SET value = 'free' WHERE id = ${id}`);
    await rows_are('', 'free');
  });

  test('whose transaction wrote nothing', async () => {
    await client.query('BEGIN');
    await client.query('SELECT FROM rows FOR SHARE');
    await client.query("PREPARE TRANSACTION 'read only'");
    await client.query("COMMIT PREPARED 'read only'");
    await sessions.settled();
    expect((await failure(client, "COMMIT PREPARED 'read only'")).code).toBe('42704');
  });

  test('many at once, ended at once', async () => {
    const gids = Array.from({ length: 10 }, (_, index) => `many ${index}`);
    for (const gid of gids) {
      await client.query('BEGIN');
      await client.query(`INSERT INTO audit VALUES (${gids.indexOf(gid)})`);
      await client.query(`PREPARE TRANSACTION '${gid}'`);
    }
    await sessions.settled(gids);
    const ends = gids.map(async (gid, index) => {
      const session = await sessions.another(1 + (index % 3));
      await session.query(`${index % 3 === 0 ? 'ROLLBACK' : 'COMMIT'} PREPARED '${gid}'`);
    });
    await Promise.all(ends);
    await sessions.everywhere(
      'SELECT id FROM audit ORDER BY id',
      [1, 2, 4, 5, 7, 8].map((index) => [index]),
    );
  });

  describe('gids', () => {
    test('long, in any script, with quotes', async () => {
      for (const gid of ['x'.repeat(199), 'größe ☃ 雪', "it's \\ \"quoted\"", ' ', 'mtm-1']) {
        id++;
        await prepare(client, gid);
        await prepared_everywhere(gid);
        await sessions.on(2).query(`COMMIT PREPARED ${quoted(gid)}`);
        await committed();
      }
    });

    test('too long', async () => {
      const gid = 'x'.repeat(200);
      await expect(prepare(client, gid)).rejects.toMatchObject({ code: '22023' });
      await client.query('ROLLBACK');
      await rolled_back();
    });

    test("of multimaster's own", async () => {
      await expect(prepare(client, 'MTM-mine')).rejects.toMatchObject({
        code: '22023',
        message: 'identifiers starting with "MTM-" are used by multimaster',
      });
      await client.query('ROLLBACK');
      expect((await failure(client, "COMMIT PREPARED 'MTM-1-2-3-4-5'")).code).toBe('22023');
      expect((await failure(client, "ROLLBACK PREPARED 'MTM-1-2-3-4-5'")).code).toBe('22023');
      await rolled_back();
    });

    test('that nobody has', async () => {
      for (const node of sessions.nodes.ids) {
        const session = sessions.on(node);
        expect((await failure(session, "COMMIT PREPARED 'unknown'")).code).toBe('42704');
        expect((await failure(session, "ROLLBACK PREPARED 'unknown'")).code).toBe('42704');
      }
    });

    test('used twice, on one node and on two', async () => {
      await prepare(client, 'twice');
      await sessions.settled(['twice']);
      const first = id++;
      for (const node of [1, 2]) {
        const again = prepare(sessions.on(node), 'twice');
        await expect(again).rejects.toMatchObject({ code: '42710' });
        await sessions.on(node).query('ROLLBACK');
      }
      await rows_are('twice');
      id = first;
      await sessions.on(3).query("COMMIT PREPARED 'twice'");
      await committed();
      id++;
      await prepare(sessions.on(2), 'twice');
      await client.query("COMMIT PREPARED 'twice'");
      await committed();
    });
  });

  test('refused by a peer is prepared nowhere, and the session is free', async () => {
    const refused = prepare(client, 'refused', `INSERT INTO rows VALUES (${TAKEN})`);
    await expect(refused).rejects.toMatchObject({ code: '23505' });
    expect((await failure(client, "COMMIT PREPARED 'refused'")).code).toBe('42704');
    await rolled_back();
    await prepare(client, 'refused');
    await client.query("COMMIT PREPARED 'refused'");
    await committed();
  });

  test('that fails by a deferred constraint is prepared nowhere', async () => {
    await client.query(`CREATE TABLE deferred (id int PRIMARY KEY
      REFERENCES rows DEFERRABLE INITIALLY DEFERRED)`);
    const failing = prepare(client, 'deferred', `INSERT INTO deferred VALUES (-1)`);
    await expect(failing).rejects.toMatchObject({ code: '23503' });
    expect(await value(client, 'SELECT pg_current_xact_id_if_assigned()')).toBeNull();
    await rolled_back();
    await client.query('DROP TABLE deferred');
  });

  test('not inside a block, and not twice', async () => {
    await prepare(client, 'once');
    await client.query('BEGIN');
    expect((await failure(client, "COMMIT PREPARED 'once'")).code).toBe('25001');
    await client.query('ROLLBACK');
    await sessions.on(2).query("COMMIT PREPARED 'once'");
    expect((await failure(client, "COMMIT PREPARED 'once'")).code).toBe('42704');
    await committed();
  });

  test('PREPARE TRANSACTION of a failed block rolls it back', async () => {
    await client.query('BEGIN');
    await client.query(`INSERT INTO rows VALUES (${id}, 'failed')`);
    await failure(client, 'SELECT 1 / 0');
    expect((await client.query("PREPARE TRANSACTION 'failed'")).command).toBe('ROLLBACK');
    await rolled_back();
  });

  test('decided differently on two nodes at once has one outcome', async () => {
    for (let round = 0; round < 5; round++) {
      id++;
      await prepare(client, 'disputed');
      await sessions.settled(['disputed']);
      const code = (error: pg.DatabaseError) => error.code;
      const [commit, rollback] = await Promise.all([
        sessions.on(2).query("COMMIT PREPARED 'disputed'").then(() => 'done', code),
        sessions.on(3).query("ROLLBACK PREPARED 'disputed'").then(() => 'done', code),
      ]);
      expect([commit, rollback]).toContain('done');
      expect([commit, rollback]).not.toEqual(['done', 'done']);
      expect(['2D000', '42704', 'done']).toContain(commit);
      expect(['2D000', '42704', 'done']).toContain(rollback);
      await (commit === 'done' ? committed() : rolled_back());
    }
  });
});
