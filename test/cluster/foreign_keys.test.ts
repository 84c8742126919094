// Foreign keys hold over nodes: of a row that is inserted on one node and a parent that
// is removed on another, at most one is committed, and nobody is refused without cause.
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { failure, NodeSessions } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { sqlstate } from './schema_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

/** What a client may hear when another transaction was in the way. */
const CONFLICTS = ['23503', '40001', '40P01'];

interface Scenario {
  title: string;
  /** Tables `parent` and `child` (or one `parent`), with a parent of key 1. */
  schema: string;
  /** On node 1: a row that refers to the parent. */
  refer: string;
  /** On node 2: the parent, or its key, goes. */
  remove: string;
  /** Rows whose parent is not there. */
  orphans?: string;
}

const ORPHANS = 'SELECT * FROM child WHERE NOT EXISTS (SELECT FROM parent WHERE id = child.parent)';

const SCENARIOS: Scenario[] = [
  {
    title: 'no action',
    schema: `CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
      INSERT INTO parent VALUES (1)`,
    refer: 'INSERT INTO child VALUES (1, 1)',
    remove: 'DELETE FROM parent WHERE id = 1',
  },
  {
    title: 'a child that gets another parent; restrict',
    schema: `CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE RESTRICT);
      INSERT INTO parent VALUES (1), (2);
      INSERT INTO child VALUES (1, 2)`,
    refer: 'UPDATE child SET parent = 1',
    remove: 'DELETE FROM parent WHERE id = 1',
  },
  {
    title: 'on delete cascade',
    schema: `CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
      INSERT INTO parent VALUES (1);
      INSERT INTO child VALUES (2, 1)`,
    refer: 'INSERT INTO child VALUES (1, 1)',
    remove: 'DELETE FROM parent WHERE id = 1',
  },
  {
    title: 'on delete set null; other types; no primary keys',
    schema: `CREATE TABLE parent (id numeric UNIQUE);
      CREATE TABLE child (parent int REFERENCES parent (id) ON DELETE SET NULL);
      ALTER TABLE child REPLICA IDENTITY FULL;
      ALTER TABLE parent REPLICA IDENTITY FULL;
      INSERT INTO parent VALUES (1);
      INSERT INTO child VALUES (1)`,
    refer: 'INSERT INTO child VALUES (1)',
    remove: 'DELETE FROM parent WHERE id = 1',
    orphans: `SELECT * FROM child WHERE parent IS NOT NULL
      AND NOT EXISTS (SELECT FROM parent WHERE id = child.parent)`,
  },
  {
    title: 'the key changes, on update cascade',
    schema: `CREATE TABLE parent (id int PRIMARY KEY, t text);
      CREATE TABLE child (id int PRIMARY KEY, parent bigint REFERENCES parent ON UPDATE CASCADE);
      INSERT INTO parent VALUES (1);
      INSERT INTO child VALUES (2, 1)`,
    refer: 'INSERT INTO child VALUES (1, 1)',
    remove: 'UPDATE parent SET id = 5 WHERE id = 1',
  },
  {
    title: 'composite, match full',
    schema: `CREATE DOMAIN word AS varchar(10);
      CREATE TABLE parent (a int, b text, PRIMARY KEY (b, a));
      CREATE TABLE child (id int PRIMARY KEY, b word, a smallint,
        FOREIGN KEY (a, b) REFERENCES parent (a, b) MATCH FULL);
      INSERT INTO parent VALUES (1, 'x'), (2, 'x'), (1, 'y')`,
    refer: "INSERT INTO child VALUES (1, 'x', 1), (2, NULL, NULL)",
    remove: "DELETE FROM parent WHERE a = 1 AND b = 'x'",
    orphans: `SELECT * FROM child WHERE a IS NOT NULL
      AND NOT EXISTS (SELECT FROM parent p WHERE p.a = child.a AND p.b = child.b)`,
  },
  {
    title: 'self-reference',
    schema: `CREATE TABLE parent (id int PRIMARY KEY, parent int REFERENCES parent);
      INSERT INTO parent VALUES (1, 1)`,
    refer: 'INSERT INTO parent VALUES (2, 1)',
    remove: 'DELETE FROM parent WHERE id = 1',
    orphans: `SELECT * FROM parent c
      WHERE NOT EXISTS (SELECT FROM parent p WHERE p.id = c.parent)`,
  },
  {
    title: 'deferred',
    schema: `CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY,
        parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO parent VALUES (1)`,
    refer: 'INSERT INTO child VALUES (1, 1)',
    remove: 'DELETE FROM parent WHERE id = 1',
  },
  {
    title: 'not valid, with an old orphan',
    schema: `CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int);
      INSERT INTO parent VALUES (1);
      INSERT INTO child VALUES (7, 7);
      ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent NOT VALID`,
    refer: 'INSERT INTO child VALUES (1, 1)',
    remove: 'DELETE FROM parent WHERE id = 1',
    orphans: `${ORPHANS} AND id <> 7`,
  },
  {
    title: 'both partitioned',
    schema: `CREATE TABLE parent (t text, id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE parent_1 (id int NOT NULL, t text);
      ALTER TABLE parent ATTACH PARTITION parent_1 FOR VALUES FROM (0) TO (10);
      CREATE TABLE parent_2 PARTITION OF parent FOR VALUES FROM (10) TO (20)
        PARTITION BY LIST (id);
      CREATE TABLE parent_2_1 PARTITION OF parent_2 DEFAULT;
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent)
        PARTITION BY HASH (id);
      CREATE TABLE child_1 PARTITION OF child FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE child_2 PARTITION OF child FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO parent VALUES ('t', 1), ('t', 11)`,
    refer: 'INSERT INTO child VALUES (1, 1), (2, 1), (3, 11)',
    remove: 'DELETE FROM parent WHERE id = 11',
  },
];

type Order = 'the child first' | 'the parent first' | 'both at once';
const ORDERS: Order[] = ['the child first', 'the parent first', 'both at once'];

function result_of(client: pg.Client, statement: string): Promise<string> {
  return client.query(statement).then(() => 'done', sqlstate);
}

async function commit_both(child: pg.Client, parent: pg.Client, order: Order) {
  if (order === 'both at once') {
    return Promise.all([result_of(child, 'COMMIT'), result_of(parent, 'COMMIT')]);
  }
  if (order === 'the child first') {
    const first = await result_of(child, 'COMMIT');
    return [first, await result_of(parent, 'COMMIT')];
  }
  const first = await result_of(parent, 'COMMIT');
  return [await result_of(child, 'COMMIT'), first];
}

describe('foreign keys over nodes', () => {
  let sessions: NodeSessions;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'foreign_keys');
  });

  afterAll(async () => {
    await sessions.settled();
    await sessions.close();
  });

  async function start_with(schema: string): Promise<void> {
    const one = sessions.on(1);
    await one.query('DROP SCHEMA foreign_keys CASCADE');
    await one.query('CREATE SCHEMA foreign_keys');
    for (const statement of schema.split(';')) await one.query(statement);
    await sessions.settled();
  }

  async function all_hold(orphans = ORPHANS): Promise<void> {
    await sessions.everywhere(orphans, []);
    const { rows } = await sessions.on(1).query<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class
       WHERE relnamespace = 'foreign_keys'::regnamespace AND relkind = 'r'`,
    );
    const tables = rows.map(({ name }) => `foreign_keys.${name}`);
    expect(tables).not.toEqual([]);
    await same_everywhere(sessions.nodes, tables);
  }

  describe.each(SCENARIOS)('$title', (scenario) => {
    test.each(ORDERS)('a child on one node, its parent gone on another: %s', async (order) => {
      await start_with(scenario.schema);
      const [child, parent] = [sessions.on(1), sessions.on(2)];
      await child.query('BEGIN');
      await child.query(scenario.refer);
      await parent.query('BEGIN');
      await parent.query(scenario.remove);
      const results = await commit_both(child, parent, order);
      const refused = results.filter((result) => result !== 'done');
      expect(CONFLICTS).toEqual(expect.arrayContaining(refused));
      expect(refused.length, results.join(' ')).toBeGreaterThanOrEqual(1);
      await all_hold(scenario.orphans);
    });
  });

  test('one after the other, nobody is refused', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY, t int);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
      CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE parts_2 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      CREATE TABLE of_parts (id int PRIMARY KEY, parent bigint REFERENCES parts);
      CREATE TABLE number (id numeric PRIMARY KEY);
      CREATE TABLE of_number (id int PRIMARY KEY, number int REFERENCES number)`);
    for (let id = 1; id <= 30; id++) {
      const client = sessions.on((id % sessions.nodes.count) + 1);
      const statements = [
        `INSERT INTO parent VALUES (${id})`,
        `INSERT INTO child VALUES (${id}, ${id})`,
        `INSERT INTO parts VALUES (${id})`,
        `INSERT INTO of_parts VALUES (${id}, ${id})`,
        `INSERT INTO number VALUES (${id})`,
        `INSERT INTO of_number VALUES (${id}, ${id})`,
        `UPDATE parent SET t = 1 WHERE id = ${id}`,
        `INSERT INTO child VALUES (${-id}, ${id})`,
        `DELETE FROM child WHERE parent = ${id}`,
        `DELETE FROM parent WHERE id = ${id}`,
        `DELETE FROM of_parts WHERE parent = ${id}`,
        `DELETE FROM parts WHERE id = ${id}`,
        `BEGIN; INSERT INTO parent VALUES (${id}); INSERT INTO child VALUES (${id}, ${id}); COMMIT`,
        `BEGIN; DELETE FROM child WHERE id = ${id}; DELETE FROM parent WHERE id = ${id};
         INSERT INTO parent VALUES (${id}); COMMIT`,
        `INSERT INTO child VALUES (${id}, ${id})`,
      ];
      for (const statement of statements) await client.query(statement);
    }
    await all_hold();
  });

  test('what is deferred on the origin may come in any order', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY, other int);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE);
      ALTER TABLE parent ADD FOREIGN KEY (other) REFERENCES child DEFERRABLE`);
    const client = sessions.on(2);
    for (const statement of [
      'BEGIN',
      'SET CONSTRAINTS ALL DEFERRED',
      'INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)',
      'DELETE FROM child WHERE id = 3',
      'UPDATE child SET id = 4 WHERE id = 2',
      'CREATE TABLE between_them (id int PRIMARY KEY)',
      'INSERT INTO parent VALUES (1, 4), (2, 1)',
      'COMMIT',
    ]) {
      await client.query(statement);
    }
    await sessions.everywhere('SELECT * FROM parent ORDER BY id', [
      [1, 4],
      [2, 1],
    ]);
    for (const statement of [
      'BEGIN',
      'SET CONSTRAINTS ALL DEFERRED',
      'DELETE FROM parent WHERE id = 1',
      'CREATE TABLE again (id int PRIMARY KEY)',
      'UPDATE child SET parent = 2 WHERE parent = 1',
      'COMMIT',
      'BEGIN',
      'INSERT INTO parent VALUES (3)',
      'INSERT INTO child VALUES (3, 3)',
      'SET CONSTRAINTS ALL IMMEDIATE',
      'ALTER TABLE child ADD more int DEFAULT 1',
      'ALTER TABLE child ALTER more TYPE bigint',
      'INSERT INTO child VALUES (5, 3)',
      'COMMIT',
    ]) {
      await client.query(statement);
    }
    await all_hold();
    for (const statement of [
      'BEGIN',
      'DELETE FROM child WHERE id = 3',
      'INSERT INTO child VALUES (3, 3)',
      'TRUNCATE parent, child',
      'INSERT INTO parent VALUES (9)',
      'INSERT INTO child VALUES (9, 9)',
      'COMMIT',
    ]) {
      await client.query(statement);
    }
    await sessions.everywhere('SELECT id, parent FROM child', [[9, 9]]);
    await all_hold();
  });

  test('what an action does on the origin', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY, up int REFERENCES parent
        ON DELETE CASCADE ON UPDATE CASCADE);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent
        ON DELETE CASCADE ON UPDATE CASCADE);
      CREATE TABLE loose (id int PRIMARY KEY, parent int DEFAULT 7 REFERENCES parent
        ON DELETE SET NULL ON UPDATE SET DEFAULT);
      INSERT INTO parent VALUES (7, NULL), (1, NULL), (2, 1), (3, 2), (4, NULL);
      INSERT INTO child VALUES (1, 1), (2, 2), (3, 3), (4, 4);
      INSERT INTO loose VALUES (3, 3), (4, 4)`);
    await sessions.on(2).query('UPDATE parent SET id = id + 10 WHERE id < 7');
    await sessions.on(2).query('DELETE FROM parent WHERE id = 11');
    await sessions.everywhere('SELECT * FROM child', [[4, 14]]);
    await sessions.everywhere('SELECT * FROM parent ORDER BY id', [
      [7, null],
      [14, null],
    ]);
    await sessions.on(2).query('DELETE FROM parent');
    await sessions.everywhere('SELECT * FROM loose ORDER BY id', [
      [3, null],
      [4, null],
    ]);
    await all_hold();
  });

  test('no check where triggers are disabled', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
      ALTER TABLE child DISABLE TRIGGER ALL`);
    await sessions.on(1).query('INSERT INTO child VALUES (1, 1)');
    await sessions.everywhere('SELECT * FROM child', [[1, 1]]);
  });

  test('the conflict names the foreign key and the value', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
      INSERT INTO parent VALUES (1), (2)`);
    await sessions.only_on(
      2,
      'DELETE FROM foreign_keys.parent WHERE id = 1',
      'INSERT INTO foreign_keys.child VALUES (2, 2)',
    );
    const key = 'Foreign key "child_parent_fkey" of relation "foreign_keys.child": Key';
    expect(await failure(sessions.on(1), 'INSERT INTO child VALUES (1, 1)')).toMatchObject({
      code: '40001',
      detail: `${key} (parent)=(1) is not present in table "parent". On node 2.`,
    });
    expect(await failure(sessions.on(3), 'DELETE FROM parent WHERE id = 2')).toMatchObject({
      code: '40001',
      detail: `${key} (id)=(2) is still referenced from table "child". On node 2.`,
    });
    await sessions.only_on(
      2,
      'INSERT INTO foreign_keys.parent VALUES (1)',
      'DELETE FROM foreign_keys.child',
    );
    await all_hold();
  });

  test('a prepared child locks its parent on every node, but not the rest of its row', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY, t int);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
      INSERT INTO parent VALUES (1)`);
    await sessions.on(1).query('BEGIN');
    await sessions.on(1).query('INSERT INTO child VALUES (1, 1)');
    await sessions.on(1).query("PREPARE TRANSACTION 'fk_child'");
    for (const node of [2, 3]) {
      const client = await sessions.another(node);
      await client.query('UPDATE parent SET t = 1');
      await client.query("SET lock_timeout = '50ms'");
      expect(await result_of(client, 'DELETE FROM parent')).toBe('55P03');
    }
    await sessions.on(1).query("COMMIT PREPARED 'fk_child'");
    await sessions.settled();
    expect(await result_of(sessions.on(2), 'DELETE FROM parent')).toBe('23503');
    await all_hold();
  });

  test('tables of two owners', async () => {
    await start_with(`CREATE ROLE fk_one;
      CREATE ROLE fk_other;
      GRANT ALL ON SCHEMA foreign_keys TO fk_one, fk_other;
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
      ALTER TABLE parent OWNER TO fk_one;
      ALTER TABLE child OWNER TO fk_other;
      INSERT INTO parent VALUES (1), (2)`);
    const client = await sessions.another(2);
    await client.query('SET ROLE fk_other');
    await client.query('INSERT INTO child VALUES (1, 1), (2, 2)');
    await client.query('SET ROLE fk_one');
    await client.query('DELETE FROM parent WHERE id = 1');
    await client.query('RESET ROLE');
    await sessions.everywhere('SELECT * FROM child', [[2, 2]]);
    await all_hold();
    await sessions.on(1).query('DROP TABLE parent, child');
    await sessions.on(1).query('DROP OWNED BY fk_one, fk_other');
    await sessions.on(1).query('DROP ROLE fk_one, fk_other');
  });

  test('a row that only one node has may stand in the way', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY);
      CREATE UNLOGGED TABLE child (parent int REFERENCES parent ON DELETE CASCADE);
      INSERT INTO parent VALUES (1), (2)`);
    await sessions.on(1).query('INSERT INTO child VALUES (1)');
    await sessions.on(2).query('INSERT INTO child VALUES (2)');
    await sessions.on(1).query('DELETE FROM parent WHERE id = 1');
    expect(await result_of(sessions.on(1), 'DELETE FROM parent WHERE id = 2')).toBe('23503');
    await sessions.on(2).query('DELETE FROM parent WHERE id = 2');
    await sessions.everywhere(ORPHANS, []);
  });

  test('put off over a change of its own table, which the origin allowed', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE);
      INSERT INTO parent VALUES (1)`);
    await sessions.only_on(2, 'DELETE FROM foreign_keys.parent');
    const client = await sessions.another(1);
    await client.query('BEGIN');
    await client.query('INSERT INTO child VALUES (1, 1)');
    await client.query('ALTER TABLE child ALTER id TYPE bigint');
    expect(await failure(client, 'COMMIT')).toMatchObject({
      code: '40001',
      detail: 'A foreign key did not hold when its table was changed. On node 2.',
    });
    await sessions.only_on(2, 'INSERT INTO foreign_keys.parent VALUES (1)');
    await all_hold();
  });

  test('children and parents come and go on all nodes', async () => {
    await start_with(`CREATE TABLE parent (id int PRIMARY KEY, t int);
      CREATE TABLE child (id bigserial PRIMARY KEY, parent int REFERENCES parent
        ON DELETE CASCADE ON UPDATE CASCADE);
      CREATE TABLE loose (id bigserial PRIMARY KEY, parent int REFERENCES parent
        ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO parent SELECT generate_series(1, ${ROUNDS})`);
    const clients = await all_ended(
      [...sessions.nodes.ids, ...sessions.nodes.ids].map((node) => sessions.another(node)),
    );
    const random = random_below(1);
    const results: string[] = [];
    for (let parent = 1; parent <= ROUNDS; parent++) {
      const changes = clients.map(() => CHANGES[random(CHANGES.length)]?.(parent) ?? '');
      const round = clients.map((client, index) => result_of(client, changes[index] ?? ''));
      results.push(...(await all_ended(round)));
    }
    expect([...CONFLICTS, 'done']).toEqual(expect.arrayContaining([...new Set(results)]));
    expect(results).toContain('done');
    await all_hold();
    await all_hold(`SELECT * FROM loose WHERE parent IS NOT NULL
      AND NOT EXISTS (SELECT FROM parent WHERE id = loose.parent)`);
  });
});

/** Each round has a parent of its own, so that no later one adopts an orphan. */
const ROUNDS = 12;

const CHANGES = [
  (id: number) => `INSERT INTO child (parent) VALUES (${id})`,
  (id: number) => `INSERT INTO loose (parent) VALUES (${id})`,
  (id: number) => `UPDATE parent SET t = 1 WHERE id = ${id}`,
  (id: number) => `DELETE FROM child WHERE parent = ${id}`,
  (id: number) => `DELETE FROM parent WHERE id = ${id}`,
  (id: number) => `UPDATE parent SET id = ${id + ROUNDS} WHERE id = ${id}`,
];

/** The same numbers for the same seed. */
function random_below(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}
