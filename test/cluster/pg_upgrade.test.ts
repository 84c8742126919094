// pg_upgrade takes a node's database, and the extension in it, to a new server, which is then a
// cluster of one that others join. From one release to the same: no other is installed.
import { cpSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { data_dir, password_file } from '../../ts-src/cli/cluster_record.ts';
import { CONFIG_FILE } from '../../ts-src/cli/create_node.ts';
import { find_postgres } from '../../ts-src/cli/postgres_install.ts';
import { run_program } from '../../ts-src/cli/run_program.ts';
import { make_private_dir } from '../../ts-src/cli/local_cluster.ts';
import { hand_over, server_user } from '../../ts-src/cli/server_user.ts';
import { LocalNodes } from './local_nodes.ts';
import { node_query } from './node_query.ts';
import { same_everywhere } from './same_everywhere.ts';
import { dump_of, same_schema_everywhere } from './schema_dump.ts';

const CONTENTS = `
  CREATE TABLE orders (id serial PRIMARY KEY, note text, twice int GENERATED ALWAYS AS (2) STORED);
  INSERT INTO orders (note) SELECT repeat('x', i) FROM generate_series(1, 500) AS i;
  CREATE TABLE no_key (v int);
  INSERT INTO no_key VALUES (1), (1);
  CREATE TABLE parts (k int PRIMARY KEY) PARTITION BY RANGE (k);
  CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
  INSERT INTO parts SELECT generate_series(0, 99);
  CREATE TABLE only_here (v int)`;
const TABLES = ['orders', 'no_key', 'parts'];

describe('pg_upgrade of a node', { timeout: 240_000 }, () => {
  let nodes: LocalNodes;
  let before: string[];
  const user = server_user();

  beforeAll(async () => {
    nodes = await LocalNodes.start({ nodes: 1 });
    await query(CONTENTS);
    await query("SELECT mtm.make_table_local('only_here')");
    before = await dump_of(nodes.conninfo(1));
    await nodes.stop(1);
    await upgrade();
    await nodes.start(1);
    await nodes.wait_online();
  }, 240_000);

  afterAll(() => nodes.destroy());

  const query = (sql: string) => node_query(nodes, 1, sql);

  async function program(name: string, cwd: string, ...args: string[]): Promise<void> {
    const env = { PGPASSFILE: password_file(nodes.dir) };
    const result = await run_program(join(find_postgres().bindir, name), args, { user, cwd, env });
    expect(`${result.code === 0 ? '' : result.stdout + result.stderr}${result.code}`).toBe('0');
  }

  async function upgrade(): Promise<void> {
    const { bindir } = find_postgres();
    const old = data_dir(nodes.dir, 1);
    const fresh = `${old}.fresh`;
    const home = dirname(old);
    await program('initdb', home, '-D', fresh, '-U', 'postgres', '--encoding=UTF8', '--locale=C.UTF-8', '-k');
    const take_over = (file: string) => {
      cpSync(join(old, file), join(fresh, file));
      hand_over(join(fresh, file), user);
    };
    take_over(CONFIG_FILE);
    take_over('postgresql.conf');
    const scratch = `${old}.upgrade`;
    make_private_dir(scratch, user);
    await program(
      'pg_upgrade',
      scratch,
      ...['-b', bindir, '-B', bindir, '-d', old, '-D', fresh, '-U', 'postgres'],
      ...['-p', String(nodes.port), '-P', String(nodes.port + 1)],
    );
    take_over('pg_hba.conf');
    renameSync(old, `${old}.old`);
    renameSync(fresh, old);
  }

  test('keeps what is in the database, and nothing of the extension but its configuration', async () => {
    expect(await dump_of(nodes.conninfo(1))).toEqual(before);
    expect(await query('SELECT count(*)::int AS n, sum(length(note))::int AS sum FROM orders')).toEqual([
      { n: 500, sum: 125_250 },
    ]);
    expect(await query('SELECT * FROM mtm.local_tables')).toHaveLength(1);
  });

  test('is a cluster of one, which others join', async () => {
    const [last] = await query('SELECT max(id) AS id FROM orders');
    const [made] = await query("INSERT INTO orders (note) VALUES ('after') RETURNING id");
    expect(Number(made!['id'])).toBeGreaterThan(Number(last!['id']));
    const joined = await nodes.join(1);
    await node_query(nodes, joined, "INSERT INTO orders (note) VALUES ('of the new node')");
    await query('INSERT INTO no_key VALUES (1)');
    await same_everywhere(nodes, TABLES);
    await same_schema_everywhere(nodes);
  });
});
