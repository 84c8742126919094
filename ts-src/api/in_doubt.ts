// mtm.in_doubt: what is prepared here for longer than a moment, or waits for the
// resolver. A user's own prepared transaction waits for the user, and is not in doubt.
import { is_ours, parse_gid, type Gid } from '../core/gid.ts';
import { set_of_mask, type NodeSet } from '../core/node_set.ts';
import { own_report } from '../shell/own_report.ts';
import { rows, type Row } from '../shell/sql.ts';
import type { Report } from '../shell/report.ts';

const OPEN = `
  SELECT coalesce(p.gid, t.gid) AS gid, p.gid IS NOT NULL AS prepared_here,
         coalesce(t.since, p.prepared)::text AS since, t.state, t.role,
         t.yes::text AS yes, t.waiting_for::text AS waiting_for
  FROM (SELECT gid, prepared FROM pg_catalog.pg_prepared_xact()
        WHERE dbid = (SELECT oid FROM pg_catalog.pg_database
                      WHERE datname = pg_catalog.current_database())) p
  FULL JOIN (SELECT * FROM mtm.shell_transactions()
             WHERE role = 'coordinator' OR state = 'prepared') t ON t.gid = p.gid
  WHERE coalesce(t.since, p.prepared) < pg_catalog.clock_timestamp() - interval '1 second'
     OR t.state = 'in doubt'
  ORDER BY 3, 1`;

export function in_doubt() {
  const open = rows(OPEN).filter(({ gid }) => is_ours(gid as Gid));
  if (open.length === 0) return [];
  const report = own_report();
  return open.map((entry) => describe(entry, report));
}

function describe(entry: Row, report: Report) {
  const gid = entry['gid'] as Gid;
  const parts = parse_gid(gid);
  return {
    gid,
    since: entry['since'],
    coordinator: parts?.coordinator ?? null,
    generation: parts?.generation ?? null,
    state: entry['state'] ?? 'prepared',
    prepared_here: entry['prepared_here'],
    voted_yes: set_of(entry['yes']),
    not_voted: set_of(entry['waiting_for']),
    waits_for: waits_for(gid, entry, parts?.generation ?? 0, report),
  };
}

function set_of(mask: unknown): NodeSet | null {
  if (mask === null || mask === undefined) return null;
  return set_of_mask(BigInt(mask as string));
}

function waits_for(gid: Gid, entry: Row, generation: number, report: Report): string {
  const undecided = report.undecided[gid];
  if (undecided !== undefined) return undecided;
  if (entry['state'] === 'voting') return 'votes';
  if (entry['state'] === 'aborting') return 'members to roll back';
  if (report.status !== 'online') return report.reason;
  return generation === report.generation ? 'its coordinator' : 'the resolver';
}
