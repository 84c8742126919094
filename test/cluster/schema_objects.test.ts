// Schema changes of every kind run on all nodes: created on one node, altered on the
// next, dropped on the last.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

interface Kind {
  kind: string;
  create: string[];
  alter: string[];
  drop: string[];
}

const KINDS: Kind[] = [
  {
    kind: 'tables and columns',
    create: [
      `CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x',
        size numeric(10,2) CHECK (size > 0), twice numeric GENERATED ALWAYS AS (size * 2) STORED)`,
      'CREATE TABLE parts (thing int REFERENCES things ON DELETE CASCADE, n int)',
    ],
    alter: [
      'ALTER TABLE things ADD COLUMN made timestamptz NOT NULL DEFAULT now()',
      'ALTER TABLE things ALTER twice DROP EXPRESSION',
      'ALTER TABLE things ALTER size TYPE numeric(12,3), ALTER name DROP DEFAULT',
      'ALTER TABLE things RENAME COLUMN name TO title',
      'ALTER TABLE parts ADD PRIMARY KEY (thing, n), ADD CONSTRAINT few CHECK (n < 100)',
      'ALTER TABLE parts RENAME TO pieces',
      'ALTER TABLE pieces SET (fillfactor = 70)',
    ],
    drop: ['DROP TABLE things, pieces'],
  },
  {
    kind: 'partitioned tables',
    create: [
      'CREATE TABLE log (at date NOT NULL, what text) PARTITION BY RANGE (at)',
      "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
      'CREATE TABLE log_2 (at date NOT NULL, what text)',
    ],
    alter: [
      "ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM ('2021-01-01') TO (current_date)",
      'CREATE INDEX ON log (what)',
      'ALTER TABLE log ADD PRIMARY KEY (at)',
      'ALTER TABLE log DETACH PARTITION log_1',
    ],
    drop: ['DROP TABLE log, log_1'],
  },
  {
    kind: 'inheritance, typed and unlogged tables',
    create: [
      'CREATE TABLE base (a int)',
      'CREATE TABLE derived (b int) INHERITS (base)',
      'CREATE TYPE pair AS (x int, y int)',
      'CREATE TABLE pairs OF pair',
      'CREATE UNLOGGED TABLE scratch (id serial PRIMARY KEY)',
      'CREATE TABLE copy_of (LIKE derived INCLUDING ALL)',
    ],
    alter: ['ALTER TABLE base ADD c text', 'ALTER TABLE derived NO INHERIT base'],
    drop: ['DROP TABLE base, derived, pairs, scratch, copy_of', 'DROP TYPE pair'],
  },
  {
    kind: 'indexes and statistics',
    create: [
      'CREATE TABLE indexed (a int, b text, c int[])',
      'CREATE UNIQUE INDEX one ON indexed (a) WHERE a > 0',
      'CREATE INDEX two ON indexed USING gin (c)',
      'CREATE INDEX three ON indexed (lower(b) DESC) INCLUDE (a)',
      'CREATE STATISTICS stat (ndistinct) ON a, b FROM indexed',
    ],
    alter: [
      'ALTER INDEX three RENAME TO third',
      'ALTER INDEX third ALTER COLUMN 1 SET STATISTICS 50',
      'ALTER STATISTICS stat SET STATISTICS 10',
      'DROP INDEX two',
    ],
    drop: ['DROP TABLE indexed'],
  },
  {
    kind: 'types',
    create: [
      "CREATE TYPE mood AS ENUM ('sad', 'ok')",
      'CREATE DOMAIN positive AS int DEFAULT 1 CHECK (value > 0)',
      'CREATE TYPE point3 AS (x float8, y float8)',
      'CREATE TYPE floats AS RANGE (subtype = float8, subtype_diff = float8mi)',
      'CREATE TABLE typed (m mood, p positive, q point3, r floats)',
    ],
    alter: [
      "ALTER TYPE mood ADD VALUE 'happy' AFTER 'ok'",
      "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'",
      'ALTER DOMAIN positive ADD CONSTRAINT small CHECK (value < 1000)',
      'ALTER DOMAIN positive DROP DEFAULT',
      'ALTER TYPE floats RENAME TO reals',
    ],
    drop: ['DROP TABLE typed', 'DROP TYPE mood, point3, reals', 'DROP DOMAIN positive'],
  },
  {
    kind: 'functions, procedures, aggregates, operators, casts',
    create: [
      "CREATE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b'",
      `CREATE FUNCTION body() RETURNS int BEGIN ATOMIC SELECT plus(1, 2); END`,
      `CREATE PROCEDURE nothing() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$`,
      "CREATE AGGREGATE total (int) (sfunc = plus, stype = int, initcond = '0')",
      'CREATE OPERATOR @+ (leftarg = int, rightarg = int, function = plus)',
      "CREATE TYPE color AS ENUM ('red')",
      'CREATE CAST (color AS text) WITH INOUT',
    ],
    alter: [
      'ALTER FUNCTION plus(int, int) STRICT PARALLEL SAFE',
      "ALTER FUNCTION body() SET search_path = 'pg_catalog'",
      'ALTER PROCEDURE nothing() RENAME TO less',
      "CREATE OR REPLACE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT b + a'",
    ],
    drop: [
      'DROP CAST (color AS text)',
      'DROP TYPE color',
      'DROP OPERATOR @+ (int, int)',
      'DROP AGGREGATE total (int)',
      'DROP PROCEDURE less()',
      'DROP FUNCTION body()',
      'DROP FUNCTION plus(int, int)',
    ],
  },
  {
    kind: 'triggers, rules, policies, views',
    create: [
      'CREATE TABLE watched (id int PRIMARY KEY, who name DEFAULT current_user)',
      `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN NEW.who := 'x'; RETURN NEW; END $$`,
      'CREATE TRIGGER on_write BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION touch()',
      'CREATE VIEW seen AS SELECT id FROM watched',
      'CREATE RULE no_delete AS ON DELETE TO seen DO INSTEAD NOTHING',
      'CREATE POLICY own ON watched USING (who = current_user)',
      'CREATE MATERIALIZED VIEW later AS SELECT * FROM watched WITH NO DATA',
    ],
    alter: [
      'ALTER TABLE watched ENABLE ROW LEVEL SECURITY',
      'ALTER TABLE watched ENABLE ALWAYS TRIGGER on_write',
      'ALTER POLICY own ON watched RENAME TO mine',
      'CREATE OR REPLACE VIEW seen AS SELECT id, who FROM watched',
      'ALTER TRIGGER on_write ON watched RENAME TO at_write',
      'CREATE INDEX ON later (id)',
    ],
    drop: [
      'DROP MATERIALIZED VIEW later',
      'DROP VIEW seen',
      'DROP TABLE watched',
      'DROP FUNCTION touch()',
    ],
  },
  {
    kind: 'schemas with elements, comments',
    create: [
      `CREATE SCHEMA house CREATE TABLE room (id serial PRIMARY KEY)
        CREATE VIEW rooms AS SELECT count(*) FROM room`,
      "COMMENT ON SCHEMA house IS 'where one lives'",
      "COMMENT ON COLUMN house.room.id IS 'it''s a number'",
    ],
    alter: ['ALTER SCHEMA house RENAME TO home', 'COMMENT ON TABLE home.room IS NULL'],
    drop: ['DROP SCHEMA home CASCADE'],
  },
  {
    kind: 'roles and grants',
    create: [
      "CREATE ROLE schema_reader LOGIN PASSWORD 'not in any log' VALID UNTIL '2040-01-01'",
      'CREATE ROLE schema_group NOLOGIN',
      'CREATE TABLE readable (a int PRIMARY KEY, b int)',
      'GRANT SELECT (a), UPDATE ON readable TO schema_reader WITH GRANT OPTION',
      'GRANT schema_group TO schema_reader',
      'ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO schema_group',
    ],
    alter: [
      "SET work_mem = '7MB'",
      'ALTER ROLE schema_reader SET work_mem FROM CURRENT',
      'RESET work_mem',
      "ALTER ROLE schema_reader CREATEDB CONNECTION LIMIT 3 PASSWORD E'it\\'s new'",
      'REVOKE UPDATE ON readable FROM schema_reader',
      'ALTER TABLE readable OWNER TO schema_group',
      'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM schema_group',
    ],
    drop: [
      'DROP OWNED BY schema_reader',
      'REASSIGN OWNED BY schema_group TO CURRENT_USER',
      'DROP OWNED BY schema_group',
      'DROP ROLE schema_reader, schema_group',
      'DROP TABLE readable',
    ],
  },
  {
    kind: 'text search, collations, publications, foreign tables',
    create: [
      'CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)',
      "CREATE COLLATION byte_order (locale = 'C')",
      'CREATE TABLE published (a int PRIMARY KEY)',
      'CREATE PUBLICATION news FOR TABLE published',
      'CREATE FOREIGN DATA WRAPPER far',
      'CREATE SERVER away FOREIGN DATA WRAPPER far',
      'CREATE FOREIGN TABLE elsewhere (a int) SERVER away',
    ],
    alter: [
      'ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR url',
      'ALTER COLLATION byte_order RENAME TO bytes',
      "ALTER PUBLICATION news SET (publish = 'insert')",
      "ALTER SERVER away OPTIONS (ADD host 'x')",
      'ALTER FOREIGN TABLE elsewhere ADD b text',
    ],
    drop: [
      'DROP PUBLICATION news',
      'DROP TABLE published',
      'DROP FOREIGN DATA WRAPPER far CASCADE',
      'DROP COLLATION bytes',
      'DROP TEXT SEARCH CONFIGURATION words',
    ],
  },
  {
    kind: 'extensions',
    create: ['CREATE EXTENSION hstore', 'CREATE TABLE with_hstore (id int PRIMARY KEY, h hstore)'],
    alter: ['ALTER EXTENSION hstore SET SCHEMA public'],
    drop: ['DROP EXTENSION hstore CASCADE', 'DROP TABLE with_hstore'],
  },
];

describe('schema changes of every kind', () => {
  let sessions: SchemaSessions;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, 'CREATE SCHEMA schema_objects');
    for (const node of sessions.nodes.ids) {
      await sessions.run(node, 'SET search_path = schema_objects, public');
    }
  });

  afterAll(async () => {
    await sessions.run(1, 'DROP SCHEMA schema_objects CASCADE');
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
  });

  test.each(KINDS)('$kind', async ({ create, alter, drop }) => {
    const last = sessions.nodes.count;
    await sessions.run(1, ...create);
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(2, ...alter);
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(last, ...drop);
    await same_schema_everywhere(sessions.nodes);
  });
});
