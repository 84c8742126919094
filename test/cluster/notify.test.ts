// NOTIFY is delivered on every node when its transaction is committed, as
// PostgreSQL does on one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { same_everywhere } from './same_everywhere.ts';
import { shared_cluster } from './shared_cluster.ts';

/** Only node 2 has this row: whoever inserts it is refused. */
const TAKEN = 1000;
const END = 'end:end';
const LIMIT = { timeout: 60_000 };

class Listener {
  heard: string[] = [];

  constructor(readonly client: pg.Client) {
    client.on('notification', ({ channel, payload }) => {
      this.heard.push(`${channel}:${payload}`);
    });
  }

  /**
   * Hears so many, and the one that says "end": that of a later transaction, which
   * may pass the others on its way from another node.
   */
  async until_end(count: number): Promise<string[]> {
    await expect.poll(() => this.has_ended(count), LIMIT).toBe(true);
    return this.heard.splice(0).filter((text) => text !== END);
  }

  private has_ended(count: number): boolean {
    return this.heard.length > count && this.heard.includes(END);
  }
}

describe('NOTIFY', () => {
  let sessions: NodeSessions;
  let client: pg.Client;
  let listeners: Listener[];
  let next_id = 1;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'notify');
    client = sessions.on(1);
    await client.query('CREATE TABLE rows (id int PRIMARY KEY)');
    await sessions.settled();
    await sessions.only_on(2, `INSERT INTO notify.rows VALUES (${TAKEN})`);
    listeners = await all_ended(
      sessions.nodes.ids.map(async (node) => {
        const session = await sessions.another(node);
        await session.query('LISTEN one; LISTEN two; LISTEN "end"');
        return new Listener(session);
      }),
    );
  });

  beforeEach(() => {
    for (const listener of listeners) expect(listener.heard).toEqual([]);
  });

  afterAll(async () => {
    await sessions.only_on(2, `DELETE FROM notify.rows WHERE id = ${TAKEN}`);
    await same_everywhere(sessions.nodes, ['notify.rows']);
    await sessions.close();
  });

  async function run(...statements: string[]): Promise<void> {
    for (const statement of statements) await client.query(statement);
  }

  /** Every node hears exactly these, in this order. */
  async function all_hear(...expected: string[]): Promise<void> {
    await sessions.settled();
    await run(`NOTIFY "end", 'end'`);
    for (const listener of listeners) {
      expect(await listener.until_end(expected.length)).toEqual(expected);
    }
  }

  const insert = () => `INSERT INTO rows VALUES (${next_id++})`;

  test('from every node', async () => {
    for (const node of sessions.nodes.ids) {
      await sessions.on(node).query(`NOTIFY one, 'node ${node}'`);
      await all_hear(`one:node ${node}`);
    }
  });

  test('with writes, and without', async () => {
    await run('BEGIN', "NOTIFY one, 'without'", 'COMMIT');
    await all_hear('one:without');
    await run('BEGIN', insert(), "NOTIFY one, 'with'", 'COMMIT');
    await all_hear('one:with');
    await run([insert(), "NOTIFY two, 'in a message'", insert()].join(';'));
    await all_hear('two:in a message');
  });

  test('by pg_notify(), also in triggers and procedures', async () => {
    await run("SELECT pg_notify('one', 'alone')");
    await all_hear('one:alone');
    await run(
      `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_notify('two', NEW.id::text); RETURN NULL; END $$`,
      'CREATE TABLE told (id int PRIMARY KEY)',
      'CREATE TRIGGER tell AFTER INSERT ON told FOR EACH ROW EXECUTE FUNCTION tell()',
      'INSERT INTO told VALUES (1), (2)',
    );
    await all_hear('two:1', 'two:2');
    await run(`DO $$ BEGIN
        NOTIFY one, 'first'; ${insert()}; COMMIT;
        NOTIFY one, 'never'; ROLLBACK;
        NOTIFY one, 'last';
      END $$`);
    await sessions.settled();
    await run(`NOTIFY "end", 'end'`);
    for (const listener of listeners) {
      expect((await listener.until_end(2)).sort()).toEqual(['one:first', 'one:last']);
    }
  });

  test('without a payload, and with the longest, in any script', async () => {
    const longest = 'x'.repeat(7999);
    await run('BEGIN', 'NOTIFY one', `NOTIFY two, '${longest}'`, insert(), 'COMMIT');
    await all_hear('one:', `two:${longest}`);
    await run(`NOTIFY one, 'größer ☃ 雪'`);
    await all_hear('one:größer ☃ 雪');
    expect((await failure(client, `NOTIFY one, '${longest}x'`)).code).toBe('22023');
  });

  test('in order, and the same one once', async () => {
    const sent = Array.from({ length: 50 }, (_, index) => `NOTIFY one, '${index % 40}'`);
    await run('BEGIN', ...sent, insert(), "NOTIFY two, '0'", 'COMMIT');
    const heard = Array.from({ length: 40 }, (_, index) => `one:${index}`);
    await all_hear(...heard, 'two:0');
  });

  test('many long ones: more than a segment of the queue', async () => {
    const one = "pg_notify('one', id || repeat('x', 7000))";
    await run('BEGIN', `SELECT ${one} FROM generate_series(1, 100) AS id`, insert(), 'COMMIT');
    const heard = Array.from({ length: 100 }, (_, index) => `one:${index + 1}${'x'.repeat(7000)}`);
    await all_hear(...heard);
  });

  test('not when it is rolled back, wholly or to a savepoint', async () => {
    await run('BEGIN', "NOTIFY one, 'never'", insert(), 'ROLLBACK');
    await run('BEGIN', insert(), "NOTIFY one, 'kept'", 'SAVEPOINT a', "NOTIFY one, 'never'");
    await run('ROLLBACK TO a', "NOTIFY one, 'later'", 'COMMIT');
    await all_hear('one:kept', 'one:later');
  });

  test('not when a peer refuses the transaction', async () => {
    await run('BEGIN', "NOTIFY one, 'never'", `INSERT INTO rows VALUES (${TAKEN})`);
    expect((await failure(client, 'COMMIT')).code).toBe('23505');
    const both = `NOTIFY one, 'never'; INSERT INTO rows VALUES (${TAKEN})`;
    expect((await failure(client, both)).code).toBe('23505');
    await run("NOTIFY one, 'after'");
    await all_hear('one:after');
  });

  test('does not go to other channels or other databases', async () => {
    await run("NOTIFY three, 'nobody listens'", 'BEGIN', insert(), 'NOTIFY three', 'COMMIT');
    await all_hear();
  });

  test('PREPARE TRANSACTION refuses it, as on one node', async () => {
    await run('BEGIN', insert(), 'NOTIFY one');
    expect((await failure(client, "PREPARE TRANSACTION 'notify'")).code).toBe('0A000');
    await run("NOTIFY one, 'idle again'");
    await all_hear('one:idle again');
  });

  describe('LISTEN and UNLISTEN', () => {
    let session: pg.Client;
    const channels = () =>
      value(session, 'SELECT array_agg(c ORDER BY c) FROM pg_listening_channels() AS c');

    beforeEach(async () => {
      session = await sessions.another(2);
    });

    async function block(...statements: string[]): Promise<void> {
      for (const statement of ['BEGIN', ...statements, 'COMMIT']) await session.query(statement);
    }

    test('in a transaction that writes', async () => {
      await block('LISTEN one', insert(), 'LISTEN two');
      expect(await channels()).toEqual(['one', 'two']);
      await block(insert(), 'UNLISTEN one', 'LISTEN three');
      expect(await channels()).toEqual(['three', 'two']);
      await block('UNLISTEN *', insert(), 'LISTEN four');
      expect(await channels()).toEqual(['four']);
      await block(insert(), 'UNLISTEN *');
      expect(await channels()).toBeNull();
    });

    test('hears what the transaction itself notifies, and what comes later', async () => {
      const listener = new Listener(session);
      await block('LISTEN one', insert(), "NOTIFY one, 'own'", 'LISTEN "end"');
      await run("NOTIFY one, 'later'");
      await sessions.settled();
      await run(`NOTIFY "end", 'end'`);
      for (const one of [...listeners, listener]) {
        expect((await one.until_end(2)).sort()).toEqual(['one:later', 'one:own']);
      }
    });

    test('rolled back, wholly or to a savepoint', async () => {
      await block(insert(), 'SAVEPOINT a', 'LISTEN one', 'ROLLBACK TO a', 'LISTEN two');
      expect(await channels()).toEqual(['two']);
      await block(insert(), 'SAVEPOINT a', 'UNLISTEN two', 'ROLLBACK TO a', "NOTIFY three, 'x'");
      expect(await channels()).toEqual(['two']);
      await block(insert(), 'SAVEPOINT a', 'LISTEN four', 'RELEASE a', 'NOTIFY three');
      expect(await channels()).toEqual(['four', 'two']);
      await session.query('BEGIN; UNLISTEN *; NOTIFY three');
      await session.query(insert());
      await session.query('ROLLBACK');
      expect(await channels()).toEqual(['four', 'two']);
    });

    test('refused by a peer', async () => {
      await session.query('LISTEN two');
      await session.query(`BEGIN; LISTEN one; UNLISTEN two`);
      await session.query(`INSERT INTO rows VALUES (${next_id}), (-${next_id})`);
      await session.query(`INSERT INTO rows VALUES (${TAKEN + 1})`);
      await sessions.only_on(3, `INSERT INTO notify.rows VALUES (${TAKEN + 1})`);
      expect((await failure(session, 'COMMIT')).code).toBe('23505');
      await sessions.only_on(3, `DELETE FROM notify.rows WHERE id = ${TAKEN + 1}`);
      expect(await channels()).toEqual(['two']);
    });
  });
});
