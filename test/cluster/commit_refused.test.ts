// Commits that a peer refuses: the client gets the peer's error as that of its
// COMMIT, nothing is left anywhere, and the session goes on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { copy_in } from './copy_in.ts';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { pipeline } from './pipeline.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Only node 2 has this row. */
const TAKEN = 1000;

describe('a commit that node 2 refuses', () => {
  let sessions: NodeSessions;
  let client: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'commit_refused');
    client = sessions.on(1);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY, value text)');
    await client.query(`CREATE PROCEDURE insert_two(one int, two int) LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO rows VALUES (one); COMMIT;
        INSERT INTO rows VALUES (two); COMMIT;
      END $$`);
    await sessions.settled();
    await sessions.only_on(2, `INSERT INTO commit_refused.rows VALUES (${TAKEN}, 'local')`);
  });

  afterAll(async () => {
    await sessions.only_on(2, `DELETE FROM commit_refused.rows WHERE id = ${TAKEN}`);
    await same_everywhere(sessions.nodes, ['commit_refused.rows']);
    await sessions.close();
  });

  async function expect_refused(error: pg.DatabaseError | Error | null): Promise<void> {
    const refused = error as pg.DatabaseError;
    expect(refused.code).toBe('23505');
    expect(refused.message).toContain('duplicate key value violates unique constraint');
    expect(refused.detail).toMatch(/already exists\. On node 2\.$/);
    expect(await value(client, 'SELECT count(*)::int FROM pg_prepared_xacts')).toBe(0);
  }

  /** The session is idle, and its next transaction is committed. */
  async function goes_on(id: number): Promise<void> {
    expect(await value(client, 'SELECT pg_current_xact_id_if_assigned()')).toBeNull();
    await client.query(`INSERT INTO rows VALUES (${id}, 'after')`);
    await client.query('BEGIN');
    await client.query(`UPDATE rows SET value = 'after all' WHERE id = ${id}`);
    await client.query('COMMIT');
    await sessions.everywhere(`SELECT value FROM rows WHERE id = ${id}`, [['after all']]);
  }

  const insert = (id: number) => `INSERT INTO rows VALUES (${id}, 'refused')`;

  function nowhere(...ids: number[]): Promise<void> {
    const query = `SELECT id FROM rows WHERE id IN (${ids.join(', ')})`;
    return sessions.everywhere(query, []);
  }

  test('by a statement alone', async () => {
    await expect_refused(await failure(client, insert(TAKEN)));
    await goes_on(1);
  });

  test('by a block', async () => {
    for (const statement of ['BEGIN', insert(10), insert(TAKEN)]) await client.query(statement);
    await expect_refused(await failure(client, 'COMMIT'));
    await goes_on(2);
    await nowhere(10);
  });

  test('by COMMIT AND CHAIN: no other block is open', async () => {
    for (const statement of ['BEGIN', insert(TAKEN)]) await client.query(statement);
    await expect_refused(await failure(client, 'COMMIT AND CHAIN'));
    await goes_on(3);
  });

  test('by savepoints', async () => {
    const statements = ['BEGIN', insert(20), 'SAVEPOINT a', insert(TAKEN), 'SAVEPOINT b'];
    for (const statement of statements) await client.query(statement);
    await expect_refused(await failure(client, 'COMMIT'));
    await goes_on(4);
    await nowhere(20);
  });

  test('by several statements in one message', async () => {
    const message = [insert(30), insert(TAKEN), insert(31)].join(';');
    await expect_refused(await failure(client, message));
    const with_block = ['BEGIN', insert(TAKEN), 'COMMIT', insert(32)].join(';');
    await expect_refused(await failure(client, with_block));
    await goes_on(5);
    await nowhere(30, 31, 32);
  });

  test('by a pipeline', async () => {
    const { tags, error } = await pipeline(client, [insert(40), insert(TAKEN), insert(41)]);
    expect(tags).toEqual(['INSERT 0 1', 'INSERT 0 1', 'INSERT 0 1']);
    await expect_refused(error);
    await goes_on(6);
    await nowhere(40, 41);
  });

  test('by COPY', async () => {
    const refused = copy_in(client, 'COPY rows FROM STDIN', [`${TAKEN}\tcopied`, '50\tcopied']);
    await expect_refused(await refused.then(() => null, (error: Error) => error));
    await goes_on(7);
    await nowhere(50);
  });

  test('by a procedure, which keeps what it committed before', async () => {
    await expect_refused(await failure(client, `CALL insert_two(60, ${TAKEN})`));
    await goes_on(8);
    await sessions.everywhere('SELECT id FROM rows WHERE id = 60', [[60]]);
  });

  test('inside a procedure that catches what it can and goes on', async () => {
    await client.query(`CREATE PROCEDURE insert_each(ids int[]) LANGUAGE plpgsql AS $$
      DECLARE one int;
      BEGIN
        FOREACH one IN ARRAY ids LOOP
          BEGIN
            INSERT INTO rows VALUES (one);
          EXCEPTION WHEN unique_violation THEN
            INSERT INTO rows VALUES (one + 1);
          END;
          COMMIT;
        END LOOP;
      END $$`);
    const call = `CALL insert_each(ARRAY[70, 70, ${TAKEN}, 80])`;
    await expect_refused(await failure(client, call));
    await goes_on(9);
    await sessions.everywhere('SELECT id FROM rows WHERE id IN (70, 71, 80) ORDER BY id', [
      [70],
      [71],
    ]);
  });

  test('by a deferred trigger', async () => {
    await client.query(`CREATE FUNCTION insert_taken() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN ${insert(TAKEN)}; RETURN NULL; END $$`);
    await client.query('CREATE TABLE watched (id int PRIMARY KEY)');
    await client.query(`CREATE CONSTRAINT TRIGGER taken AFTER INSERT ON watched
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION insert_taken()`);
    await expect_refused(await failure(client, 'INSERT INTO watched VALUES (1)'));
    for (const statement of ['BEGIN', 'INSERT INTO watched VALUES (2)']) {
      await client.query(statement);
    }
    await expect_refused(await failure(client, 'COMMIT'));
    await goes_on(90);
    await sessions.everywhere('SELECT id FROM watched', []);
  });

  test('on every retry, and is counted', async () => {
    const counted = 'SELECT aborts::int FROM mtm.shell_counters()';
    const before = Number(await value(client, counted));
    for (let again = 0; again < 20; again++) {
      await expect_refused(await failure(client, insert(TAKEN)));
    }
    expect(await value(client, counted)).toBe(before + 20);
    await goes_on(92);
  });

  test('on a row that is not there: 40001, and retry is advised', async () => {
    await sessions.only_on(2, 'DELETE FROM commit_refused.rows WHERE id = 1');
    const gone = await failure(client, 'UPDATE rows SET value = NULL WHERE id = 1');
    expect(gone).toMatchObject({ code: '40001', hint: 'Retry the transaction.' });
    expect(gone.detail).toMatch(/"commit_refused.rows" to update was not found. On node 2\.$/);
    await sessions.only_on(2, "INSERT INTO commit_refused.rows VALUES (1, 'after all')");
  });
});
