// mtm.get_trans_by_xid(xid): the distributed transaction that has this transaction id on
// this node, 32 bit or 64 bit, coordinated here or not.
import { get_trans_by_gid } from './get_trans_by_gid.ts';
import { rows } from '../shell/sql.ts';

const GID = `
  SELECT gid FROM pg_catalog.pg_prepared_xact()
  WHERE transaction::text::int8 = $1::int8 & 4294967295
    AND dbid = (SELECT oid FROM pg_catalog.pg_database
                WHERE datname = pg_catalog.current_database())
  UNION
  SELECT gid FROM mtm.shell_transactions()
  WHERE role = 'coordinator' AND xid::text::int8 = $1::int8 & 4294967295`;

export function get_trans_by_xid({ xid }: { readonly xid: string }) {
  const [found] = rows(GID, ['text'], [xid]);
  return found === undefined ? null : get_trans_by_gid({ gid: found['gid'] as string });
}
