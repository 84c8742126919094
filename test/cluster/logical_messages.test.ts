// Other nodes do what a message of multimaster's in the WAL says, in whatever role it names.
// PostgreSQL lets everybody write messages: but none that begins as those do.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const FORGED = "pg_logical_emit_message(true, 'mtm:schema', 'x')";
const RESERVED = '42939';
const ELSEWHERE = '0A000';

describe("a user's messages in the WAL", () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(
      1,
      'CREATE ROLE message_writer',
      'CREATE SCHEMA messages AUTHORIZATION message_writer',
      'SET ROLE message_writer',
      'SET search_path = messages, pg_catalog',
      'CREATE TABLE written (id int PRIMARY KEY, at pg_lsn)',
      'CREATE TABLE by_default (id int PRIMARY KEY, at pg_lsn DEFAULT ' + FORGED + ')',
      `CREATE FUNCTION by_sql() RETURNS pg_lsn LANGUAGE sql AS $$SELECT ${FORGED}$$`,
      `CREATE FUNCTION by_body() RETURNS pg_lsn LANGUAGE sql RETURN ${FORGED}`,
      `CREATE FUNCTION by_plpgsql() RETURNS pg_lsn LANGUAGE plpgsql AS $$BEGIN RETURN ${FORGED}; END$$`,
      `CREATE FUNCTION by_expression(t text) RETURNS pg_lsn LANGUAGE plpgsql AS
         $$DECLARE at pg_lsn := pg_logical_emit_message(true, t, 'x'::bytea); BEGIN RETURN at; END$$`,
      `CREATE VIEW by_view AS SELECT ${FORGED} AS at`,
      'CREATE PROCEDURE takes(at pg_lsn) LANGUAGE sql AS $$SELECT$$',
      `PREPARE by_name AS SELECT ${FORGED}`,
    );
  });

  afterAll(async () => {
    await sessions.run(1, 'RESET ROLE', 'DROP SCHEMA messages CASCADE', 'DROP ROLE message_writer');
    await sessions.close();
  });

  test.each([
    [`SELECT ${FORGED}`, RESERVED],
    ["SELECT pg_logical_emit_message(true, 'mtm:schema', 'x'::bytea)", RESERVED],
    ["SELECT pg_logical_emit_message(false, 'mtm:' || 'mark', 'x')", RESERVED],
    ["SELECT count(pg_logical_emit_message(true, p, 'x')) FROM (VALUES ('mtm:notify')) v(p)", RESERVED],
    [`INSERT INTO written VALUES (1, ${FORGED})`, RESERVED],
    ['INSERT INTO by_default VALUES (1)', RESERVED],
    ['SELECT by_sql()', RESERVED],
    ['SELECT by_body()', RESERVED],
    ['SELECT by_plpgsql()', RESERVED],
    ["SELECT by_expression('mtm:owner')", RESERVED],
    ['SELECT * FROM by_view', RESERVED],
    ['EXECUTE by_name', RESERVED],
    [`DO $$BEGIN PERFORM ${FORGED}; END$$`, RESERVED],
    [`SELECT mtm.${FORGED}`, RESERVED],
    [`CALL takes(${FORGED})`, ELSEWHERE],
    [`ALTER TABLE written ADD CHECK (${FORGED} IS NOT NULL)`, ELSEWHERE],
  ])('%s', async (statement, code) => {
    await sessions.run(1, 'INSERT INTO written VALUES (7, NULL) ON CONFLICT DO NOTHING');
    expect(await sessions.failure(1, statement)).toBe(code);
  });

  test("in a database of another's: nothing of a schema by the name of ours runs in place of PostgreSQL's", async () => {
    await sessions.run(1, 'RESET ROLE', 'CREATE DATABASE messages_elsewhere', 'SET ROLE message_writer');
    const client = await sessions.nodes.client(1, { database: 'messages_elsewhere' });
    try {
      await client.query('CREATE SCHEMA mtm');
      await client.query(`CREATE FUNCTION mtm.setval(regclass, bigint, bool) RETURNS bigint LANGUAGE sql AS 'SELECT 666'`);
      await client.query('CREATE SEQUENCE s');
      const { rows } = await client.query("SELECT setval('s', 5, true)::int AS was_set");
      expect(rows).toEqual([{ was_set: 5 }]);
    } finally {
      await client.end();
      await sessions.run(1, 'RESET ROLE', 'DROP DATABASE messages_elsewhere', 'SET ROLE message_writer');
    }
  });

  test('with another prefix are written', async () => {
    await sessions.run(1, "INSERT INTO written VALUES (2, pg_logical_emit_message(true, 'of a user', 'x'))");
    await sessions.run(1, "INSERT INTO written VALUES (3, pg_logical_emit_message(false, 'mtm', 'x'::bytea))");
    expect(await sessions.column(1, 'SELECT count(at) FROM written')).toEqual(['2']);
  });
});
