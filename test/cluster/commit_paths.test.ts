// Every way in which PostgreSQL lets a session commit: what it wrote is on every node.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { copy_in } from './copy_in.ts';
import { NodeSessions, failure, notices, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

const TABLES = ['rows', 'parents', 'children', 'audit'].map((name) => `commit_paths.${name}`);

const SCHEMA = [
  'CREATE TABLE rows (path text, id int, value text, PRIMARY KEY (path, id))',
  'CREATE TABLE parents (id int PRIMARY KEY)',
  `CREATE TABLE children (id int PRIMARY KEY, parent int NOT NULL
     REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`,
  'CREATE TABLE audit (id int, times int, PRIMARY KEY (id, times))',
  'CREATE TABLE watched (id int PRIMARY KEY)',
  `CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO audit SELECT NEW.id, count(*) FROM audit WHERE id = NEW.id;
     RETURN NULL;
   END $$`,
  `CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON watched
     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_it()`,
  `CREATE FUNCTION write_row(path text, id int) RETURNS int LANGUAGE sql AS
     'INSERT INTO rows VALUES (path, id) RETURNING id'`,
];

describe('a commit by', () => {
  let sessions: NodeSessions;
  let client: pg.Client;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'commit_paths');
    client = sessions.on(1);
    for (const statement of SCHEMA) await client.query(statement);
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, TABLES);
    await sessions.close();
  });

  async function run(...statements: string[]): Promise<void> {
    for (const statement of statements) await client.query(statement);
  }

  const insert = (path: string, ...ids: number[]) =>
    `INSERT INTO rows VALUES ${ids.map((id) => `('${path}', ${id}, 'new')`).join(', ')}`;

  /** These rows of a path are on every node, and no others. */
  function rows_are(path: string, ...ids: number[]): Promise<void> {
    const query = `SELECT id FROM rows WHERE path = '${path}' ORDER BY id`;
    return sessions.everywhere(query, ids.map((id) => [id]));
  }

  describe('a statement alone', () => {
    test('INSERT, UPDATE, DELETE', async () => {
      await run(insert('autocommit', 1, 2, 3));
      await run("UPDATE rows SET id = 4 WHERE path = 'autocommit' AND id = 3");
      await run("DELETE FROM rows WHERE path = 'autocommit' AND id = 1");
      await rows_are('autocommit', 2, 4);
    });

    test('a prepared statement with parameters', async () => {
      const text = 'INSERT INTO rows VALUES ($1, $2)';
      for (const id of [1, 2, 3]) {
        await client.query({ name: 'insert', text, values: ['prepared', id] });
      }
      await rows_are('prepared', 1, 2, 3);
    });

    test('INSERT ON CONFLICT that inserts, updates and does nothing', async () => {
      await run(insert('conflict', 1));
      const upsert = (id: number, action: string) =>
        run(`INSERT INTO rows VALUES ('conflict', ${id}, 'old')
             ON CONFLICT (path, id) DO ${action}`);
      await upsert(1, "UPDATE SET value = 'changed'");
      await upsert(2, "UPDATE SET value = 'changed'");
      await upsert(1, 'NOTHING');
      await upsert(3, 'NOTHING');
      await sessions.everywhere(
        "SELECT id, value FROM rows WHERE path = 'conflict' ORDER BY id",
        [[1, 'changed'], [2, 'old'], [3, 'old']],
      );
    });

    test('MERGE with all its actions', async () => {
      await run(insert('merge', 1, 2, 3));
      await run(`MERGE INTO rows USING generate_series(2, 4) AS wanted
        ON path = 'merge' AND id = wanted
        WHEN MATCHED AND id = 2 THEN DELETE
        WHEN MATCHED THEN UPDATE SET value = 'merged'
        WHEN NOT MATCHED THEN INSERT VALUES ('merge', wanted, 'merged')`);
      await sessions.everywhere(
        "SELECT id, value FROM rows WHERE path = 'merge' ORDER BY id",
        [[1, 'new'], [3, 'merged'], [4, 'merged']],
      );
    });

    test('RETURNING gives the rows', async () => {
      const { rows } = await client.query(`${insert('returning', 1, 2)} RETURNING id`);
      expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
      await rows_are('returning', 1, 2);
    });

    test('WITH that changes data, also where nothing else does', async () => {
      await run(insert('with', 1, 2));
      const { rows } = await client.query(`
        WITH gone AS (DELETE FROM rows WHERE path = 'with' AND id = 1 RETURNING id),
             come AS (INSERT INTO rows SELECT 'with', id + 10 FROM gone RETURNING id)
        SELECT gone.id AS gone, come.id AS come FROM gone, come`);
      expect(rows).toEqual([{ gone: 1, come: 11 }]);
      await rows_are('with', 2, 11);
    });

    test('SELECT of a function that writes', async () => {
      await run("SELECT write_row('function', id) FROM generate_series(1, 3) AS id");
      await rows_are('function', 1, 2, 3);
    });

    test('EXPLAIN ANALYZE of a write', async () => {
      await run(`EXPLAIN ANALYZE ${insert('explain', 1)}`);
      await run(`EXPLAIN ${insert('explain', 2)}`);
      await rows_are('explain', 1);
    });

    test('changes that meet no row', async () => {
      const nothing = ["UPDATE rows SET value = 'x'", 'DELETE FROM rows'];
      for (const change of nothing) {
        const result = await client.query(`${change} WHERE path = 'no such path'`);
        expect(result.rowCount).toBe(0);
      }
      await run(`WITH nothing AS (UPDATE rows SET value = 'x' WHERE false) SELECT 1`);
      await rows_are('no such path');
    });

    test('one that changes no row, by an owner of row locks', async () => {
      await run(insert('locked', 1));
      await run('BEGIN', "SELECT FROM rows WHERE path = 'locked' FOR UPDATE");
      await run("UPDATE rows SET value = 'x' WHERE path = 'locked' AND id = 2", 'COMMIT');
      await run("UPDATE rows SET value = 'after' WHERE path = 'locked'");
      await sessions.everywhere("SELECT value FROM rows WHERE path = 'locked'", [['after']]);
    });
  });

  describe('COPY FROM STDIN', () => {
    test('alone, and between other statements of a block', async () => {
      await copy_in(client, 'COPY rows FROM STDIN', ['copy\t1\tx', 'copy\t2\ty']);
      await run('BEGIN', insert('copy', 3));
      await copy_in(client, 'COPY rows (path, id) FROM STDIN', ['copy\t4']);
      await run(insert('copy', 5), 'COMMIT');
      await rows_are('copy', 1, 2, 3, 4, 5);
    });

    test('of rows that break a constraint', async () => {
      const lines = ['copy failed\t1\tx', 'copy failed\t1\ty'];
      await expect(copy_in(client, 'COPY rows FROM STDIN', lines)).rejects.toMatchObject({
        code: '23505',
      });
      await rows_are('copy failed');
    });
  });

  describe('a block', () => {
    test('COMMIT, END, ROLLBACK', async () => {
      await run('BEGIN', insert('block', 1), insert('block', 2), 'COMMIT');
      await run('START TRANSACTION', insert('block', 3), 'END');
      await run('BEGIN', insert('block', 4), 'ROLLBACK');
      await rows_are('block', 1, 2, 3);
    });

    test('COMMIT of a failed one rolls back and says so', async () => {
      await run('BEGIN', insert('failed block', 1));
      expect((await failure(client, 'SELECT 1 / 0')).code).toBe('22012');
      expect((await client.query('COMMIT')).command).toBe('ROLLBACK');
      await rows_are('failed block');
    });

    test('savepoints, rolled back, released and nested', async () => {
      await run('BEGIN', insert('savepoints', 1), 'SAVEPOINT a', insert('savepoints', 2));
      await run('SAVEPOINT b', insert('savepoints', 3), 'ROLLBACK TO b');
      await run(insert('savepoints', 4), 'RELEASE b', 'SAVEPOINT c', insert('savepoints', 5));
      await run('SAVEPOINT d', insert('savepoints', 6), 'COMMIT');
      await rows_are('savepoints', 1, 2, 4, 5, 6);
    });

    test('a write only inside a savepoint, kept or not', async () => {
      await run('BEGIN', 'SAVEPOINT a', insert('inner', 1), 'RELEASE a', 'COMMIT');
      await run('BEGIN', 'SAVEPOINT a', insert('inner', 2), 'ROLLBACK TO a', 'COMMIT');
      await rows_are('inner', 1);
    });

    test('goes on after an error by a savepoint', async () => {
      await run('BEGIN', insert('recovered', 1), 'SAVEPOINT a');
      expect((await failure(client, insert('recovered', 1))).code).toBe('23505');
      await run('ROLLBACK TO a', insert('recovered', 2), 'COMMIT');
      await rows_are('recovered', 1, 2);
    });

    test('COMMIT AND CHAIN keeps the characteristics', async () => {
      await run('BEGIN ISOLATION LEVEL REPEATABLE READ', insert('chain', 1));
      await run('COMMIT AND CHAIN', insert('chain', 2));
      expect(await value(client, 'SHOW transaction_isolation')).toBe('repeatable read');
      await rows_on_peer('chain', 1);
      await run('SET TRANSACTION READ ONLY', 'COMMIT AND CHAIN');
      expect(await value(client, 'SHOW transaction_read_only')).toBe('on');
      expect(await value(client, 'SHOW transaction_isolation')).toBe('repeatable read');
      expect((await failure(client, insert('chain', 3))).code).toBe('25006');
      await run('ROLLBACK');
      await rows_are('chain', 1, 2);
    });

    /** While a block of `client` is open. */
    async function rows_on_peer(path: string, ...ids: number[]): Promise<void> {
      await sessions.settled();
      const query = `SELECT id FROM rows WHERE path = '${path}' ORDER BY id`;
      const { rows } = await sessions.on(2).query(query);
      expect(rows).toEqual(ids.map((id) => ({ id })));
    }

    test('ROLLBACK AND CHAIN', async () => {
      await run('BEGIN ISOLATION LEVEL SERIALIZABLE', insert('rollback chain', 1));
      await run('ROLLBACK AND CHAIN', insert('rollback chain', 2));
      expect(await value(client, 'SHOW transaction_isolation')).toBe('serializable');
      await run('COMMIT');
      await rows_are('rollback chain', 2);
    });

    test('SERIALIZABLE', async () => {
      await run('BEGIN ISOLATION LEVEL SERIALIZABLE', "SELECT FROM rows WHERE path = 'x'");
      await run(insert('serializable', 1), 'COMMIT');
      await rows_are('serializable', 1);
    });

    test('under SET LOCAL ROLE, which ends with it', async () => {
      await run('CREATE ROLE commit_paths_writer', 'GRANT ALL ON rows TO commit_paths_writer');
      await run('GRANT USAGE ON SCHEMA commit_paths TO commit_paths_writer');
      await run('BEGIN', 'SET LOCAL ROLE commit_paths_writer', insert('role', 1), 'COMMIT');
      expect(await value(client, 'SELECT current_user')).toBe('postgres');
      await run('SET ROLE commit_paths_writer', insert('role', 2));
      await run('BEGIN', insert('role', 3), 'COMMIT');
      expect(await value(client, 'SELECT current_user')).toBe('commit_paths_writer');
      await run('RESET ROLE');
      await run('BEGIN', 'SET SESSION AUTHORIZATION commit_paths_writer', insert('role', 4));
      await run('COMMIT', 'RESET SESSION AUTHORIZATION');
      await rows_are('role', 1, 2, 3, 4);
      await run('DROP OWNED BY commit_paths_writer', 'DROP ROLE commit_paths_writer');
    });

    test('by an ordinary user', async () => {
      await run("CREATE ROLE commit_paths_user LOGIN PASSWORD 'secret'");
      await run('GRANT ALL ON rows TO commit_paths_user');
      await run('GRANT USAGE ON SCHEMA commit_paths TO commit_paths_user');
      await sessions.settled();
      const user = { user: 'commit_paths_user', password: 'secret' };
      for (const node of sessions.nodes.ids) {
        const session = await sessions.another(node, user);
        await session.query(insert('user', node));
        await session.query('BEGIN');
        await session.query(insert('user', 10 + node));
        await session.query('COMMIT');
      }
      await rows_are('user', 1, 2, 3, 11, 12, 13);
      await run('DROP OWNED BY commit_paths_user', 'DROP ROLE commit_paths_user');
    });
  });

  describe('several statements in one message', () => {
    test('all, or none when one fails', async () => {
      await run([insert('message', 1), insert('message', 2)].join(';'));
      const failing = [insert('message', 3), 'SELECT 1 / 0', insert('message', 4)];
      expect((await failure(client, failing.join(';'))).code).toBe('22012');
      await rows_are('message', 1, 2);
    });

    test('with COMMIT, which PostgreSQL warns of', async () => {
      const given = await notices(client, () =>
        run([insert('message commit', 1), 'COMMIT', insert('message commit', 2)].join(';')),
      );
      expect(given).toEqual(['25P01']);
      await rows_are('message commit', 1, 2);
    });

    test('with COMMIT before one that fails', async () => {
      const failing = [insert('early', 1), 'COMMIT', insert('early', 2), 'SELECT 1 / 0'];
      expect((await failure(client, failing.join(';'))).code).toBe('22012');
      await rows_are('early', 1);
    });

    test('with COMMIT AND CHAIN, which needs a block', async () => {
      const failing = [insert('no chain', 1), 'COMMIT AND CHAIN'].join(';');
      expect((await failure(client, failing)).code).toBe('25P01');
      await rows_are('no chain');
    });

    test('with BEGIN in the middle', async () => {
      await run([insert('middle', 1), 'BEGIN', insert('middle', 2)].join(';'));
      await run(insert('middle', 3), 'COMMIT');
      await run([insert('middle', 4), 'BEGIN', insert('middle', 5)].join(';'), 'ROLLBACK');
      await rows_are('middle', 1, 2, 3);
    });

    test('with whole blocks', async () => {
      await run(
        [
          ...['BEGIN', insert('blocks', 1), 'COMMIT'],
          ...['BEGIN', insert('blocks', 2), 'ROLLBACK'],
          ...[insert('blocks', 3), insert('blocks', 4)],
        ].join(';'),
      );
      await rows_are('blocks', 1, 3, 4);
    });
  });

  describe('procedures and DO', () => {
    beforeAll(async () => {
      await run(
        `CREATE PROCEDURE fill(path text, last int) LANGUAGE plpgsql AS $$
         BEGIN
           FOR id IN 1 .. last LOOP
             INSERT INTO rows VALUES (path, id);
             IF id % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
           END LOOP;
         END $$`,
        `CREATE PROCEDURE follow(path text) LANGUAGE plpgsql AS $$
         DECLARE r record;
         BEGIN
           FOR r IN SELECT id FROM generate_series(1, 5) AS id LOOP
             INSERT INTO rows VALUES (path, r.id);
             COMMIT;
           END LOOP;
         END $$`,
        `CREATE PROCEDURE outer_one() LANGUAGE plpgsql AS $$
         BEGIN
           CALL fill('nested', 4);
           INSERT INTO rows VALUES ('nested', 10);
         END $$`,
      );
    });

    test('COMMIT and ROLLBACK in a loop', async () => {
      await run("CALL fill('procedure', 7)");
      await rows_are('procedure', 1, 2, 4, 5, 7);
    });

    test('COMMIT inside a loop over a cursor', async () => {
      await run("CALL follow('cursor loop')");
      await rows_are('cursor loop', 1, 2, 3, 4, 5);
    });

    test('a procedure in a procedure', async () => {
      await run('CALL outer_one()');
      await rows_are('nested', 1, 2, 4, 10);
    });

    test('COMMIT in DO, also AND CHAIN, also in SQL from EXECUTE', async () => {
      await run(`DO $$ BEGIN
          COMMIT;
          SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
          ${insert('do', 1)};
          COMMIT AND CHAIN;
          IF current_setting('transaction_isolation') = 'repeatable read' THEN
            EXECUTE $sql$${insert('do', 2)}$sql$;
          END IF;
          COMMIT;
          ${insert('do', 3)};
          ROLLBACK;
        END $$`);
      await rows_are('do', 1, 2);
    });

    test('an error after a COMMIT undoes only what came after', async () => {
      const failing = `DO $$ BEGIN
          ${insert('do failed', 1)}; COMMIT; ${insert('do failed', 2)}; PERFORM 1 / 0;
        END $$`;
      expect((await failure(client, failing)).code).toBe('22012');
      await rows_are('do failed', 1);
    });

    test('CALL inside a block may not commit', async () => {
      await run('BEGIN');
      expect((await failure(client, "CALL fill('in block', 1)")).code).toBe('2D000');
      await run('ROLLBACK');
      await rows_are('in block');
    });

    test('exception blocks', async () => {
      await run(`DO $$ BEGIN
          ${insert('exceptions', 1)};
          BEGIN
            ${insert('exceptions', 2)};
            ${insert('exceptions', 1)};
          EXCEPTION WHEN unique_violation THEN
            ${insert('exceptions', 3)};
          END;
        END $$`);
      await rows_are('exceptions', 1, 3);
    });
  });

  describe('cursors WITH HOLD', () => {
    test('that outlive the block', async () => {
      await run('BEGIN', insert('hold', 1, 2));
      await run("DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM rows WHERE path = 'hold'");
      await run('COMMIT');
      await rows_are('hold', 1, 2);
      expect((await client.query('FETCH ALL FROM kept')).rows).toEqual([{ id: 1 }, { id: 2 }]);
      await run('CLOSE kept');
    });

    test.each([
      ['in a block', 'BEGIN', 'COMMIT'],
      ['alone', 'SELECT', 'SELECT'],
    ])('whose query writes, at the commit: %s', async (path, begin, commit) => {
      await run(begin);
      await run(`DECLARE writing CURSOR WITH HOLD FOR
                 SELECT write_row('${path}', id) FROM generate_series(1, 3) AS id`);
      await run(commit);
      await rows_are(path, 1, 2, 3);
      expect((await client.query('FETCH ALL FROM writing')).rowCount).toBe(3);
      await run('CLOSE writing');
    });
  });

  describe('deferred constraints', () => {
    test('that hold at the end', async () => {
      await run('BEGIN', 'INSERT INTO children VALUES (1, 1)', 'INSERT INTO parents VALUES (1)');
      await run('COMMIT');
      await sessions.everywhere('SELECT id, parent FROM children', [[1, 1]]);
    });

    test.each([
      ['a block', ['BEGIN', 'INSERT INTO children VALUES (2, 2)'], 'COMMIT'],
      ['a statement alone', [], 'INSERT INTO children VALUES (2, 2)'],
      ['a message', [], 'INSERT INTO parents VALUES (3); INSERT INTO children VALUES (2, 2)'],
    ])('that fail at the end of %s', async (_, before, last) => {
      await run(...before);
      expect((await failure(client, last)).code).toBe('23503');
      await run('INSERT INTO parents VALUES (9)', 'DELETE FROM parents WHERE id = 9');
      await sessions.everywhere('SELECT id FROM children', [[1]]);
      await sessions.everywhere('SELECT id FROM parents', [[1]]);
    });

    test('triggers that write at the commit', async () => {
      await run('INSERT INTO watched VALUES (1)');
      await run('BEGIN', 'INSERT INTO watched VALUES (2)', 'COMMIT');
      await run('BEGIN', 'INSERT INTO watched VALUES (3)', 'SET CONSTRAINTS ALL IMMEDIATE');
      await run('COMMIT');
      await sessions.everywhere(
        'SELECT id, times FROM audit ORDER BY id, times',
        [[1, 0], [2, 0], [3, 0]],
      );
    });
  });
});
