// More nodes join in a cluster's life than there are shares of sequence values at first: they
// get halves of those of others, while all nodes insert, and no value comes twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalCluster } from '../../ts-src/cli/local_cluster.ts';
import { write_record } from '../../ts-src/cli/cluster_record.ts';
import { LocalNodes } from './local_nodes.ts';
import { becomes, node_query, only_these_are_online, type Row } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';
import { NUMBERED, NUMBERED_TABLES, ValueLoad } from './value_load.ts';

const ROWS = 20;
const FOUNDERS = 3;
const NOBODY = "mtm.add_node('host=127.0.0.1 port=1 dbname=app')";

interface Listed {
  id: number;
  share_remainder: number;
  share_modulus: number;
  share_split_from: number | null;
}

describe('shares of sequence values', { timeout: 300_000 }, () => {
  let nodes: LocalNodes;
  let load: ValueLoad;

  beforeAll(async () => {
    nodes = await LocalNodes.start({ settings: { 'multimaster.heartbeat_recv_timeout': '1s' } });
    const client = await nodes.client(1);
    for (const statement of NUMBERED) await client.query(statement);
    await client.end();
    load = new ValueLoad(nodes);
    for (const node of nodes.ids) load.begin(node);
    await load.progress(nodes.ids, ROWS);
  });

  afterAll(async () => {
    await load?.stop_all();
    await nodes?.destroy();
  });

  const query = <T = Row>(node: number, sql: string) => node_query<T>(nodes, node, sql);
  const shows = (ids: number[], sql: string, wanted: unknown) => becomes(nodes, ids, sql, wanted);

  const configured = (ids: number[]) =>
    shows(ids, 'SELECT gen_configured FROM mtm.status() WHERE gen_members = gen_configured', ids);

  /** A node that is listed, and dropped before anybody made it: its share is used up. */
  async function add_nobody(node: number): Promise<number> {
    const client = await nodes.client(node);
    try {
      await client.query('BEGIN');
      const { rows } = await client.query<{ id: number }>(`SELECT ${NOBODY} AS id`);
      await client.query('SELECT mtm.drop_node($1)', [rows[0]!.id]);
      await client.query('COMMIT');
      return rows[0]!.id;
    } finally {
      await client.end();
    }
  }

  async function draw_bounded(node: number, count: number): Promise<void> {
    const values = await query<{ id: string }>(node, `SELECT nextval('bounded') AS id FROM generate_series(1, ${count})`);
    for (const { id } of values) load.note('bounded', id, node);
  }

  const LISTED = `SELECT id, share_remainder, share_modulus, share_split_from FROM mtm.cluster_nodes
                  WHERE share_modulus IS NOT NULL ORDER BY id`;

  /** What the list says and what the sequences do is the same, on each node. */
  async function check_shares(): Promise<void> {
    const lists = await Promise.all(nodes.ids.map((node) => query<Listed>(node, LISTED)));
    const given = lists[0]!;
    for (const list of lists) expect(list).toEqual(given);
    for (const node of nodes.ids) {
      const own = given.find(({ id }) => id === node);
      const halved = given.filter(({ share_split_from }) => share_split_from === node).length;
      const modulus = (own?.share_modulus ?? 8) * 2 ** halved;
      expect(await query(node, 'SELECT * FROM mtm.sequence_share')).toEqual([
        { node_id: node, remainder: own?.share_remainder ?? node - 1, modulus },
      ]);
      const increments = `SELECT seqrelid::regclass::text AS name, seqincrement::int AS by FROM pg_sequence
                          WHERE seqrelid::regclass::text ~ '^(with_|cached)' ORDER BY 1`;
      expect(await query(node, increments)).toEqual([
        { name: 'cached', by: modulus },
        { name: 'with_identity_id_seq', by: modulus },
        { name: 'with_options_id_seq', by: -3 * modulus },
        { name: 'with_serial_id_seq', by: modulus },
      ]);
    }
  }

  /** All nodes go on with inserts; nothing was given twice, and all have the same. */
  async function check(): Promise<void> {
    await load.progress(nodes.ids, ROWS);
    expect(load.doubled).toEqual([]);
    await check_shares();
    for (const node of nodes.ids) await load.stop(node);
    await same_everywhere(nodes, NUMBERED_TABLES);
    for (const node of nodes.ids) {
      expect(await nodes.logs(node)).not.toMatch(/reference leak/);
      load.begin(node);
    }
  }

  test('nobody had are used up first', async () => {
    for (const [i, source] of [1, 2, 3, 1, 2].entries()) {
      expect(await add_nobody(source)).toBe(FOUNDERS + 1 + i);
    }
    expect(await query(3, LISTED)).toEqual(
      [4, 5, 6, 7, 8].map((id) => ({ id, share_remainder: id - 1, share_modulus: 8, share_split_from: null })),
    );
    await check();
  });

  test('then a node that joins has half of those of its source', async () => {
    // Values that a session of the source has in its cache, and those of an open transaction.
    await query(1, 'CREATE SEQUENCE bounded MAXVALUE 25');
    for (const node of nodes.ids) await draw_bounded(node, 3);
    const session = await nodes.client(2);
    const drawn = async () => {
      const { rows } = await session.query<{ id: string }>("SELECT nextval('cached') AS id");
      load.note('with_cache', rows[0]!.id, 2);
    };
    for (let i = 0; i < 5; i++) await drawn();
    const open = await nodes.client(2);
    await open.query('BEGIN');
    const { rows } = await open.query<{ id: number }>('INSERT INTO with_serial (node) VALUES (2) RETURNING id');
    load.note('with_serial', rows[0]!.id, 2);
    const joined = nodes.join(2);
    joined.catch(() => {});
    await sleep(1_000);
    await load.progress([1, 2, 3], 1); // The one who wants the sequence for itself waits, not others.
    await open.query('COMMIT');
    expect(await joined).toBe(9);
    await configured([1, 2, 3, 9]);
    expect((await query(1, LISTED)).at(-1)).toEqual({
      id: 9, share_remainder: 9, share_modulus: 16, share_split_from: 2,
    });
    load.begin(9);
    for (let i = 0; i < 40; i++) await drawn();
    await open.end();
    await session.end();
    await check();
  });

  test('also of one that was at its end, and gets another', async () => {
    await query(1, 'ALTER SEQUENCE bounded MAXVALUE 10000');
    for (const node of nodes.ids) await draw_bounded(node, 50);
    expect(load.doubled).toEqual([]);
  });

  test('and each has its own of sequences that come later', async () => {
    await query(9, 'CREATE TABLE later (id serial PRIMARY KEY, node int)');
    await Promise.all(
      nodes.ids.map((node) => query(node, `INSERT INTO later (node) SELECT ${node} FROM generate_series(1, 100)`)),
    );
    const steps = 'SELECT node, (id - 1) % 16 AS step FROM later GROUP BY 1, 2 ORDER BY 1, 2';
    expect(await query(1, steps)).toEqual([
      { node: 1, step: 0 }, { node: 1, step: 8 },
      { node: 2, step: 1 },
      { node: 3, step: 2 }, { node: 3, step: 10 },
      { node: 9, step: 9 },
    ]);
  });

  test('also of those that are made after others', async () => {
    await query(3, 'CREATE TABLE after_later (LIKE later INCLUDING ALL, number int GENERATED ALWAYS AS IDENTITY)');
    await query(2, 'CREATE TABLE after_identity (LIKE with_identity INCLUDING IDENTITY)');
    for (const [table, column] of [['after_later', 'number'], ['after_identity', 'id']]) {
      const insert = (node: number) =>
        query(node, `INSERT INTO ${table} (node) SELECT ${node} FROM generate_series(1, 100) RETURNING ${column}`);
      const given = (await Promise.all(nodes.ids.map(insert))).flat().map((row) => Object.values(row)[0]);
      expect(new Set(given).size, table).toBe(100 * nodes.ids.length);
    }
  });

  test('also where a dump is loaded, and where one is moved', async () => {
    await query(2, 'SET multimaster.dump_of_cluster = on; CREATE SEQUENCE dumped INCREMENT 16');
    await shows(nodes.ids, "SELECT count(*)::int FROM pg_class WHERE relname = 'dumped'", 1);
    const moved = ['SELECT 1', "SELECT setval('dumped', 5000)", 'SELECT mtm.alter_sequences()', 'ALTER SEQUENCE dumped INCREMENT 3'];
    const given: number[] = [];
    for (const [i, move] of moved.entries()) {
      await query(nodes.ids[i]!, move);
      await shows(nodes.ids, 'SELECT count(*)::int FROM pg_prepared_xacts', 0);
      const least = Math.max(0, ...given);
      const draw = (node: number) => query<{ v: string }>(node, "SELECT nextval('dumped') AS v FROM generate_series(1, 30)");
      const now = (await Promise.all(nodes.ids.map(draw))).flat().map(({ v }) => Number(v));
      expect(new Set(now).size, move).toBe(30 * nodes.ids.length);
      if (i > 0) expect(Math.min(...now), move).toBeGreaterThan(i === 1 ? 5000 : least);
      if (i < 3) expect(now.every((v) => v % 2 === 1), move).toBe(true);
      given.push(...now);
      if (i === 2) await query(1, 'SELECT mtm.alter_sequences()');
    }
    expect(new Set(given).size).toBe(given.length);
  });

  test.each(['prepared', 'decided', 'committed'])('a crash of the source while it splits its own: %s', async (stage) => {
    const before = (await query(2, 'SELECT count(*)::int FROM mtm.cluster_nodes'))[0]!;
    await load.stop(1); // Else another transaction might be the one that gets there.
    await query(1, `SELECT mtm.inject_2pc_error('${stage}', 'crash')`);
    await expect(add_nobody(1)).rejects.toThrow();
    load.begin(1);
    await nodes.wait_online();
    await shows(nodes.ids, 'SELECT count(*)::int FROM mtm.in_doubt', 0);
    const after = (await query(2, 'SELECT count(*)::int FROM mtm.cluster_nodes'))[0]!;
    // Nobody can have voted no.
    if (stage !== 'prepared') expect(Number(after['count'])).toBe(Number(before['count']) + 1);
    await check();
  });

  test('the source is away when the others decide that it was split', async () => {
    await load.stop(3);
    const count = 'SELECT count(*)::int FROM mtm.cluster_nodes';
    const before = Number((await query(2, count))[0]!['count']);
    await query(3, `SELECT mtm.inject_2pc_error('decided', 'wait')`);
    const lost = add_nobody(3);
    lost.catch(() => {});
    await shows([1], "SELECT count(*)::int FROM pg_prepared_xacts WHERE gid LIKE 'MTM-3-%'", 1);
    await nodes.kill(3);
    await expect(lost).rejects.toThrow();
    await only_these_are_online(nodes, [1, 2, 9]);
    await shows([1, 2, 9], 'SELECT count(*)::int FROM mtm.in_doubt', 0);
    await shows([1, 2, 9], count, before + 1);
    await nodes.start(3);
    await nodes.wait_online();
    load.begin(3);
    await check();
  });

  test('a user who has values and does not end holds up the joining only', async () => {
    await query(1, "BEGIN; INSERT INTO with_serial (node) VALUES (1); PREPARE TRANSACTION 'kept'");
    await expect(query(1, `SELECT ${NOBODY}`)).rejects.toMatchObject({ code: '55P03' });
    expect(await add_nobody(2)).toBeGreaterThan(9); // Its own are free.
    await query(1, "ROLLBACK PREPARED 'kept'");
    await check();
  });

  test('one who was dropped takes its share along; the next is another half', async () => {
    await load.stop(9);
    await query(1, 'SELECT mtm.drop_node(9)');
    await configured([1, 2, 3]);
    await nodes.forget(9);
    const next = await nodes.join(3);
    await configured([1, 2, 3, next]);
    load.begin(next);
    await check();
    const shares = (await query<Listed>(1, LISTED)).map(
      ({ share_remainder, share_modulus }) => `${share_remainder} of ${share_modulus}`,
    );
    expect(new Set(shares).size).toBe(shares.length);
  });

  test('a copy of another node than the one that was split is refused', async () => {
    const [added] = await query<{ id: number }>(1, `SELECT ${NOBODY} AS id`);
    const { record, user } = LocalCluster.open(nodes.dir);
    // As an interrupted join leaves it.
    write_record(nodes.dir, { ...record, joining: { node: added!.id, port: record.port + 8 } }, user);
    await expect(nodes.join(2)).rejects.toThrow(/must begin as a copy of node 1/);
    write_record(nodes.dir, record, user);
    await query(1, `SELECT mtm.drop_node(${added!.id})`);
    await check();
  });

  test('numbers end at 63', async () => {
    await load.stop_all();
    let last = Math.max(...(await query<Listed>(1, LISTED)).map(({ id }) => id));
    for (; last < 63; last++) expect(await add_nobody(nodes.ids[last % nodes.count]!)).toBe(last + 1);
    await expect(query(1, `SELECT ${NOBODY}`)).rejects.toMatchObject({ code: '53400' });
    for (const node of nodes.ids) load.begin(node);
    await check();
  });
});
