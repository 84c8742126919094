// Transactions that do not fit in the memory set aside for them: they go to disk on
// the way, arrive whole, and leave no file behind, however they end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { same_everywhere } from './same_everywhere.ts';
import { SchemaSessions, sqlstate } from './schema_sessions.ts';

const SETTINGS = {
  'multimaster.trans_spill_threshold': '1MB',
  'multimaster.queue_size': '4MB',
  logical_decoding_work_mem: '1MB',
};
const ROWS = 150_000;

describe('transactions larger than the memory for them', () => {
  let nodes: ClusterNodes;
  let sessions: SchemaSessions;

  beforeAll(async () => {
    nodes = await start_cluster({ settings: SETTINGS });
    sessions = await SchemaSessions.open(nodes);
    await sessions.run(
      1,
      'CREATE TABLE large (id int PRIMARY KEY, v text, n int)',
      'CREATE TABLE copied (id int, v text)',
      'CREATE TABLE many (client int, id int, v text, PRIMARY KEY (client, id))',
      'CREATE TABLE small (id int PRIMARY KEY)',
    );
    await sessions.quiet();
  });

  afterAll(async () => {
    await same_everywhere(nodes, ['large', 'copied', 'many', 'small']);
    await sessions.close();
    await nodes.destroy();
  });

  /** Transactions that went to disk on this node since its start. */
  async function spilled(node: number): Promise<number> {
    return Number((await sessions.column(node, 'SELECT spilled FROM mtm.stat_bgwpool'))[0]);
  }

  async function no_files_left(): Promise<void> {
    await sessions.quiet();
    await sessions.all_give("SELECT f FROM pg_ls_dir('pg_mtm/spill', true, false) AS f", []);
    await sessions.all_give('SELECT used FROM mtm.stat_bgwpool', ['0']);
  }

  test('INSERT, UPDATE and DELETE of very many rows', async () => {
    const before = await spilled(2);
    await sessions.run(
      1,
      `INSERT INTO large SELECT n, 'value ' || n, 0 FROM generate_series(1, ${ROWS}) n`,
    );
    expect(await spilled(2)).toBe(before + 1);
    await sessions.quiet();
    await sessions.run(
      2,
      'BEGIN',
      'INSERT INTO small VALUES (1)',
      'UPDATE large SET n = id % 7',
      'INSERT INTO small VALUES (2)',
      'COMMIT',
    );
    await sessions.quiet();
    await sessions.run(3, 'DELETE FROM large WHERE n = 0');
    await sessions.all_give("SELECT count(*) || ' ' || sum(n) FROM large", [
      `${ROWS - Math.floor(ROWS / 7)} ${sum_of_remainders()}`,
    ]);
    await no_files_left();
  });

  function sum_of_remainders(): number {
    let sum = 0;
    for (let id = 1; id <= ROWS; id++) sum += id % 7;
    return sum;
  }

  test('COPY, then TRUNCATE and COPY again in one transaction', async () => {
    const copy = (from: number, to: number) =>
      `COPY copied FROM PROGRAM 'seq ${from} ${to} | sed "s/.*/&,row &/"' (FORMAT csv)`;
    await sessions.run(2, copy(1, 100_000));
    await sessions.quiet();
    await sessions.run(3, 'BEGIN', copy(100_001, 150_000), 'TRUNCATE copied', copy(1, 50_000), 'COMMIT');
    await sessions.all_give("SELECT count(*) || ' ' || max(id) FROM copied", ['50000 50000']);
    await no_files_left();
  });

  test('rolled back subtransactions between large ones that stay', async () => {
    await sessions.run(
      1,
      'BEGIN',
      'SAVEPOINT a',
      'UPDATE large SET n = 100 WHERE id <= 50000',
      'ROLLBACK TO a',
      'UPDATE large SET n = 200 WHERE id % 2 = 0 AND id <= 50000',
      'SAVEPOINT b',
      'DELETE FROM large WHERE id % 3 = 0 OR id > 100000',
      'RELEASE b',
      'COMMIT',
    );
    await sessions.all_give(
      'SELECT count(*) FROM large WHERE (n = 200) <> (id % 2 = 0 AND id <= 50000) OR n = 100',
      ['0'],
    );
    await sessions.all_give('SELECT count(*) FROM large WHERE id % 3 = 0 OR id > 100000', ['0']);
    await no_files_left();
  });

  test('many at once, that fit alone but not together', async () => {
    const clients = await Promise.all(
      Array.from({ length: 12 }, (_, client) => nodes.client((client % nodes.count) + 1)),
    );
    try {
      await Promise.all(
        clients.map((client, number) =>
          client.query(
            `INSERT INTO many SELECT $1::int, n, repeat('x', 100) FROM generate_series(1, 5000) n`,
            [number],
          ),
        ),
      );
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
    await sessions.all_give('SELECT count(*) FROM many', ['60000']);
    await no_files_left();
  });

  test('one that another node refuses at its last row', async () => {
    await sessions.run(2, 'SET multimaster.bypass = on', 'INSERT INTO small VALUES (100)', 'RESET multimaster.bypass');
    const refused = await sessions.failure(
      1,
      'BEGIN',
      "UPDATE large SET v = 'refused'",
      'INSERT INTO small VALUES (100)',
      'COMMIT',
    );
    expect(refused).toBe('23505');
    await sessions.run(2, 'SET multimaster.bypass = on', 'DELETE FROM small WHERE id = 100', 'RESET multimaster.bypass');
    await sessions.all_give("SELECT count(*) FROM large WHERE v = 'refused'", ['0']);
    await no_files_left();
  });

  test('one whose streams are lost on the way', async () => {
    const committing = sessions
      .on(1)
      .query("UPDATE large SET v = 'over a new stream'")
      .then(() => 'committed')
      .catch(sqlstate);
    await until_spilling(2);
    const observer = await nodes.client(1);
    await observer.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots');
    await observer.end();
    expect(await committing).toBe('committed');
    await sessions.all_give('SELECT DISTINCT v FROM large', ['over a new stream']);
    await no_files_left();
  });

  test('one whose client cancels it', async () => {
    const client = await nodes.client(3);
    const [{ pid }] = (await client.query('SELECT pg_backend_pid() AS pid')).rows;
    const committing = client
      .query("UPDATE large SET v = 'cancelled'")
      .then(() => 'committed')
      .catch(sqlstate);
    await until_spilling(1);
    await sessions.run(3, `SELECT pg_cancel_backend(${pid})`);
    const result = await committing;
    await client.end();
    const rows = result === 'committed' ? 'cancelled' : 'over a new stream';
    expect(['committed', '57014']).toContain(result);
    await sessions.all_give('SELECT DISTINCT v FROM large', [rows]);
    await no_files_left();
  });

  /** Until a transaction of another node is on its way to disk. */
  async function until_spilling(node: number): Promise<void> {
    const client = await nodes.client(node);
    for (;;) {
      const { rowCount } = await client.query(
        "SELECT FROM pg_ls_dir('pg_mtm/spill', true, false)",
      );
      if (rowCount) break;
    }
    await client.end();
  }
});
