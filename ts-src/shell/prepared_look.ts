// What is prepared here, who still drives it, and how this node's own transactions ended.
//
// The order of the reads matters:
//  1. prepared, driven, prepared again: what is in both lists and is driven by nobody in
//     between is past its PREPARE, and nobody will take it back;
//  2. outcomes last: a transaction leaves the list of prepared ones only after its
//     outcome is in the clog and in the WAL, so one that ends meanwhile is seen as ended,
//     not as missing.
import { bit_mask, type NodeSet } from '../core/node_set.ts';
import { coordinator_of, is_ours, parse_gid, type Gid } from '../core/gid.ts';
import { row, rows } from './sql.ts';
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
/** In this node's WAL, read from where one of the nodes may need it. */
const REMEMBERED = 'SELECT gid FROM mtm.shell_remembered($1, $2::int8)';

type Outcome = Look['outcomes'][string];

/** `remembered_by`: as far back as the slots of these nodes go, the WAL is read. */
export function look(self: number, asked: readonly Gid[], remembered_by: NodeSet): Look {
  const first = prepared();
  const driven = rows(DRIVEN).map(({ gid }) => gid as string);
  const again = prepared();
  const both = Object.entries(first).filter(([gid, xid]) => again[gid] === xid);
  const own = asked.filter((gid) => coordinator_of(gid) === self);
  const others = asked.filter((gid) => is_ours(gid) && !own.includes(gid) && !(gid in again));
  return {
    prepared: Object.fromEntries(both),
    driven,
    outcomes: Object.fromEntries([
      ...own.map((gid) => [gid, outcome_of(gid)] as const),
      ...remembered(others, remembered_by).map((gid) => [gid, 'committed'] as const),
    ]),
  };
}

/** Those that this node committed for others, as far back as one of the nodes may need it. */
export function remembered(gids: readonly Gid[], by: NodeSet): Gid[] {
  if (gids.length === 0) return [];
  const found = rows(REMEMBERED, ['text[]', 'text'], [gids, bit_mask(by)]);
  return found.map(({ gid }) => gid as Gid);
}

function prepared(): Record<Gid, string> {
  return Object.fromEntries(rows(PREPARED).map(({ gid, xid }) => [gid as Gid, xid as string]));
}

export function outcome_of(gid: Gid): Outcome {
  const { xid } = parse_gid(gid)!;
  return row(OUTCOME, ['text'], [xid])['outcome'] as Outcome;
}
