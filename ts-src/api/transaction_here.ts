// mtm.transaction_here(gid): what this node alone knows of one transaction.
import { coordinator_of, is_ours } from '../core/gid.ts';
import { outcome_of, remembered } from '../shell/prepared_look.ts';
import { own_report } from '../shell/own_report.ts';
import { rows, type Row } from '../shell/sql.ts';
import { shell_config } from '../shell/shell_config.ts';

const PREPARED = `
  SELECT prepared::text AS since, transaction::text AS xid
  FROM pg_catalog.pg_prepared_xact()
  WHERE gid = $1 AND dbid = (SELECT oid FROM pg_catalog.pg_database
                             WHERE datname = pg_catalog.current_database())`;

const UNDER_WAY = `
  SELECT role, state, since::text AS since, pid, origin, yes::text AS yes,
         waiting_for::text AS waiting_for, generation::text AS generation
  FROM mtm.shell_transactions() WHERE gid = $1`;

export interface TransactionHere {
  /** prepared, committed, aborted, running, none, unknown. */
  readonly state: string;
  readonly since: unknown;
  readonly xid: unknown;
  /** Its backend or apply worker here; null when there is none. */
  readonly under_way: Row | null;
}

export function transaction_here({ gid }: { readonly gid: string }): TransactionHere {
  const [prepared] = rows(PREPARED, ['text'], [gid]);
  const [under_way] = rows(UNDER_WAY, ['text'], [gid]);
  return {
    state: state_of(gid, prepared !== undefined, under_way !== undefined),
    since: prepared?.['since'] ?? under_way?.['since'] ?? null,
    xid: prepared?.['xid'] ?? null,
    under_way: under_way ?? null,
  };
}

function state_of(gid: string, prepared: boolean, under_way: boolean): string {
  if (coordinator_of(gid) === shell_config().node_id) {
    const outcome = outcome_of(gid);
    if (outcome !== 'in progress') return outcome;
    return prepared ? 'prepared' : 'running';
  }
  if (prepared) return 'prepared';
  if (under_way) return 'running';
  return is_ours(gid) && remembered([gid], own_report().members).length > 0 ? 'committed' : 'none';
}
