// Servers that run become a cluster with what the first one's database has: its rows, its
// roles, its extensions. What stands against it is said, and then nothing has changed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClientOptions } from './cluster_nodes.ts';
import { node_query } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { LocalNodes } from './local_nodes.ts';

const CONTENTS = [
  'CREATE EXTENSION citext',
  "CREATE ROLE app_owner LOGIN PASSWORD 'secret' CONNECTION LIMIT 7",
  'CREATE ROLE reader',
  'GRANT reader TO app_owner WITH ADMIN OPTION',
  "ALTER ROLE app_owner SET search_path TO shop, \"$user\", public",
  "ALTER DATABASE app SET application_name TO 'it''s app'",
  'GRANT TEMPORARY ON DATABASE app TO reader',
  'CREATE SCHEMA shop AUTHORIZATION app_owner',
  "CREATE DOMAIN shop.positive AS int CHECK (VALUE > 0)",
  'CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who citext, n shop.positive)',
  "INSERT INTO shop.orders (who, n) SELECT 'Customer ' || i, i FROM generate_series(1, 50000) i",
  'CREATE TABLE no_key (at timestamptz, line text)',
  "INSERT INTO no_key SELECT now(), E'a\\tb\\\\c' FROM generate_series(1, 100)",
  'CREATE TABLE numbered (id serial PRIMARY KEY, node int)',
  'INSERT INTO numbered (node) SELECT 0 FROM generate_series(1, 1000)',
  'CREATE TABLE parts (k int, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k)',
  'CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100)',
  'CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (1000)',
  "INSERT INTO parts SELECT n, repeat('x', n) FROM generate_series(0, 999) n",
  'CREATE UNLOGGED TABLE scratch (v int)',
  'INSERT INTO scratch VALUES (1)',
  'GRANT SELECT ON no_key TO reader',
  'CREATE EXTENSION multimaster CASCADE',
];
const TABLES = ['shop.orders', 'no_key', 'numbered', 'parts'];

describe('a cluster begun from a database that is in use', { timeout: 300_000 }, () => {
  let nodes: LocalNodes;

  beforeAll(async () => {
    nodes = await LocalNodes.start_apart();
    await each(1, CONTENTS);
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  const query = (node: number, sql: string, options: ClientOptions = {}) => node_query(nodes, node, sql, options);
  async function each(node: number, statements: string[]): Promise<void> {
    const client = await nodes.client(node);
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  const init = (strings = [1, 2, 3].map((node) => nodes.link_conninfo(node)), setup = 'user=postgres') => {
    const [own, ...peers] = strings.map((text) => `'${text.replace(/'/g, "''")}'`);
    return `SELECT mtm.init_cluster(${own}, ARRAY[${peers.join(', ')}]::text[], '${setup}')`;
  };

  /** What the error says, and that the servers are what they were. */
  async function refused(sql: string, ...says: RegExp[]): Promise<void> {
    const error = await query(1, sql).then(
      () => null,
      (raised: Error & { detail?: string }) => raised,
    );
    expect(error).not.toBeNull();
    for (const said of says) expect(`${error!.message}\n${error!.detail}`).toMatch(said);
    for (const node of nodes.ids) {
      expect(await query(node, 'SELECT name FROM pg_file_settings WHERE sourcefile ~ \'auto.conf\'')).toEqual([]);
      expect(await query(node, 'SELECT gid FROM pg_prepared_xacts')).toEqual([]);
      await query(node, 'CREATE TABLE probe (); DROP TABLE probe');
    }
    expect(await query(2, "SELECT FROM pg_extension WHERE extname = 'multimaster'")).toEqual([]);
    expect(await query(2, "SELECT FROM pg_roles WHERE rolname = 'app_owner'")).toEqual([]);
  }

  test('needs the right strings', async () => {
    await refused(init([nodes.link_conninfo(1)]), /at least one other/);
    await refused(init([nodes.link_conninfo(1), 'nonsense']), /connection string 2 is wrong/);
    await refused(init([nodes.link_conninfo(1), 'host=127.0.0.1']), /connection string 2 is wrong: it has no dbname/);
    await refused(init([2, 1].map((node) => nodes.link_conninfo(node))), /Server 1: .* leads to another server/);
    await refused(init([1, 2, 2].map((node) => nodes.link_conninfo(node))), /Server 3: it is the same server as server 2/);
  });

  test('needs servers that answer, to a superuser', async () => {
    const dead = "host=127.0.0.1 port=1 dbname=app user=postgres";
    await refused(init([nodes.link_conninfo(1), dead, nodes.link_conninfo(3)]), /Server 2: could not connect/);
    await refused(init(undefined, ''), /Server 1: .*superuser/, /Server 3: .*superuser/);
    await query(3, 'ALTER ROLE multimaster NOREPLICATION');
    await refused(init(), /Server 1: could not connect to it for replication: /, /Server 2: /, /Server 3: /);
    await query(3, 'ALTER ROLE multimaster REPLICATION');
  });

  test('needs settings with room for all', async () => {
    await query(2, 'ALTER SYSTEM SET max_replication_slots = 3');
    await nodes.stop(2);
    await nodes.start(2);
    await query(2, 'ALTER SYSTEM RESET max_replication_slots');
    await refused(init(), /Server 2: .*max_replication_slots is 3, needs at least 10/);
    await nodes.stop(2);
    await nodes.start(2);
  });

  test('needs peers that are empty, and nothing prepared', async () => {
    await query(3, 'CREATE TABLE mine (v int)');
    await refused(init(), /server 3 is neither empty nor the same/, /public.mine/);
    await query(3, 'DROP TABLE mine');
    await query(1, "BEGIN; INSERT INTO numbered (node) VALUES (1); PREPARE TRANSACTION 'open'");
    const error = query(1, init());
    await expect(error).rejects.toMatchObject({ code: '55000', detail: 'Server 1: the prepared transaction "open" is open: end it.' });
    await query(1, "ROLLBACK PREPARED 'open'");
    await expect(query(1, `BEGIN; CREATE TABLE t (); ${init()}`)).rejects.toMatchObject({ code: '25001' });
  });

  test('takes back what it did when the copy fails, or is cancelled', async () => {
    // What pg_dump says of it cannot be run: its function does not find its table.
    await each(1, [
      "CREATE FUNCTION enough() RETURNS bool LANGUAGE sql AS 'SELECT count(*) > 0 FROM numbered'",
      'CREATE TABLE checked (v int CHECK (enough()))',
      'INSERT INTO checked VALUES (1)',
    ]);
    await refused(init(), /could not be copied/, /relation "numbered" does not exist/);
    await each(1, ['DROP TABLE checked', 'DROP FUNCTION enough']);
    const reader = await nodes.client(1);
    await reader.query('BEGIN; LOCK TABLE no_key');
    const client = await nodes.client(1, { options: '-c statement_timeout=8s' });
    await expect(client.query(init())).rejects.toMatchObject({ code: '57014' });
    await client.end();
    await reader.query('ROLLBACK');
    await reader.end();
    await refused(init(undefined, 'user=app_owner password=secret'), /superuser/);
  });

  test('copies it all, and lets nobody write what is not copied', async () => {
    const writer = await nodes.client(1);
    let written = 0;
    let refusal: unknown = null;
    const writing = (async () => {
      while (refusal === null) {
        await writer.query("INSERT INTO shop.orders (who, n) VALUES ('Late', 1)").then(
          () => written++,
          (error: unknown) => (refusal = error),
        );
      }
    })();
    await query(1, init());
    await writing;
    expect(refusal).toMatchObject({ code: '57P03', message: expect.stringMatching(/takes no writes/) });
    await expect(query(3, 'CREATE TABLE mine (v int)')).rejects.toMatchObject({ code: '57P03' });
    await writer.end();
    await expect(query(1, init())).rejects.toMatchObject({ detail: expect.stringMatching(/Server 1: it is to be a node already/) });
    for (const node of nodes.ids) await nodes.stop(node);
    for (const node of nodes.ids) await nodes.start(node);
    await nodes.wait_online();
    await same_everywhere(nodes, TABLES);
    await same_schema_everywhere(nodes);
    for (const node of nodes.ids) {
      const sql = "SELECT count(*)::int AS orders, count(*) FILTER (WHERE who = 'LATE')::int AS late FROM shop.orders";
      expect(await query(node, sql)).toEqual([{ orders: 50_000 + written, late: written }]);
    }
  });

  test('has roles, rights and settings everywhere', async () => {
    for (const node of nodes.ids) {
      expect(await query(node, 'SHOW search_path', { user: 'app_owner', password: 'secret' })).toEqual([
        { search_path: 'shop, "$user", public' },
      ]);
      expect(await query(node, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app_owner'")).toEqual([{ rolconnlimit: 7 }]);
      expect(await query(node, 'SHOW application_name')).toEqual([{ application_name: "it's app" }]);
      const rights = "SELECT has_database_privilege('reader', 'app', 'TEMP') AS temp, has_table_privilege('reader', 'no_key', 'SELECT') AS read, pg_has_role('app_owner', 'reader', 'MEMBER') AS member";
      expect(await query(node, rights)).toEqual([{ temp: true, read: true, member: true }]);
    }
  });

  test('takes writes on every node, with numbers of their own', async () => {
    const given = await Promise.all(
      nodes.ids.map((node) => query(node, `INSERT INTO numbered (node) SELECT ${node} FROM generate_series(1, 50) RETURNING id`)),
    );
    const ids = given.flat().map(({ id }) => Number(id));
    expect(new Set(ids).size).toBe(150);
    expect(Math.min(...ids)).toBeGreaterThan(1000);
    await Promise.all(nodes.ids.map((node) => query(node, `INSERT INTO shop.orders (who, n) SELECT 'New', ${node} FROM generate_series(1, 50)`)));
    for (const node of nodes.ids) {
      await query(node, `INSERT INTO no_key VALUES (now(), 'from ${node}'); UPDATE no_key SET line = line || '!' WHERE line = 'from ${node}'`);
      await query(node, `DELETE FROM parts WHERE k = ${node * 100}`);
    }
    await same_everywhere(nodes, TABLES);
    expect(await query(2, 'SELECT * FROM mtm.check_database()')).toEqual([]);
  });

  test('lets no node of a cluster be taken into another', async () => {
    await expect(query(1, init())).rejects.toMatchObject({ code: '55000', message: expect.stringMatching(/is a node of a multimaster cluster already/) });
  });
});
