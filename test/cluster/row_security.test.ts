// Row security and SECURITY DEFINER are judged where the client is, as on one server; what was
// written is the same on all nodes, which judge nothing again.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

describe('row security and security definer', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE ROLE secured_ann',
      'CREATE ROLE secured_clerk',
      'CREATE SCHEMA secured',
      'GRANT USAGE ON SCHEMA secured TO secured_ann, secured_clerk',
      'SET search_path = secured',
      'CREATE TABLE notes (id int PRIMARY KEY, owner name DEFAULT current_user, v int)',
      'ALTER TABLE notes ENABLE ROW LEVEL SECURITY',
      'CREATE POLICY own ON notes USING (owner = current_user) WITH CHECK (owner = current_user AND v < 100)',
      'GRANT ALL ON notes TO secured_ann',
      "INSERT INTO notes VALUES (0, 'somebody', 0)",
      'CREATE TABLE ledger (id int PRIMARY KEY, by name DEFAULT current_user, for_whom name DEFAULT session_user)',
      'GRANT INSERT ON ledger TO secured_clerk',
      `CREATE FUNCTION enter(int) RETURNS name LANGUAGE sql SECURITY DEFINER SET search_path = secured
         AS 'INSERT INTO ledger (id) VALUES ($1) RETURNING by'`,
      'GRANT CREATE ON SCHEMA secured TO secured_clerk',
      'ALTER FUNCTION enter(int) OWNER TO secured_clerk',
      'GRANT SELECT ON ledger TO secured_clerk',
    );
    for (const node of sessions.nodes.ids) await sessions.run(node, 'SET search_path = secured');
    await sessions.settled();
  });

  afterAll(async () => {
    await sessions.run(
      1,
      'DROP SCHEMA secured CASCADE',
      'DROP OWNED BY secured_ann, secured_clerk',
      'DROP ROLE secured_ann, secured_clerk',
    );
    await sessions.close();
  });

  const as_ann = ['BEGIN', 'SET LOCAL ROLE secured_ann'];

  test('on every node a role reads and writes its own rows, and no others', async () => {
    for (const node of sessions.nodes.ids) {
      const write = (values: string) => sessions.failure(node, ...as_ann, `INSERT INTO notes VALUES (${values})`);
      expect(await write(`${node}, 'somebody', 1`)).toBe('42501');
      expect(await write(`${node}, 'secured_ann', 100`)).toBe('42501');
      expect(await write("0, 'secured_ann', 1")).toBe('23505');
      expect(await sessions.failure(node, ...as_ann, 'SET LOCAL row_security = off', 'SELECT FROM notes')).toBe('42501');
      await sessions.run(node, ...as_ann, `INSERT INTO notes (id, v) VALUES (${node}, 1)`, 'UPDATE notes SET v = v + 1', 'COMMIT');
    }
    await sessions.settled();
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, ...as_ann);
      expect(await sessions.column(node, 'SELECT id FROM notes ORDER BY id')).toEqual(['1', '2', '3']);
      await sessions.run(node, 'COMMIT');
    }
    await sessions.run(2, ...as_ann, 'DELETE FROM notes', 'COMMIT');
    await sessions.all_give('SELECT id FROM notes', ['0']);
    await same_everywhere(sessions.nodes, ['secured.notes']);
  });

  test('a function writes with the rights of its owner, who is named on every node', async () => {
    for (const node of sessions.nodes.ids) {
      expect(await sessions.failure(node, ...as_ann, `INSERT INTO ledger (id) VALUES (${node})`)).toBe('42501');
      await sessions.run(node, ...as_ann, `SELECT enter(${node})`, 'COMMIT');
    }
    await sessions.all_give('SELECT DISTINCT by FROM ledger', ['secured_clerk']);
    await sessions.all_give('SELECT count(*) FROM ledger', [String(sessions.nodes.count)]);
    await same_everywhere(sessions.nodes, ['secured.ledger']);
  });
});
