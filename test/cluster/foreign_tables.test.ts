// Foreign tables are on all nodes; their rows stay where they are. What IMPORT FOREIGN SCHEMA
// makes is told to the others: they do not ask the foreign server themselves.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same_everywhere } from './same_everywhere.ts';
import { same_schema_everywhere } from './schema_dump.ts';
import { SchemaSessions } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const FAR = 'foreign_tables_far';
const FOREIGN = `SELECT relname FROM pg_class
  WHERE relkind = 'f' AND relnamespace = 'foreign_tables'::regnamespace ORDER BY 1`;

describe('foreign tables', () => {
  let sessions: SchemaSessions;

  /** In the database of node 1's server alone that the foreign tables show. */
  async function far(...statements: string[]): Promise<string[]> {
    const client = await sessions.nodes.client(1, { database: FAR });
    try {
      let rows: unknown[][] = [];
      for (const statement of statements) {
        ({ rows } = await client.query({ text: statement, rowMode: 'array' }));
      }
      return rows.map((row) => String(row[0]));
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    sessions = await SchemaSessions.open(shared_cluster());
    await sessions.run(1, `CREATE DATABASE ${FAR}`);
    await far(
      'CREATE SCHEMA shown',
      'CREATE DOMAIN shown.word AS text',
      `CREATE TABLE shown."One" (id int NOT NULL, w varchar(9) COLLATE "C" DEFAULT 'x', twice int
         GENERATED ALWAYS AS (id * 2) STORED)`,
      'CREATE TABLE shown.two (id int)',
      'CREATE VIEW shown.three AS SELECT 3 AS id',
    );
    const [port] = await sessions.column(1, 'SHOW port');
    const { user, password } = sessions.on(1);
    await sessions.run(
      1,
      'CREATE SCHEMA foreign_tables',
      'CREATE EXTENSION postgres_fdw SCHEMA foreign_tables',
      `CREATE SERVER foreign_far FOREIGN DATA WRAPPER postgres_fdw
         OPTIONS (host '127.0.0.1', port '${port}', dbname '${FAR}')`,
      `CREATE USER MAPPING FOR CURRENT_USER SERVER foreign_far OPTIONS (user '${user}', password '${password}')`,
    );
    for (const node of sessions.nodes.ids) await sessions.run(node, 'SET search_path = foreign_tables');
  });

  afterAll(async () => {
    await sessions.run(
      1,
      'DROP SCHEMA foreign_tables CASCADE',
      `DROP DATABASE ${FAR} WITH (FORCE)`,
    );
    await same_schema_everywhere(sessions.nodes);
    await sessions.close();
  });

  test('IMPORT FOREIGN SCHEMA makes the same tables on all nodes', async () => {
    await sessions.run(
      1,
      `IMPORT FOREIGN SCHEMA shown EXCEPT (two) FROM SERVER foreign_far INTO foreign_tables
         OPTIONS (import_default 'true')`,
    );
    await sessions.all_give(FOREIGN, ['One', 'three']);
    await same_schema_everywhere(sessions.nodes);
    expect(
      await sessions.failure(1, 'IMPORT FOREIGN SCHEMA shown FROM SERVER foreign_far INTO foreign_tables'),
    ).toBe('42P07');
    await sessions.all_give(FOREIGN, ['One', 'three']);
    await sessions.run(1, 'IMPORT FOREIGN SCHEMA shown LIMIT TO (two) FROM SERVER foreign_far INTO foreign_tables');
    await sessions.all_give(FOREIGN, ['One', 'three', 'two']);
    await same_schema_everywhere(sessions.nodes);
  });

  test('other nodes do not ask the foreign server', async () => {
    // there it is another one, without such a schema
    await sessions.run(1, 'CREATE SCHEMA foreign_tables_too');
    await sessions.run(2, `ALTER SERVER foreign_far OPTIONS (SET dbname 'nowhere')`);
    expect(
      await sessions.failure(2, 'IMPORT FOREIGN SCHEMA shown FROM SERVER foreign_far INTO foreign_tables_too'),
    ).toBe('08001');
    await sessions.run(2, `ALTER SERVER foreign_far OPTIONS (SET dbname '${FAR}')`);
    const statement = 'IMPORT FOREIGN SCHEMA shown FROM SERVER foreign_far INTO foreign_tables_too';
    expect(await sessions.failure(3, 'BEGIN READ ONLY', statement)).toBe('25006');
    expect(await sessions.failure(1, 'IMPORT FOREIGN SCHEMA shown FROM SERVER nowhere INTO foreign_tables')).toBe('42704');
    expect(await sessions.failure(1, 'IMPORT FOREIGN SCHEMA shown FROM SERVER foreign_far INTO nowhere')).toBe('3F000');
    // postgres_fdw lets no block be prepared in which it was used
    expect(await sessions.failure(1, 'BEGIN', statement, 'COMMIT')).toBe('0A000');
    await same_schema_everywhere(sessions.nodes);
    await sessions.run(1, 'DROP SCHEMA foreign_tables_too');
  });

  test('rows written through a foreign table are written once, there', async () => {
    await sessions.run(1, 'INSERT INTO two VALUES (1), (2), (3)', 'UPDATE two SET id = 7 WHERE id = 3');
    await sessions.settled();
    expect(await far('SELECT id FROM shown.two ORDER BY 1')).toEqual(['1', '2', '7']);
    await sessions.run(1, 'BEGIN', 'DELETE FROM two WHERE id = 1', 'ROLLBACK', 'DELETE FROM two WHERE id = 2');
    await sessions.settled();
    expect(await far('SELECT id FROM shown.two ORDER BY 1')).toEqual(['1', '7']);
    await sessions.run(1, 'CREATE TABLE near (id int PRIMARY KEY)', 'CREATE TABLE taken AS SELECT 1 AS id');
    await sessions.run(1, 'INSERT INTO near SELECT id FROM two', 'WITH one AS (INSERT INTO two VALUES (9) RETURNING id) INSERT INTO near SELECT id FROM one');
    expect(await far('SELECT id FROM shown.two ORDER BY 1')).toEqual(['1', '7', '9']);
    await same_everywhere(sessions.nodes, ['foreign_tables.near', 'foreign_tables.taken']);
    await sessions.all_give('SELECT id FROM near ORDER BY 1', ['1', '7', '9']);
  });
});
