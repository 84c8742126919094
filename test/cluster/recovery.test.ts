// A node that was away gets what it missed: rows, schema changes, large transactions,
// users' own prepared transactions, from one donor or another.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { only_these_are_online } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';

const SETTINGS = {
  'multimaster.heartbeat_recv_timeout': '1s',
  'multimaster.trans_spill_threshold': '256kB',
};
const POLL_MS = 50;

describe('a node that comes back', { timeout: 60_000 }, () => {
  let nodes: ClusterNodes;
  const clients = new Map<number, pg.Client>();

  beforeAll(async () => {
    nodes = await start_cluster({ proxy: true, settings: SETTINGS });
    await query(1, 'CREATE TABLE kept (id int PRIMARY KEY, n int, v text)');
    await query(1, 'CREATE TABLE keyless (n int, v text)');
  });

  beforeEach(async () => {
    await query(1, 'TRUNCATE kept, keyless');
    await query(1, 'INSERT INTO kept SELECT n, 0, repeat(md5(n::text), 3) FROM generate_series(1, 1000) n');
    await query(1, "INSERT INTO keyless SELECT n % 3, 'x' FROM generate_series(1, 30) n");
  });

  afterEach(async () => {
    for (const client of clients.values()) await client.end().catch(() => {});
    clients.clear();
    // After a failure the next test shall find them all.
    await nodes.heal();
    await all_ended(nodes.ids.map((node) => nodes.start(node)));
    await nodes.wait_online();
  });

  afterAll(async () => {
    await nodes.destroy();
  });

  async function query(node: number, text: string): Promise<pg.QueryResult> {
    let client = clients.get(node);
    if (client === undefined) {
      client = await nodes.client(node);
      client.on('error', () => clients.delete(node));
      clients.set(node, client);
    }
    return client.query(text);
  }

  /** Each of the others goes on without it: until then a statement there may fail. */
  async function gone(node: number): Promise<void> {
    await only_these_are_online(nodes, nodes.ids.filter((id) => id !== node));
  }

  async function away(node: number): Promise<void> {
    await nodes.kill(node);
    clients.delete(node);
    await gone(node);
  }

  async function back(node: number): Promise<void> {
    await nodes.start(node);
    await nodes.wait_online();
  }

  test('has every kind of change that it missed', async () => {
    await away(3);
    await query(1, 'UPDATE kept SET n = n + 1 WHERE id <= 500');
    await query(2, 'UPDATE kept SET id = id + 10000 WHERE id % 100 = 0');
    await query(2, 'DELETE FROM kept WHERE id BETWEEN 101 AND 150');
    await query(1, "UPDATE keyless SET v = 'changed' WHERE ctid IN (SELECT ctid FROM keyless LIMIT 3)");
    await query(1, 'CREATE TABLE made (a int PRIMARY KEY, b text DEFAULT $$of node $$)');
    await query(1, 'INSERT INTO made SELECT g FROM generate_series(1, 10) g');
    await query(1, 'BEGIN; ALTER TABLE made ADD c int; UPDATE made SET c = a; COMMIT');
    await query(1, 'CREATE INDEX ON made (c)');
    await query(2, 'TRUNCATE keyless');
    await query(1, "INSERT INTO keyless VALUES (7, 'after'), (7, 'after')");
    await back(3);
    await same_everywhere(nodes, ['kept', 'keyless', 'made']);
    await same_schema_everywhere(nodes);
    await query(3, 'DROP TABLE made');
  });

  test('has its sequences where the others put them meanwhile', async () => {
    const insert = (node: number) =>
      query(node, `INSERT INTO numbered (node) SELECT ${node} FROM generate_series(1, 20) RETURNING a, b`);
    await query(1, 'CREATE TABLE numbered (a serial PRIMARY KEY, b int GENERATED ALWAYS AS IDENTITY, node int)');
    await same_everywhere(nodes, ['numbered']);
    for (const node of nodes.ids) await insert(node);
    await away(3);
    await query(1, 'TRUNCATE numbered RESTART IDENTITY');
    await query(2, 'INSERT INTO numbered (a, node) SELECT n, 0 FROM generate_series(1, 500) n');
    // One of them comes from a node that is not its donor.
    await query(1, "SELECT setval('numbered_a_seq', 500)");
    await query(2, "SELECT setval('numbered_b_seq', 40, false)");
    await back(3);
    const rows = (await Promise.all(nodes.ids.map(insert))).flatMap((result) => result.rows as { a: number; b: number }[]);
    for (const [column, first] of [['a', 505], ['b', 41]] as const) {
      const given = rows.map((row) => row[column]);
      expect(new Set(given).size).toBe(60);
      expect(Math.min(...given)).toBe(first);
    }
    await same_everywhere(nodes, ['numbered']);
    await query(3, 'DROP TABLE numbered');
  });

  test('has indexes that were built concurrently, and not what such a build left with it', async () => {
    await query(3, 'SET multimaster.bypass = on');
    await query(3, "INSERT INTO kept SELECT n, -1, 'twice' FROM generate_series(5001, 5002) n");
    await query(3, 'CREATE UNIQUE INDEX CONCURRENTLY kept_both ON kept (v)').catch(() => {});
    await query(3, 'DELETE FROM kept WHERE n = -1');
    await query(3, 'CREATE UNIQUE INDEX CONCURRENTLY kept_alone ON kept (id, n)');
    await query(1, 'CREATE INDEX CONCURRENTLY kept_dropped ON kept (n)');
    await away(3);
    await query(1, 'CREATE UNIQUE INDEX CONCURRENTLY kept_made ON kept (id, (n + 1)) WHERE n < 100');
    await query(2, 'CREATE INDEX CONCURRENTLY kept_both ON kept (v)');
    await query(1, 'DROP INDEX CONCURRENTLY kept_dropped');
    await query(2, 'DROP INDEX kept_made');
    await query(2, 'CREATE INDEX CONCURRENTLY kept_made ON kept (n)');
    await back(3);
    await query(3, 'DROP INDEX CONCURRENTLY IF EXISTS kept_alone');
    await same_everywhere(nodes, ['kept', 'mtm.unfinished_statements']);
    await same_schema_everywhere(nodes);
    const incomplete = 'SELECT FROM pg_index WHERE NOT indisvalid';
    for (const node of nodes.ids) expect((await query(node, incomplete)).rowCount).toBe(0);
    await query(1, 'DROP INDEX kept_made, kept_both');
  });

  test('is killed while it builds an index: no node has it then, nor has it when it comes back', async () => {
    const reader = await nodes.client(3);
    reader.on('error', () => {});
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    const failing = query(1, 'CREATE UNIQUE INDEX CONCURRENTLY kept_n ON kept (id, n)').then(
      () => undefined,
      (reason: unknown) => reason as pg.DatabaseError,
    );
    const waits = "SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%snapshots%'";
    while ((await query(3, waits)).rowCount === 0) await sleep(POLL_MS);
    await away(3);
    const error = await failing;
    expect(error?.message).toMatch(/node 3/);
    expect(error).toMatchObject({ detail: undefined, hint: 'Nothing of it is left on any node.' });
    await query(1, 'ALTER TABLE kept DROP CONSTRAINT kept_pkey');
    await query(2, 'INSERT INTO kept VALUES (1, 0)');
    await back(3);
    await same_everywhere(nodes, ['kept', 'mtm.unfinished_statements']);
    await same_schema_everywhere(nodes);
    for (const node of nodes.ids) {
      expect((await query(node, "SELECT FROM pg_class WHERE relname = 'kept_n'")).rowCount).toBe(0);
    }
    await query(1, 'TRUNCATE kept; ALTER TABLE kept ADD PRIMARY KEY (id)');
  });

  test('drops an index that no other node has, when it refuses what they committed', async () => {
    await query(3, 'SET multimaster.bypass = on');
    await query(3, 'CREATE UNIQUE INDEX CONCURRENTLY kept_alone ON kept (id, n, v)');
    await query(3, 'CREATE UNIQUE INDEX CONCURRENTLY keyless_alone ON keyless (n) WHERE v = $$twice$$');
    await away(3);
    await query(1, "INSERT INTO keyless VALUES (5, 'twice'), (5, 'twice')");
    await back(3);
    await same_everywhere(nodes, ['keyless']);
    const { rows } = await query(3, "SELECT relname FROM pg_class WHERE relname LIKE '%alone'");
    expect(rows).toEqual([{ relname: 'kept_alone' }]);
    await query(2, 'DROP INDEX CONCURRENTLY IF EXISTS kept_alone');
    await same_schema_everywhere(nodes);
  });

  test("takes no index for one that no other node has because of what a user's trigger says", async () => {
    await query(1, 'CREATE TABLE beside (n int)');
    await query(1, "INSERT INTO mtm.local_tables VALUES ('public', 'beside')");
    await query(1, 'CREATE UNIQUE INDEX beside_n ON beside (n)');
    await query(1, 'CREATE UNIQUE INDEX kept_id_n ON kept (id, n)');
    await query(3, 'INSERT INTO beside VALUES (1)');
    await query(1, 'CREATE SEQUENCE tries');
    // On node 3 it fails until recovery would have dropped one index, then the other.
    await query(1, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM public.beside) THEN
          IF nextval('public.tries') <= 4 * 8 THEN
            RAISE unique_violation USING SCHEMA = 'public', TABLE = 'kept', CONSTRAINT = 'kept_id_n';
          ELSIF lastval() <= 5 * 8 THEN
            INSERT INTO public.beside VALUES (1);
          END IF;
        END IF;
        RETURN new;
      END $$`);
    await query(1, 'CREATE TRIGGER refuse BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION refuse()');
    await query(1, 'ALTER TABLE kept ENABLE ALWAYS TRIGGER refuse');
    await away(3);
    await query(1, 'INSERT INTO kept VALUES (-1, 0)');
    await back(3);
    const { rows } = await query(3, "SELECT relname FROM pg_class WHERE relname IN ('beside_n', 'kept_id_n') ORDER BY 1");
    expect(rows).toEqual([{ relname: 'beside_n' }, { relname: 'kept_id_n' }]);
    const tries = await query(3, "SELECT nextval('tries') > 6 * 8 AS enough");
    expect(tries.rows).toEqual([{ enough: true }]);
    await same_everywhere(nodes, ['kept']);
    await query(1, 'DROP TABLE beside; DROP INDEX kept_id_n; DROP FUNCTION refuse() CASCADE; DROP SEQUENCE tries');
  });

  test('has an index under the name of one that it alone has', async () => {
    await query(1, 'CREATE INDEX kept_both ON kept (n)');
    await query(3, 'SET multimaster.bypass = on');
    await query(3, 'CREATE INDEX CONCURRENTLY kept_again ON kept ((n + 1))');
    await query(3, "INSERT INTO kept SELECT n, -1, 'twice' FROM generate_series(5001, 5002) n");
    await query(3, 'CREATE UNIQUE INDEX CONCURRENTLY kept_half ON kept (v)').catch(() => {});
    await query(3, 'DELETE FROM kept WHERE n = -1');
    await away(3);
    await query(1, 'CREATE INDEX kept_again ON kept (v)');
    await query(2, 'CREATE INDEX IF NOT EXISTS kept_half ON kept (v)');
    await query(2, 'CREATE INDEX IF NOT EXISTS kept_both ON kept (v)');
    await back(3);
    await same_schema_everywhere(nodes);
    const { rows } = await query(3, "SELECT indexdef FROM pg_indexes WHERE indexname = 'kept_again'");
    expect(rows).toEqual([{ indexdef: 'CREATE INDEX kept_again ON public.kept USING btree (v)' }]);
    const incomplete = 'SELECT FROM pg_index WHERE NOT indisvalid';
    expect((await query(3, incomplete)).rowCount).toBe(0);
    await query(1, 'DROP INDEX kept_again, kept_half, kept_both');
  });

  test('has what the others gave the name of an index that it alone has', async () => {
    const given = ['table', 'view', 'unique', 'renamed', 'moved', 'moved_id_seq', 'moved_id_idx', 'sequence', 'primary']
      .map((kind) => `kept_${kind}`);
    await query(1, 'CREATE SCHEMA apart; CREATE TABLE apart.kept_moved (id serial); CREATE INDEX ON apart.kept_moved (id)');
    await query(1, 'CREATE TABLE kept_before (id int PRIMARY KEY, CONSTRAINT positive CHECK (id > 0))');
    await query(1, 'CREATE INDEX kept_own ON kept_before (id)');
    await query(3, 'SET multimaster.bypass = on');
    for (const name of [...given, 'kept_n_v_idx']) {
      await query(3, `CREATE INDEX CONCURRENTLY ${name} ON keyless (n)`);
    }
    await away(3);
    await query(1, 'CREATE TABLE kept_table (id int CONSTRAINT kept_unique UNIQUE)');
    await query(2, 'CREATE VIEW kept_view AS SELECT 1 AS one');
    await query(1, 'ALTER TABLE kept_before RENAME CONSTRAINT kept_before_pkey TO kept_primary');
    await query(1, 'ALTER TABLE kept_before RENAME CONSTRAINT positive TO kept_own');
    await query(1, 'ALTER TABLE kept_before SET SCHEMA public; ALTER TABLE kept_before RENAME TO kept_renamed');
    await query(2, 'ALTER TABLE apart.kept_moved SET SCHEMA public');
    await query(1, 'CREATE SEQUENCE kept_sequence; CREATE INDEX ON kept (n, v)');
    await back(3);
    await same_schema_everywhere(nodes);
    await query(2, 'DROP VIEW kept_view; DROP TABLE kept_table, kept_renamed, kept_moved');
    await query(2, 'DROP SEQUENCE kept_sequence; DROP SCHEMA apart; DROP INDEX kept_n_v_idx');
  });

  test('has an index whose statement never ended, when the others use it', async () => {
    await away(3);
    const reader = await nodes.client(2);
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    const builder = await nodes.client(1);
    builder.on('error', () => {});
    const { rows } = await builder.query('SELECT pg_backend_pid() AS pid');
    const ended = builder.query('CREATE UNIQUE INDEX CONCURRENTLY kept_used ON kept (id, n)').catch(() => {});
    const building = 'SELECT phase FROM pg_stat_progress_create_index';
    while (!/snapshots/.test(String((await query(2, building)).rows[0]?.phase))) await sleep(POLL_MS);
    await query(1, `SELECT pg_terminate_backend(${(rows[0] as { pid: number }).pid})`);
    await ended;
    while ((await query(2, building)).rowCount !== 0) await sleep(POLL_MS);
    await reader.end();
    await query(2, 'SET multimaster.bypass = on; DROP INDEX IF EXISTS kept_used');
    await query(2, 'CREATE UNIQUE INDEX CONCURRENTLY kept_used ON kept (id, n)');
    await query(2, 'RESET multimaster.bypass');
    await query(1, 'ALTER TABLE kept ADD CONSTRAINT kept_used UNIQUE USING INDEX kept_used');
    await query(2, 'INSERT INTO kept VALUES (-1, 0)');
    await back(3);
    await same_everywhere(nodes, ['kept', 'mtm.unfinished_statements']);
    await same_schema_everywhere(nodes);
    await query(1, 'ALTER TABLE kept DROP CONSTRAINT kept_used');
    await query(1, 'DROP INDEX CONCURRENTLY IF EXISTS kept_used');
    expect((await query(3, 'SELECT FROM mtm.unfinished_statements')).rowCount).toBe(0);
  });

  test('has no partition that was detached concurrently, as the others: its bound is a CHECK', async () => {
    const detach = (part: string) => `ALTER TABLE parts DETACH PARTITION ${part} CONCURRENTLY`;
    await query(1, 'CREATE TABLE parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id)');
    await query(1, 'CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10)');
    await query(1, 'CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id)');
    await query(1, 'CREATE TABLE part_21 PARTITION OF part_2 FOR VALUES FROM (10) TO (15)');
    await query(1, 'CREATE TABLE part_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)');
    await query(1, 'INSERT INTO parts SELECT n, n FROM generate_series(1, 29) n WHERE n NOT BETWEEN 15 AND 19');
    await same_everywhere(nodes, ['parts']);
    const reader = await nodes.client(3);
    reader.on('error', () => {});
    await reader.query('BEGIN; SELECT FROM parts');
    await query(3, 'SET multimaster.bypass = on');
    await query(3, "SET lock_timeout = '50ms'");
    await expect(query(3, detach('part_1'))).rejects.toMatchObject({ code: '55P03' });
    await away(3);
    await query(1, detach('part_1'));
    await query(1, detach('part_2'));
    await query(1, 'ALTER TABLE parts ADD COLUMN later int DEFAULT 5');
    await query(2, 'UPDATE part_1 SET n = 0');
    await query(2, 'UPDATE part_2 SET n = 0');
    await back(3);
    await same_everywhere(nodes, ['parts', 'part_1', 'part_2', 'mtm.unfinished_statements']);
    await same_schema_everywhere(nodes);
    const left = "SELECT inhrelid::regclass::text AS part FROM pg_inherits WHERE inhparent = 'parts'::regclass";
    for (const node of nodes.ids) expect((await query(node, left)).rows).toEqual([{ part: 'part_3' }]);
    await query(3, 'DROP TABLE parts, part_1, part_2');
  });

  test('has a transaction that is larger than its memory for one', async () => {
    await away(2);
    await query(3, 'UPDATE kept SET v = repeat(v, 40), n = 5');
    await query(1, 'INSERT INTO kept SELECT n, 1, repeat(md5(n::text), 20) FROM generate_series(2001, 8000) n');
    await back(2);
    await same_everywhere(nodes, ['kept']);
  });

  test('has what schema changes computed, also when that is large', async () => {
    await query(1, 'CREATE TABLE fired (id int)');
    await query(1, `CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO fired VALUES (new.id); RETURN new; END'`);
    await query(1, 'CREATE TRIGGER fire BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION fire()');
    await query(1, 'ALTER TABLE kept ENABLE ALWAYS TRIGGER fire');
    await query(1, 'ALTER TABLE kept ADD CONSTRAINT later CHECK (id > 10) NOT VALID');
    await query(1, 'CREATE MATERIALIZED VIEW seen AS SELECT id, random() AS r FROM kept WITH NO DATA');
    await away(3);
    await query(1, `CREATE TABLE made AS
      SELECT id, random() AS r, repeat(md5(random()::text), 300) AS v FROM kept`);
    await query(2, 'BEGIN; DELETE FROM kept WHERE id = 999; ALTER TABLE kept ADD r float DEFAULT random(); '
      + "UPDATE kept SET r = r + 1 WHERE id = 1000; ALTER TABLE made ALTER v TYPE text USING v || random(); COMMIT");
    // from both: one of them is the donor, and has the other's in its WAL as it applied it
    await query(1, 'ALTER TABLE kept ADD s float DEFAULT random()');
    await query(1, 'REFRESH MATERIALIZED VIEW seen');
    await query(1, 'CREATE UNIQUE INDEX ON seen (id)');
    await query(2, 'REFRESH MATERIALIZED VIEW CONCURRENTLY seen');
    await back(3);
    await same_everywhere(nodes, ['kept', 'made', 'seen', 'fired']);
    await same_schema_everywhere(nodes);
    const { rows } = await query(3, 'SELECT count(*)::int AS n FROM fired');
    expect(rows).toEqual([{ n: 0 }]);
    await query(3, 'DROP TABLE made, fired; DROP MATERIALIZED VIEW seen');
    await query(3, 'ALTER TABLE kept DROP COLUMN r, DROP COLUMN s, DROP CONSTRAINT later; DROP FUNCTION fire() CASCADE');
  });

  test('and was stopped in good order', async () => {
    await nodes.stop(1);
    clients.delete(1);
    await gone(1);
    await query(2, 'UPDATE kept SET n = 2');
    await back(1);
    await same_everywhere(nodes, ['kept']);
  });

  test('changes what it just got', async () => {
    await away(3);
    for (let n = 1; n <= 20; n++) await query(1 + (n % 2), `UPDATE kept SET n = ${n} WHERE id = 1`);
    await back(3);
    await query(3, 'UPDATE kept SET n = n * 2 WHERE id = 1');
    await same_everywhere(nodes, ['kept']);
    const { rows } = await query(1, 'SELECT n FROM kept WHERE id = 1');
    expect(rows).toEqual([{ n: 40 }]);
  });

  test("has users' own prepared transactions as the others have them", async () => {
    await query(1, "BEGIN; UPDATE kept SET n = 11 WHERE id = 11; PREPARE TRANSACTION 'before, committed'");
    await query(1, "BEGIN; UPDATE kept SET n = 12 WHERE id = 12; PREPARE TRANSACTION 'before, rolled back'");
    await query(2, "BEGIN; UPDATE kept SET n = 13 WHERE id = 13; PREPARE TRANSACTION 'before, kept'");
    await away(3);
    await query(2, "COMMIT PREPARED 'before, committed'");
    await query(1, "ROLLBACK PREPARED 'before, rolled back'");
    await query(2, "BEGIN; UPDATE kept SET n = 21 WHERE id = 21; PREPARE TRANSACTION 'away, committed'");
    await query(1, "COMMIT PREPARED 'away, committed'");
    await query(1, "BEGIN; UPDATE kept SET n = 22 WHERE id = 22; PREPARE TRANSACTION 'away, rolled back'");
    await query(1, "ROLLBACK PREPARED 'away, rolled back'");
    await query(1, "BEGIN; UPDATE kept SET n = 23 WHERE id = 23; PREPARE TRANSACTION 'away, kept'");
    await query(2, "BEGIN; UPDATE kept SET n = 24 WHERE id = 24; PREPARE TRANSACTION 'used again'");
    await query(1, "COMMIT PREPARED 'used again'");
    await query(1, "BEGIN; UPDATE kept SET n = 25 WHERE id = 24; PREPARE TRANSACTION 'used again'");
    await back(3);
    const left = ['away, kept', 'before, kept', 'used again'];
    for (const node of nodes.ids) {
      const { rows } = await query(node, 'SELECT gid FROM pg_prepared_xacts ORDER BY gid');
      expect(rows.map(({ gid }) => gid as string), `node ${node}`).toEqual(left);
    }
    await query(3, "COMMIT PREPARED 'away, kept'");
    await query(3, "COMMIT PREPARED 'used again'");
    await query(1, "ROLLBACK PREPARED 'before, kept'");
    await same_everywhere(nodes, ['kept']);
    const { rows } = await query(3, 'SELECT id, n FROM kept WHERE n > 0 ORDER BY id');
    expect(rows).toEqual([
      { id: 11, n: 11 },
      { id: 21, n: 21 },
      { id: 23, n: 23 },
      { id: 24, n: 25 },
    ]);
  });

  test("has a user's transaction that it had applied, and not prepared, when it was killed", async () => {
    await query(3, "SELECT mtm.inject_2pc_error('applied', 'wait')");
    await query(1, 'BEGIN; UPDATE kept SET n = 31 WHERE id = 31');
    // Node 3 never votes: the others go on with what both of them have.
    const told = query(1, "PREPARE TRANSACTION 'half'").catch(() => {});
    await waits_at_stop_point(3, 'participant');
    // So that it finds in its WAL what it said of the transaction.
    await query(3, 'SELECT pg_switch_wal()');
    await away(3);
    await told;
    await back(3);
    for (const node of nodes.ids) {
      const { rows } = await query(node, 'SELECT gid FROM pg_prepared_xacts');
      expect(rows, `node ${node}`).toEqual([{ gid: 'half' }]);
    }
    await query(2, "COMMIT PREPARED 'half'");
    await same_everywhere(nodes, ['kept']);
    const { rows } = await query(3, 'SELECT n FROM kept WHERE id = 31');
    expect(rows).toEqual([{ n: 31 }]);
  });

  test('has rows with foreign keys, and the locks of a prepared one', async () => {
    await query(1, 'CREATE TABLE parent (id int PRIMARY KEY)');
    await query(1, 'CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)');
    await query(1, 'INSERT INTO parent VALUES (1), (2)');
    await away(3);
    await query(1, 'INSERT INTO child VALUES (1, 1), (2, 2)');
    await query(2, 'DELETE FROM parent WHERE id = 1');
    await query(1, 'INSERT INTO parent VALUES (3)');
    await query(1, "BEGIN; INSERT INTO child VALUES (3, 3); PREPARE TRANSACTION 'child'");
    await back(3);
    const error = await query(3, "SET lock_timeout = '50ms'; DELETE FROM parent WHERE id = 3").catch(
      (thrown: pg.DatabaseError) => thrown.code,
    );
    expect(error).toBe('55P03');
    await query(3, "COMMIT PREPARED 'child'");
    await same_everywhere(nodes, ['parent', 'child']);
    const { rows } = await query(3, 'SELECT id, parent FROM child ORDER BY id');
    expect(rows).toEqual([
      { id: 2, parent: 2 },
      { id: 3, parent: 3 },
    ]);
    await query(1, 'DROP TABLE parent, child');
  });

  // Of those before, the stream may have all, or only the end.
  test.each([false, true])('keeps prepared transactions whose names were used before (confirmed in between: %s)', async (confirmed) => {
    await query(2, "BEGIN; UPDATE kept SET n = 41 WHERE id = 41; PREPARE TRANSACTION 'after COMMIT'");
    await query(2, "BEGIN; UPDATE kept SET n = 51 WHERE id = 51; PREPARE TRANSACTION 'after ROLLBACK'");
    if (confirmed) for (const node of [1, 2]) await node_3_confirmed(node);
    const again = async (verb: string, id: number) => {
      const [one, other] = await all_ended([nodes.client(2), nodes.client(1)]);
      await one!.query(`${verb} PREPARED 'after ${verb}'`);
      await other!.query(`BEGIN; UPDATE kept SET n = ${id} WHERE id = ${id}; PREPARE TRANSACTION 'after ${verb}'`);
      await all_ended([one!.end(), other!.end()]);
    };
    await all_ended([again('COMMIT', 42), again('ROLLBACK', 52)]);
    await away(3);
    await back(3);
    await has_prepared(['after COMMIT', 'after ROLLBACK']);
  });

  /** What is in the node's WAL by now. */
  async function node_3_confirmed(node: number): Promise<void> {
    const { rows } = await query(node, 'SELECT pg_current_wal_flush_lsn() AS lsn');
    const confirmed = `SELECT FROM pg_replication_slots WHERE slot_name = 'mtm_slot_3'
      AND confirmed_flush_lsn >= '${(rows[0] as { lsn: string }).lsn}'`;
    while ((await query(node, confirmed)).rowCount === 0) await sleep(POLL_MS);
  }

  test('ends what was committed under a name that had been used before', async () => {
    await query(2, "BEGIN; UPDATE kept SET n = 41 WHERE id = 41; PREPARE TRANSACTION 'twice'");
    await query(2, "ROLLBACK PREPARED 'twice'");
    await query(1, "BEGIN; UPDATE kept SET n = 42 WHERE id = 42; PREPARE TRANSACTION 'twice'");
    for (const node of [1, 2]) await node_3_confirmed(node);
    await away(3);
    await query(2, "COMMIT PREPARED 'twice'");
    // It waits for the lock of what is prepared, whose end is in the stream, but not its PREPARE.
    await query(2, 'UPDATE kept SET n = n + 1 WHERE id = 42');
    await back(3);
    const { rows } = await query(3, 'SELECT n FROM kept WHERE id = 42');
    expect(rows).toEqual([{ n: 43 }]);
    await same_everywhere(nodes, ['kept']);
  });

  test('has prepared transactions under the names of others, whose end it missed', async () => {
    await query(2, "BEGIN; UPDATE kept SET n = 41 WHERE id = 41; PREPARE TRANSACTION 'after COMMIT'");
    await query(2, "BEGIN; UPDATE kept SET n = 51 WHERE id = 51; PREPARE TRANSACTION 'after ROLLBACK'");
    for (const node of [1, 2]) await node_3_confirmed(node);
    await away(3);
    await query(2, "COMMIT PREPARED 'after COMMIT'");
    await query(1, "ROLLBACK PREPARED 'after ROLLBACK'");
    await query(1, "BEGIN; UPDATE kept SET n = 42 WHERE id = 42; PREPARE TRANSACTION 'after COMMIT'");
    await query(1, "BEGIN; UPDATE kept SET n = 52 WHERE id = 52; PREPARE TRANSACTION 'after ROLLBACK'");
    await back(3);
    await has_prepared(['after COMMIT', 'after ROLLBACK']);
  });

  /** These, which are committed then, as all others have them. */
  async function has_prepared(gids: string[]): Promise<void> {
    const found = [];
    for (const node of nodes.ids) found.push((await query(node, 'SELECT gid FROM pg_prepared_xacts ORDER BY gid')).rows);
    for (const gid of gids) await query(1, `COMMIT PREPARED '${gid}'`);
    expect(found).toEqual(nodes.ids.map(() => gids.map((gid) => ({ gid }))));
    await same_everywhere(nodes, ['kept']);
  }

  test('ends sessions that hold what it needs', async () => {
    const holder = await nodes.client(3);
    const ended = new Promise((resolve) => holder.on('error', resolve));
    await holder.query('BEGIN; UPDATE kept SET n = 99 WHERE id = 1');
    await nodes.partition([[3], [1, 2]]);
    await gone(3);
    await query(1, 'UPDATE kept SET n = 1 WHERE id = 1');
    await nodes.heal();
    await nodes.wait_online();
    await ended;
    await same_everywhere(nodes, ['kept']);
  });

  test('tells a client that was cut off in the middle of its commit how it ended', async () => {
    // Node 3 waits before it decides: all have voted yes, the others commit without it.
    await query(3, "SELECT mtm.inject_2pc_error('decided', 'wait')");
    const committing = await nodes.client(3);
    const told = committing.query('UPDATE kept SET n = 77 WHERE id = 77').then(
      () => 'committed',
      (error: pg.DatabaseError) => error.code,
    );
    await waits_at_stop_point(3, 'coordinator');
    await nodes.partition([[3], [1, 2]]);
    await gone(3);
    const { rows } = await query(1, 'SELECT n FROM kept WHERE id = 77');
    expect(rows).toEqual([{ n: 77 }]);
    const bypassing = await nodes.client(3);
    await bypassing.query("SET multimaster.bypass = on; SELECT mtm.inject_2pc_error('', 'fail')");
    await bypassing.end();
    await nodes.heal();
    expect(await told).toBe('committed');
    await nodes.wait_online();
    await committing.end();
    await same_everywhere(nodes, ['kept']);
  });

  test('tells a client whose commit the others never heard of to try again', async () => {
    await query(3, "SELECT mtm.inject_2pc_error('registered', 'wait')");
    const committing = await nodes.client(3);
    const told = committing.query('UPDATE kept SET n = 78 WHERE id = 78').then(
      () => 'committed',
      (error: pg.DatabaseError) => error.code,
    );
    await waits_at_stop_point(3, 'coordinator');
    await nodes.partition([[3], [1, 2]]);
    await gone(3);
    const bypassing = await nodes.client(3);
    await bypassing.query("SET multimaster.bypass = on; SELECT mtm.inject_2pc_error('', 'fail')");
    await bypassing.end();
    await nodes.heal();
    expect(await told).toMatch(/^(57P03|40001)$/);
    await nodes.wait_online();
    await committing.end();
    const { rows } = await query(3, 'SELECT n FROM kept WHERE id = 78');
    expect(rows).toEqual([{ n: 0 }]);
    await same_everywhere(nodes, ['kept']);
  });

  /** A backend of the node is in the middle of its commit. */
  async function waits_at_stop_point(node: number, role: 'coordinator' | 'participant'): Promise<void> {
    const waiting = `SELECT FROM mtm.shell_transactions() WHERE role = '${role}'`;
    while ((await query(node, waiting)).rowCount === 0) await sleep(POLL_MS);
    await sleep(2 * POLL_MS);
  }

  test('comes back from the other donor when the first is lost meanwhile', async () => {
    await away(3);
    await query(1, 'UPDATE kept SET n = 3');
    await nodes.start(3);
    await nodes.kill(1);
    clients.delete(1);
    await sleep(300);
    await nodes.start(1);
    await nodes.wait_online();
    await same_everywhere(nodes, ['kept']);
  });

  test('all three, in any order', async () => {
    await all_ended(nodes.ids.map((node) => nodes.kill(node)));
    clients.clear();
    for (const node of [2, 3, 1]) {
      await nodes.start(node);
      await sleep(300);
    }
    await nodes.wait_online();
    await same_everywhere(nodes, ['kept', 'keyless']);
  });
});
