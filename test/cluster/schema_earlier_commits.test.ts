// A schema change that another node sends finds committed what was committed on that node before
// it, of whatever node: also where COMMIT PREPARED of that comes late. One node's lanes are held.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { NodeSessions, failure, value } from './node_sessions.ts';
import { shared_cluster } from './shared_cluster.ts';
import { SLOW, hold_outcomes, release_outcomes } from './slow_outcomes.ts';

const POLL_MS = 10;

describe('a schema change on a peer that executes late', () => {
  let sessions: NodeSessions;

  beforeAll(async () => {
    sessions = await NodeSessions.open(shared_cluster(), 'earlier_commits');
    await sessions.on(1).query(`CREATE TABLE parents (id int PRIMARY KEY);
      CREATE TABLE children (id int PRIMARY KEY, parent int, n int);
      INSERT INTO children VALUES (1, 1, -1), (2, NULL, 1);
      ALTER TABLE children ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
      ALTER TABLE children ADD CONSTRAINT of FOREIGN KEY (parent) REFERENCES parents NOT VALID`);
    await sessions.settled();
  });

  afterEach(async () => {
    await release();
    await sessions.settled();
  });

  afterAll(() => sessions.close());

  const hold = () => hold_outcomes(sessions);
  const release = () => release_outcomes(sessions);

  async function until(node: number, query: string): Promise<void> {
    while ((await value(sessions.on(node), query)) !== true) await sleep(POLL_MS);
  }

  /** Succeeds, though the slow node has it in hand before it executes what came earlier. */
  async function change(node: number, statement: string): Promise<void> {
    let ended = false;
    const outcome = sessions
      .on(node)
      .query(statement)
      .then(
        () => 'done',
        (error: Error) => error.message,
      )
      .finally(() => (ended = true));
    const in_hand = `SELECT count(*)::int FROM pg_stat_activity
      WHERE backend_type ~ 'apply worker' AND state = 'active' AND query LIKE 'MTM-${node}-%'`;
    while (!ended && (await value(sessions.on(SLOW), in_hand)) !== 1) await sleep(POLL_MS);
    await release();
    expect(await outcome).toBe('done');
  }

  test.each([1, 2])('VALIDATE CONSTRAINT on node 1, of rows that node %s made good', async (other) => {
    const [of, column] = other === 1 ? ['positive', 'n'] : ['of', 'parent'];
    await hold();
    await sessions.on(other).query(`UPDATE children SET ${column} = NULL WHERE id = 1`);
    await until(1, `SELECT ${column} IS NULL FROM children WHERE id = 1`);
    await change(1, `ALTER TABLE children VALIDATE CONSTRAINT "${of}"`);
    await sessions.everywhere(
      `SELECT convalidated FROM pg_constraint
       WHERE conname = '${of}' AND conrelid = 'children'::regclass`,
      [[true]],
    );
  });

  test('a statement about what a third node made', async () => {
    await hold();
    await sessions.on(2).query('CREATE TABLE made (id int PRIMARY KEY)');
    await until(1, "SELECT to_regclass('made') IS NOT NULL");
    await change(1, 'ALTER TABLE made ADD COLUMN more int');
    await sessions.everywhere('SELECT id, more FROM made', []);
  });

  test('rows that are wrong on all nodes are refused as ever', async () => {
    await sessions.on(1).query(`INSERT INTO made VALUES (1, -1);
      ALTER TABLE made ADD CONSTRAINT positive CHECK (more > 0) NOT VALID`);
    const refused = await failure(sessions.on(1), 'ALTER TABLE made VALIDATE CONSTRAINT positive');
    expect(refused.code).toBe('23514');
  });
});
