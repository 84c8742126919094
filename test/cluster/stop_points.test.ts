// A process fails, waits or crashes at each point of the commit path: what was
// acknowledged is on all nodes, what was refused on none, and nothing stays prepared.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';
import { all_ended } from '../../ts-src/cli/all_ended.ts';
import type { ClientOptions, ClusterNodes } from './cluster_nodes.ts';
import { start_cluster } from './engine.ts';
import { becomes, only_these_are_online } from './node_query.ts';
import { failure, value } from './node_sessions.ts';
import { outcome_of, type Outcome } from './outcome.ts';
import { same_everywhere } from './same_everywhere.ts';

/** Where the client is, and another node. */
const COORDINATOR = 1;
const PARTICIPANT = 2;
const OTHER = 3;

const OF_COORDINATOR = ['registered', 'prepared', 'decided', 'committed'];
const OF_PARTICIPANT = ['applied', 'voting', 'outcome', 'ended'];
const POINTS = [...OF_COORDINATOR, ...OF_PARTICIPANT];

/** Who sets a point where it would do harm is told so. */
const IMPOSSIBLE = [
  ['voting', 'wait', 'It would hold up the control plane of this node.'],
  ['committed', 'fail', 'The transaction is committed.'],
];
const possible = (action: string) =>
  POINTS.filter((point) => !IMPOSSIBLE.some((each) => each[0] === point && each[1] === action));

/** What the client hears when one process fails there. */
const AFTER_FAILURE: Record<string, Outcome> = {
  registered: 'refused',
  prepared: 'unknown',
  decided: 'unknown',
  applied: 'refused',
  voting: 'refused',
  outcome: 'acknowledged',
  ended: 'acknowledged',
};

/** In a crash of the coordinator its client loses the connection. */
const AFTER_CRASH: Record<string, Outcome[]> = {
  registered: ['unknown'],
  prepared: ['unknown'],
  decided: ['unknown'],
  committed: ['unknown'],
  // Decided once the participant is back, or lost.
  applied: ['refused', 'acknowledged'],
  voting: ['refused', 'acknowledged'],
  outcome: ['acknowledged'],
  ended: ['acknowledged'],
};

const node_of = (point: string) => (OF_COORDINATOR.includes(point) ? COORDINATOR : PARTICIPANT);
const POLL_INTERVAL_MS = 20;
const PREPARED = 'SELECT count(*)::int FROM pg_prepared_xacts';

describe('stop points', () => {
  let nodes: ClusterNodes;
  let more: pg.Client[] = [];
  let last_id = 0;

  beforeAll(async () => {
    nodes = await start_cluster();
    const client = await on(COORDINATOR);
    await client.query('CREATE TABLE entries (id int)'); // No key: what is there twice shows.
    await client.query("CREATE ROLE visitor LOGIN PASSWORD 'visitor'");
  });

  afterEach(async () => {
    await all_ended(more.map((client) => client.end().catch(() => {})));
    more = [];
  });

  afterAll(() => nodes?.destroy());

  async function on(node: number, options?: ClientOptions): Promise<pg.Client> {
    const client = await nodes.client(node, options);
    more.push(client);
    return client;
  }

  async function set(point: string, action: string): Promise<void> {
    const client = await on(node_of(point));
    await client.query('SELECT mtm.inject_2pc_error($1, $2)', [point, action]);
  }

  /** A transaction of its own: its number, and what its client hears. */
  async function insert() {
    const client = await on(COORDINATOR);
    const id = ++last_id;
    return { id, outcome: outcome_of(client.query(`INSERT INTO entries VALUES (${id})`)) };
  }

  /** The process id of the session that waits within its commit. */
  async function waits(id: number): Promise<number> {
    const watcher = await on(COORDINATOR);
    const query = `SELECT pid FROM pg_stat_activity
      WHERE query = 'INSERT INTO entries VALUES (${id})' AND wait_event = 'Extension'`;
    for (;;) {
      const pid = await value(watcher, query);
      if (pid !== undefined) return Number(pid);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  async function check(id: number, outcome: Outcome): Promise<void> {
    await nodes.wait_online();
    await same_everywhere(nodes, ['entries']); // Waits until nothing is prepared.
    const copies = await value(await on(COORDINATOR), `SELECT count(*)::int FROM entries
      WHERE id = ${id}`);
    const allowed = { acknowledged: [1], refused: [0], unknown: [0, 1] };
    expect(allowed[outcome], `${copies} copies of what is ${outcome}`).toContain(copies);
    // And it goes on.
    const next = await insert();
    expect(await next.outcome).toBe('acknowledged');
    await same_everywhere(nodes, ['entries']);
  }

  test('only a superuser sets one', async () => {
    const visitor = await on(1, { user: 'visitor', password: 'visitor' });
    const refused = await failure(visitor, "SELECT mtm.inject_2pc_error('prepared')");
    expect(refused.code).toBe('42501');
    const client = await on(1);
    await client.query('GRANT EXECUTE ON FUNCTION mtm.inject_2pc_error TO visitor');
    const still = await failure(visitor, "SELECT mtm.inject_2pc_error('prepared')");
    expect(still.code).toBe('42501');
    await client.query('REVOKE EXECUTE ON FUNCTION mtm.inject_2pc_error FROM visitor');
  });

  test('a wrong name is said to be one', async () => {
    const client = await on(1);
    const point = await failure(client, "SELECT mtm.inject_2pc_error('nowhere')");
    expect(point).toMatchObject({
      code: '22023',
      message: '"nowhere" is not a point of the commit path',
    });
    const action = await failure(client, "SELECT mtm.inject_2pc_error('prepared', 'explode')");
    expect(action).toMatchObject({ code: '22023', message: '"explode" is not an action' });
  });

  test.each(IMPOSSIBLE)('%s cannot %s', async (point, action, why) => {
    const set_it = 'SELECT mtm.inject_2pc_error($1, $2)';
    const refused = await failure(await on(1), set_it, [point, action]);
    expect(refused).toMatchObject({ code: '0A000', detail: why });
  });

  test('the empty name ends it, and null does nothing', async () => {
    await set('registered', 'fail');
    const client = await on(COORDINATOR);
    await client.query('SELECT mtm.inject_2pc_error(NULL)');
    await client.query("SELECT mtm.inject_2pc_error('')");
    const { id, outcome } = await insert();
    expect(await outcome).toBe('acknowledged');
    await check(id, 'acknowledged');
  });

  test.each(possible('fail'))('fail: %s', async (point) => {
    await set(point, 'fail');
    const { id, outcome } = await insert();
    expect(await outcome).toBe(AFTER_FAILURE[point]);
    await check(id, await outcome);
  });

  test.each(possible('wait'))('wait: %s', async (point) => {
    await set(point, 'wait');
    const { id, outcome } = await insert();
    const watcher = await on(node_of(point));
    if (point === 'outcome' || point === 'ended') {
      // The client knows; what the participant has is prepared, or executed already.
      expect(await outcome).toBe('acknowledged');
      const left = point === 'outcome' ? 1 : 0;
      while ((await value(watcher, PREPARED)) !== left) await sleep(POLL_INTERVAL_MS);
    } else {
      await waits(id);
    }
    await watcher.query("SELECT mtm.inject_2pc_error('')");
    expect(await outcome).toBe('acknowledged');
    await check(id, 'acknowledged');
  });

  test.each(['prepared', 'decided', 'committed'])(
    'wait: %s: the session can be ended',
    async (point) => {
      await set(point, 'wait');
      const { id, outcome } = await insert();
      const watcher = await on(COORDINATOR);
      await watcher.query('SELECT pg_terminate_backend($1)', [await waits(id)]);
      const heard = await outcome;
      await watcher.query("SELECT mtm.inject_2pc_error('')");
      await check(id, heard);
    },
  );

  test('a lane with what a ballot has ended does not hold up its origin, which comes back', async () => {
    await set('outcome', 'wait');
    const { id, outcome } = await insert();
    expect(await outcome).toBe('acknowledged');
    const watcher = await on(PARTICIPANT, { options: '-c multimaster.bypass=on' });
    while ((await value(watcher, PREPARED)) !== 1) await sleep(POLL_INTERVAL_MS);
    await becomes(nodes, [OTHER], PREPARED, 0);
    await nodes.kill(OTHER);
    await only_these_are_online(nodes, [COORDINATOR, PARTICIPANT]);
    while ((await value(watcher, PREPARED)) !== 0) await sleep(POLL_INTERVAL_MS);
    await nodes.kill(COORDINATOR);
    while ((await value(watcher, 'SELECT status FROM mtm.status()')) === 'online') await sleep(POLL_INTERVAL_MS);
    await watcher.query("SELECT mtm.inject_2pc_error('')");
    await nodes.start(COORDINATOR);
    await only_these_are_online(nodes, [COORDINATOR, PARTICIPANT]);
    await nodes.start(OTHER);
    await check(id, 'acknowledged');
  });

  test.each(POINTS)('crash: %s', async (point) => {
    await set(point, 'crash');
    const { id, outcome } = await insert();
    expect(AFTER_CRASH[point]).toContain(await outcome);
    await check(id, await outcome);
  });
});
