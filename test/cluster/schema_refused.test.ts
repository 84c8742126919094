// What could diverge, or does not run inside a transaction, is refused on the spot
// rather than run on one node alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const REFUSED = [
  "CREATE SUBSCRIPTION from_far CONNECTION '' PUBLICATION p",
  'ALTER TABLE filled ADD COLUMN x steadily',
  'ALTER TABLE bearing ADD COLUMN own int DEFAULT steady()',
  'ALTER TABLE referred_to SET LOGGED',
  'ALTER TABLE scratch SET LOGGED, ADD COLUMN c serial',
  'ALTER TABLE scratch SET LOGGED, ADD COLUMN c int GENERATED ALWAYS AS IDENTITY',
  'ALTER TABLE filled ALTER id TYPE bigint USING id + floor(random())',
  'GRANT SELECT ON passing, filled TO PUBLIC',
  'CLUSTER pg_trigger USING pg_trigger_oid_index',
  'ALTER SEQUENCE counter CYCLE',
  'ALTER TABLE numbered ALTER id SET CYCLE',
  "CALL takes(setval('counter', 5))",
];

const ALLOWED = [
  'ALTER TABLE filled ADD COLUMN c1 float DEFAULT 1.5',
  'ALTER TABLE filled ADD COLUMN c2 date DEFAULT current_date',
  'ALTER TABLE filled ALTER a TYPE text USING (a * 2)::text',
  'ALTER TABLE filled ADD COLUMN IF NOT EXISTS c1 float DEFAULT random()',
  'ALTER TABLE filled ALTER c1 SET DEFAULT random()',
  'ALTER TABLE empty ADD COLUMN c1 float DEFAULT random(), ADD COLUMN c2 serial',
  'ALTER TABLE scratch ADD COLUMN c1 float DEFAULT random()',
  'ALTER TABLE parts DETACH PARTITION part_1',
  'ALTER SEQUENCE counter OWNED BY filled.id',
  'ALTER SEQUENCE counter MAXVALUE 1000000 CACHE 5',
  'REFRESH MATERIALIZED VIEW later WITH NO DATA',
  'TRUNCATE numbered',
  'DROP TABLE named',
  'TRUNCATE filled, empty CASCADE',
  'REINDEX TABLE filled',
  'ALTER TABLE filled CLUSTER ON filled_pkey',
  'CLUSTER filled USING filled_pkey',
  'VACUUM FULL filled',
  'ANALYZE',
  'EXPLAIN CREATE TABLE other AS SELECT 1',
];

describe('what is refused for now', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, 'CREATE SCHEMA schema_refused');
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = schema_refused');
    }
    await sessions.run(
      1,
      'CREATE TABLE filled (id int PRIMARY KEY, a int)',
      'INSERT INTO filled SELECT i, i FROM generate_series(1, 10) AS i',
      'CREATE TABLE empty (id int PRIMARY KEY)',
      'CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int)',
      'INSERT INTO numbered (a) VALUES (1)',
      'CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)',
      'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10)',
      'INSERT INTO parts VALUES (1)',
      'CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY)',
      'INSERT INTO scratch VALUES (1)',
      'CREATE UNLOGGED TABLE referred_to (id int PRIMARY KEY)',
      'CREATE UNLOGGED TABLE referring (id int REFERENCES referred_to)',
      'CREATE TABLE named (id int REFERENCES filled)',
      'CREATE TEMP TABLE passing (id int)',
      'CREATE SEQUENCE counter',
      'CREATE MATERIALIZED VIEW later AS SELECT 1 AS a WITH NO DATA',
      "CREATE FUNCTION steady() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'",
      'CREATE DOMAIN steadily AS int DEFAULT steady()',
      'CREATE TABLE bearing (id int)',
      'CREATE TABLE borne (own int) INHERITS (bearing)',
      "CREATE PROCEDURE takes(bigint) LANGUAGE sql AS 'SELECT 1'",
    );
  });

  afterAll(async () => {
    await sessions.run(1, 'DROP SCHEMA schema_refused CASCADE');
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
  });

  test.each(REFUSED)('%s', async (statement) => {
    expect(await sessions.failure(1, statement)).toBe('0A000');
  });

  test('nothing of all that is on any node', async () => {
    await same_schema_everywhere(sessions.nodes);
    await same_everywhere(
      sessions.nodes,
      ['filled', 'numbered', 'parts'].map((table) => `schema_refused.${table}`),
    );
    await sessions.all_give('SELECT count(*) FROM numbered', ['1']);
  });

  test('what looks alike and cannot diverge runs', async () => {
    await sessions.run(1, ...ALLOWED);
    await same_schema_everywhere(sessions.nodes);
    await same_everywhere(
      sessions.nodes,
      ['filled', 'numbered', 'parts', 'empty'].map((table) => `schema_refused.${table}`),
    );
    await sessions.all_give('SELECT count(*) FROM numbered', ['0']);
  });

  test('temporary objects take all of it', async () => {
    await sessions.run(
      1,
      'CREATE TEMP TABLE mine AS SELECT i AS id, random() AS r FROM generate_series(1, 5) AS i',
      'ALTER TABLE mine ADD COLUMN x float DEFAULT random()',
      'CREATE INDEX CONCURRENTLY ON mine (id)',
      'SELECT * INTO TEMP mine_too FROM mine',
      'DROP TABLE mine, mine_too',
    );
    await same_schema_everywhere(sessions.nodes);
  });

  test('another database of the server is told apart', async () => {
    await sessions.run(1, 'CREATE DATABASE schema_other_db');
    await sessions.run(1, 'ALTER DATABASE schema_other_db SET work_mem = 1024');
    await sessions.run(1, 'DROP DATABASE schema_other_db');
    await sessions.all_give("SELECT 1 FROM pg_database WHERE datname = 'schema_other_db'", []);
  });
});
