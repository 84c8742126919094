// pg_dump and pg_restore through one node: a database of a plain server comes into the
// cluster, and one of the cluster into a plain server and back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const CUSTOMERS = 2_000;
const ORDERS = 6_000;
const INSERTS = 20;
/** So many nodes have values of their own, whether they are there or not. */
const STEP = 8;

const SHOP = [
  'CREATE SCHEMA dump_shop',
  'SET search_path = dump_shop',
  "CREATE TYPE state AS ENUM ('new', 'paid', 'sent')",
  "CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%')",
  `CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, mail email UNIQUE,
     since timestamptz DEFAULT now())`,
  `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 10) PRIMARY KEY,
     customer int NOT NULL REFERENCES customers ON DELETE CASCADE, state state NOT NULL DEFAULT 'new',
     cents int NOT NULL CHECK (cents > 0), twice int GENERATED ALWAYS AS (cents * 2) STORED,
     note jsonb, parent bigint REFERENCES orders)`,
  'CREATE INDEX ON orders (customer) WHERE state <> \'sent\'',
  'CREATE TABLE events (at date NOT NULL, what text, data bytea) PARTITION BY RANGE (at)',
  "CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2020-01-01')",
  "CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2020-01-01') TO (MAXVALUE)",
  'CREATE SEQUENCE tickets INCREMENT -1 MINVALUE -1000000 MAXVALUE -1',
  'CREATE VIEW open_orders AS SELECT * FROM orders WHERE state <> \'sent\'',
  'CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(cents) FROM orders GROUP BY 1',
  `CREATE FUNCTION log_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO dump_shop.events VALUES (current_date, tg_op || new.id, '\\x00ff'); RETURN new; END $$`,
  'CREATE TRIGGER log_order AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION log_order()',
  "COMMENT ON TABLE orders IS 'what they buy'",
  `INSERT INTO customers (name, mail) SELECT 'c' || i, i || '@x' FROM generate_series(1, ${CUSTOMERS}) AS i`,
  `INSERT INTO orders (customer, cents, note) SELECT 1 + i % ${CUSTOMERS}, 1 + i, jsonb_build_object('i', i)
     FROM generate_series(1, ${ORDERS}) AS i`,
  "SELECT nextval('tickets') FROM generate_series(1, 7)",
];

const TABLES = ['customers', 'orders', 'events', 'totals'].map((table) => `dump_shop.${table}`);

describe('pg_dump and pg_restore', () => {
  let sessions: SchemaSessions;
  let dir: string;

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    dir = mkdtempSync(join(tmpdir(), 'mtm_dump_'));
    await sessions.run(1, 'CREATE DATABASE dump_plain');
  });

  afterAll(async () => {
    await sessions.run(1, 'DROP DATABASE IF EXISTS dump_plain', 'DROP SCHEMA IF EXISTS dump_shop CASCADE');
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const conninfo = (node: number, dbname?: string) =>
    dbname === undefined ? sessions.nodes.conninfo(node) : `${sessions.nodes.conninfo(node)} dbname=${dbname}`;

  async function program(name: string, ...args: string[]): Promise<void> {
    const result = await run_program(join(find_postgres().bindir, name), args);
    expect(`${result.stderr}${result.code}`).toBe('0');
  }

  async function in_plain<T>(act: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await sessions.nodes.client(1, { database: 'dump_plain' });
    try {
      return await act(client);
    } finally {
      await client.end();
    }
  }

  /** All nodes go on at once, and nothing that was loaded or drawn comes again. */
  async function goes_on(): Promise<void> {
    await sessions.settled();
    const before = Number((await sessions.column(1, 'SELECT count(*) FROM dump_shop.orders'))[0]);
    await Promise.all(
      sessions.nodes.ids.map(async (node) => {
        for (let i = 0; i < INSERTS; i++) {
          await sessions.on(node).query(
            `WITH c AS (INSERT INTO dump_shop.customers (name) VALUES ('${node}') RETURNING id)
             INSERT INTO dump_shop.orders (customer, cents) SELECT c.id % ${CUSTOMERS} + 1, 5 FROM c`,
          );
        }
      }),
    );
    await sessions.all_give('SELECT count(*) FROM dump_shop.orders', [
      String(before + INSERTS * sessions.nodes.count),
    ]);
    const tickets = await Promise.all(
      sessions.nodes.ids.map((node) => sessions.column(node, "SELECT nextval('dump_shop.tickets')")),
    );
    expect(new Set(tickets.flat()).size).toBe(sessions.nodes.count);
    expect(Math.max(...tickets.flat().map(Number))).toBeLessThan(-7);
    await same_everywhere(sessions.nodes, TABLES);
    await same_schema_everywhere(sessions.nodes);
  }

  async function increments(): Promise<string[]> {
    await sessions.settled();
    return sessions.column(1, `SELECT concat_ws(' ', sequencename, increment_by) FROM pg_sequences
                               WHERE schemaname = 'dump_shop' ORDER BY 1`);
  }

  const MULTIPLIED = ['customers_id_seq 8', 'orders_id_seq 80', 'tickets -8'];

  test('a database of a plain server comes in, by several sessions of one node', async () => {
    await in_plain(async (client) => {
      for (const statement of SHOP) await client.query(statement);
    });
    const file = join(dir, 'plain.dump');
    await program('pg_dump', '--format=custom', `--file=${file}`, `--dbname=${conninfo(1, 'dump_plain')}`);
    await program('pg_restore', '--exit-on-error', '--jobs=2', `--dbname=${conninfo(2)}`, file);
    expect(await increments()).toEqual(MULTIPLIED);
    expect(await sessions.column(3, 'SELECT count(*) FROM dump_shop.orders')).toEqual([String(ORDERS)]);
    await goes_on();
  });

  test('a dump of the cluster says nothing of the cluster but its extension and its local tables', async () => {
    const file = join(dir, 'cluster.sql');
    await program('pg_dump', `--file=${file}`, `--dbname=${conninfo(2)}`);
    const { stdout } = await run_program('grep', ['-n', 'mtm', file]);
    const lines = stdout.split('\n').filter((line) => line !== '' && !/^\d+:-- /.test(line));
    expect(lines.map((line) => line.replace(/^\d+:/, ''))).toEqual([
      'COPY mtm.local_tables (rel_schema, rel_name) FROM stdin;',
    ]);
  });

  test('it goes into the cluster again, with the increments that it had', async () => {
    await sessions.run(1, 'SELECT mtm.alter_sequences()');
    const file = join(dir, 'cluster.sql');
    // Other files may have left schemas: not a dump of all. But it begins as one does.
    const only = ['--schema=dump_shop', '--extension=multimaster'];
    await program('pg_dump', ...only, `--file=${file}`, `--dbname=${conninfo(1)}`);
    // What is local is in the dump, too.
    await sessions.run(1, 'DROP SCHEMA dump_shop CASCADE', 'DELETE FROM mtm.local_tables');
    await sessions.settled();
    await program('psql', '-Xqv', 'ON_ERROR_STOP=1', '-1', '-o', '/dev/null', '-d', conninfo(3), '-f', file);
    expect(await increments()).toEqual(MULTIPLIED);
    await goes_on();
  });

  test('and into a plain server', async () => {
    await sessions.run(1, 'SELECT mtm.alter_sequences()', 'DROP DATABASE dump_plain', 'CREATE DATABASE dump_plain');
    const file = join(dir, 'shop.dump');
    await program('pg_dump', '--format=custom', '--schema=dump_shop', `--file=${file}`, `--dbname=${conninfo(1)}`);
    await program('pg_restore', '--exit-on-error', `--dbname=${conninfo(1, 'dump_plain')}`, file);
    await in_plain(async (client) => {
      await client.query(`INSERT INTO dump_shop.customers (name) SELECT 'p' FROM generate_series(1, 50)`);
      const { rows } = await client.query("SELECT increment_by FROM pg_sequences WHERE sequencename = 'customers_id_seq'");
      expect(Number(rows[0].increment_by)).toBe(STEP);
    });
  });
});
