// A peer that reads its stream slowly: the walsender waits for it within a large transaction, and
// does not gather the whole of it in memory. One node's lanes are held until its receiver waits.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { NodeSessions, value } from './node_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';

const SLOW = 3;
const POLL_MS = 10;
/** More outcomes than all lanes of a peer take. */
const SMALL = 70;
/** Far more than sockets hold. */
const LARGE_ROWS = 300;
const LARGE_VALUE = 100_000;

let sessions: NodeSessions;

beforeAll(async () => {
  sessions = await NodeSessions.open(shared_cluster(), 'slow_reader');
  await sessions.on(1).query(`CREATE TABLE small (id int PRIMARY KEY);
    CREATE TABLE large (round int, id int, v text, PRIMARY KEY (round, id))`);
  await sessions.settled();
});

afterAll(() => sessions.close());

const WAITS = `SELECT count(*)::int FROM pg_stat_activity a
  JOIN pg_replication_slots s ON s.active_pid = a.pid
  WHERE s.slot_name ~ '${SLOW}$' AND a.wait_event = 'WalSenderWriteData'`;

test('a walsender waits for a peer that reads slowly, also within a large transaction', async () => {
  const [small, large] = [await sessions.another(1), await sessions.another(1)];
  let rounds = 0;
  let commit: Promise<unknown> | undefined;
  await sessions.on(SLOW).query("SELECT mtm.inject_2pc_error('outcome', 'wait')");
  const commits = (async () => {
    for (let id = 1; id <= SMALL; id++) await small.query('INSERT INTO small VALUES ($1)', [id]);
  })();
  try {
    while ((await value(sessions.on(1), WAITS)) !== 1) {
      commit ??= large
        .query(
          `INSERT INTO large SELECT $1::int, n, repeat('x', ${LARGE_VALUE})
           FROM generate_series(1, ${LARGE_ROWS}) n`,
          [++rounds],
        )
        .then(() => (commit = undefined));
      await sleep(POLL_MS);
    }
  } finally {
    await sessions.on(SLOW).query("SELECT mtm.inject_2pc_error('')");
  }
  await Promise.all([commits, commit]);
  await sessions.everywhere('SELECT count(*)::int FROM small', [[SMALL]]);
  await sessions.everywhere(
    'SELECT count(*)::int, min(length(v)), max(length(v)) FROM large',
    [[rounds * LARGE_ROWS, LARGE_VALUE, LARGE_VALUE]],
  );
});
