// What is prepared here, who still drives it, and how this node's own transactions ended.
//
// The order of the reads matters:
//  1. prepared, driven, prepared again: what is in both lists and is driven by nobody in
//     between is past its PREPARE, and nobody will take it back;
//  2. outcomes last: a transaction leaves the list of prepared ones only after its
//     outcome is in the clog, so one that ends meanwhile is seen as ended, not as missing.
import { coordinator_of, parse_gid, type Gid } from '../core/gid.ts';
import { row, rows } from './sql.ts';
import type { NodeSet } from '../core/node_set.ts';
import type { Look } from '../core/holding.ts';

const PREPARED = `
  SELECT gid, transaction::text AS xid FROM pg_catalog.pg_prepared_xact()
  WHERE dbid = (SELECT oid FROM pg_catalog.pg_database
                WHERE datname = pg_catalog.current_database())`;

/** Backends that still may take back what they prepared. */
const DRIVEN = `
  SELECT gid FROM mtm.shell_transactions()
  WHERE role = 'coordinator' AND xid IS NOT NULL AND state IN ('voting', 'aborting')`;

const OUTCOME = 'SELECT mtm.xid_outcome($1) AS outcome';

type Outcome = Look['outcomes'][string];

/** `remembered_by`: for the outcomes of others' gids, which the WAL has (not read yet). */
export function look(self: number, asked: readonly Gid[], _remembered_by: NodeSet): Look {
  const first = prepared();
  const driven = rows(DRIVEN).map(({ gid }) => gid as string);
  const again = prepared();
  const both = Object.entries(first).filter(([gid, xid]) => again[gid] === xid);
  const own = asked.filter((gid) => coordinator_of(gid) === self);
  return {
    prepared: Object.fromEntries(both),
    driven,
    outcomes: Object.fromEntries(own.map((gid) => [gid, outcome_of(gid)])),
  };
}

function prepared(): Record<Gid, string> {
  return Object.fromEntries(rows(PREPARED).map(({ gid, xid }) => [gid as Gid, xid as string]));
}

export function outcome_of(gid: Gid): Outcome {
  const { xid } = parse_gid(gid)!;
  return row(OUTCOME, ['text'], [xid])['outcome'] as Outcome;
}
