// A consistent point of the cluster: on every node a transaction with a snapshot, and all
// snapshots have the same transactions in them (docs/consistency_checks.md). Commits are
// held for as long as it takes to find one.
import { ask_all } from './peer_sessions.ts';
import { rows, type Row } from './sql.ts';
import { SqlError } from './sql_error.ts';
import {
  commits_left,
  point_lost,
  prepared_left,
  same_prepared,
  type CommitLook,
  type CommitLooks,
} from '../core/rest.ts';
import type { NodeId } from '../core/node_set.ts';

/** The nodes give the hold up by themselves after so long. */
const HOLD_MS = 10_000;
/** An apply worker that waits for a lock gives up within 1.5 deadlock_timeout. */
const REST_MS = 8_000;
const SLEEP = 'SELECT pg_catalog.pg_sleep(0.005)';

const LOOK = `
  SELECT mtm.commits_under_way() AS look,
         (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(gid, transaction::text)
                                      ORDER BY gid COLLATE "C")
          FROM pg_catalog.pg_prepared_xact()
          WHERE dbid = (SELECT oid FROM pg_catalog.pg_database
                        WHERE datname = pg_catalog.current_database())) AS prepared`;

function look_of([row]: readonly Row[]): CommitLook {
  return {
    ...(row!['look'] as Omit<CommitLook, 'prepared'>),
    prepared: (row!['prepared'] as CommitLook['prepared'] | null) ?? [],
  };
}

function look_at(nodes: readonly NodeId[]): CommitLooks {
  return new Map([...ask_all(nodes, LOOK)].map(([id, answer]) => [id, look_of(answer)]));
}

/** The sessions are open; each is left in a read-only transaction at the point. */
export function take_consistent_point(nodes: readonly NodeId[]): void {
  ask_all(nodes, `SELECT mtm.hold_commits(${HOLD_MS})`);
  find_point(nodes, Date.now() + REST_MS);
  ask_all(nodes, 'SELECT mtm.release_commits()');
}

function find_point(nodes: readonly NodeId[], deadline_ms: number): void {
  const { generation } = [...look_at(nodes).values()][0]!;
  let ended = false;
  for (;;) {
    const looks = look_at(nodes);
    refuse_lost(looks, generation);
    const left = ended ? prepared_left(looks) : commits_left(looks);
    if (left.length === 0 && ended && snapshots_at(nodes, looks, generation)) return;
    if (left.length === 0) ended = true;
    else if (Date.now() > deadline_ms) throw not_at_rest(left);
    else rows(SLEEP);
  }
}

/** The first query of the transaction takes its snapshot, and looks after that. */
function snapshots_at(nodes: readonly NodeId[], before: CommitLooks, generation: number) {
  ask_all(nodes, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const after = look_at(nodes);
  refuse_lost(after, generation);
  if (same_prepared(before, after)) return true;
  // A rollback would give up the tables' locks.
  ask_all(nodes, 'COMMIT');
  return false;
}

function refuse_lost(looks: CommitLooks, generation: number): void {
  const why = point_lost(looks, generation);
  if (why === null) return;
  throw new SqlError('40001', `no consistent point was found: ${why}`, { hint: 'Try again.' });
}

const SHOWN = 5;

function not_at_rest(left: readonly string[]): SqlError {
  const more = left.length > SHOWN ? `; and ${left.length - SHOWN} more` : '';
  return new SqlError(
    '40001',
    `no consistent point was found within ${REST_MS / 1000} s: transactions were still under way`,
    { detail: `${left.slice(0, SHOWN).join('; ')}${more}.`, hint: 'Try again.' },
  );
}
