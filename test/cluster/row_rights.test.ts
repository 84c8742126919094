// Code of a table's owner that runs when rows are written (index expressions, domain
// checks, triggers that fire everywhere) has the owner's rights on other nodes, not
// those of the server's own processes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

describe('rights of code that runs with rows', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE ROLE rights_ann',
      'CREATE ROLE rights_bob',
      'CREATE SCHEMA row_rights',
      'GRANT ALL ON SCHEMA row_rights TO PUBLIC',
      'SET search_path = row_rights',
      'CREATE TABLE ran_as (what text, role text)',
      'GRANT INSERT ON ran_as TO PUBLIC',
      "INSERT INTO mtm.local_tables VALUES ('row_rights', 'ran_as')",
      `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         INSERT INTO row_rights.ran_as VALUES (tg_name, current_user);
         RETURN NULL;
       END $$`,
      `CREATE FUNCTION note_role(what text) RETURNS void LANGUAGE sql AS $$
         INSERT INTO row_rights.ran_as VALUES (what, current_user) $$`,
      // What a user would do who wants more rights than his own.
      `CREATE FUNCTION probe(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
       BEGIN
         PERFORM row_rights.note_role('index');
         BEGIN
           PERFORM set_config('role', 'postgres', false);
           PERFORM row_rights.note_role('more rights');
         EXCEPTION WHEN insufficient_privilege THEN
         END;
         RETURN v;
       END $$`,
    );
    for (const role of ['rights_ann', 'rights_bob']) {
      await sessions.run(
        1,
        `SET ROLE ${role}`,
        `CREATE TABLE of_${role} (id int PRIMARY KEY, v int)`,
        `CREATE INDEX ON of_${role} (probe(v))`,
        // The call of a constant, which is evaluated where the index is opened.
        `CREATE INDEX ON of_${role} ((probe(7) + v))`,
        `CREATE TRIGGER row_${role} AFTER INSERT ON of_${role} FOR EACH ROW EXECUTE FUNCTION note()`,
        `CREATE CONSTRAINT TRIGGER end_${role} AFTER INSERT ON of_${role} DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION note()`,
        `ALTER TABLE of_${role} ENABLE ALWAYS TRIGGER row_${role}, ENABLE ALWAYS TRIGGER end_${role}`,
        `GRANT ALL ON of_${role} TO PUBLIC`,
        'RESET ROLE',
      );
    }
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = row_rights');
    }
    await sessions.quiet();
  });

  afterAll(async () => {
    await same_everywhere(sessions.nodes, [
      'row_rights.of_rights_ann',
      'row_rights.of_rights_bob',
    ]);
    await sessions.run(
      1,
      "DELETE FROM mtm.local_tables WHERE rel_schema = 'row_rights'",
      'DROP SCHEMA row_rights CASCADE',
      'DROP ROLE rights_ann, rights_bob',
    );
    await sessions.close();
  });

  async function ran(node: number): Promise<string[]> {
    return sessions.column(
      node,
      "SELECT DISTINCT concat_ws(' ', what, role) FROM ran_as ORDER BY 1",
    );
  }

  async function forget(): Promise<void> {
    for (const node of sessions.nodes.ids) await sessions.run(node, 'TRUNCATE ran_as');
  }

  test('one owner: all of it has the owner’s rights', async () => {
    await forget();
    await sessions.run(1, 'SET ROLE rights_bob', 'INSERT INTO of_rights_bob VALUES (1, 1)', 'RESET ROLE');
    await sessions.quiet();
    for (const node of [2, 3]) {
      expect(await ran(node), `node ${node}`).toEqual([
        'end_rights_bob rights_bob',
        'index rights_bob',
        'row_rights_bob rights_bob',
      ]);
    }
  });

  test('two owners in one transaction: neither gets the other’s rights', async () => {
    await forget();
    await sessions.run(
      2,
      'BEGIN',
      'SET LOCAL ROLE rights_bob',
      'INSERT INTO of_rights_bob VALUES (2, 2)',
      'SET LOCAL ROLE rights_ann',
      'INSERT INTO of_rights_ann VALUES (2, 2)',
      'INSERT INTO of_rights_bob VALUES (3, 3)',
      'COMMIT',
    );
    await sessions.quiet();
    for (const node of [1, 3]) {
      expect(await ran(node), `node ${node}`).toEqual([
        'end_rights_ann pg_stat_scan_tables',
        'end_rights_bob pg_stat_scan_tables',
        'index rights_ann',
        'index rights_bob',
        'row_rights_ann rights_ann',
        'row_rights_bob rights_bob',
      ]);
    }
  });
});
