// mtm.add_node(conninfo): put a new node into the list. As with mtm.drop_node(), the control
// plane of each node follows the list (docs/membership.md).
import { better_sources, next_share, type GivenShare, type Shares } from '../core/sequence_share.ts';
import { listed_nodes, shell_config } from '../shell/shell_config.ts';
import { added_nodes, lock_list, numbers_given, shares_given } from '../shell/node_list.ts';
import { node_set, type NodeId } from '../core/node_set.ts';
import { own_report } from '../shell/own_report.ts';
import { row, rows } from '../shell/sql.ts';
import { SqlError } from '../shell/sql_error.ts';

const CHECK = 'SELECT mtm.shell_check_new_node($1, $2, $3)';
/** A dropped node's lanes need room until they are gone. */
const LANES = `
  SELECT DISTINCT pg_catalog.split_part(roname, '_', 3)::int4 AS id
  FROM pg_catalog.pg_replication_origin WHERE roname LIKE 'mtm\\_lane\\_%'`;
const ADD = `
  INSERT INTO mtm.cluster_nodes (id, dropped, conninfo, share_remainder, share_modulus, share_split_from)
  VALUES ($1, false, $2, $3, $4, $5)`;
const ADD_TYPES = ['int4', 'text', 'int4', 'int4', 'int4'];

const LOCK_TIMEOUT = "SELECT pg_catalog.current_setting('lock_timeout') AS set";
const SET_LOCK_TIMEOUT = "SELECT pg_catalog.set_config('lock_timeout', $1, true)";
const SLEEP = 'SELECT pg_catalog.pg_sleep(0.1)';
const LOCK_NOT_AVAILABLE = '55P03';
/** Who wants a value of a sequence waits for no longer. */
const SHORT = '100ms';
const ATTEMPTS = 100;

interface Arguments {
  readonly conninfo: string;
}

/** Its number: the next one that was never given. */
export function add_node({ conninfo }: Arguments): number {
  lock_list();
  const config = shell_config();
  const listed = node_set([...listed_nodes(config).map((node) => node.id), ...added_nodes()]);
  const id = Math.max(config.founders, ...numbers_given()) + 1;
  const kept = rows(LANES).map((lane) => Number(lane['id']));
  row(CHECK, ['int4', 'text', 'int4'], [id, conninfo, node_set([...listed, ...kept, id]).length]);
  const shares = { ...config, given: shares_given() };
  const share = next_share(id, config.node_id, shares) ?? too_small(config.node_id, listed, shares);
  const { split_from } = share;
  if (split_from === null) add(conninfo, share);
  else add_by_split(conninfo, { ...share, split_from }, listed, shares);
  return id;
}

function add(conninfo: string, { id, remainder, modulus, split_from }: GivenShare): void {
  rows(ADD, ADD_TYPES, [id, conninfo, remainder, modulus, split_from]);
}

/**
 * The split needs all sequences for itself, and transactions that have got values hold them.
 * So it waits for them a little at a time, holding nothing in between.
 */
function add_by_split(
  conninfo: string,
  share: GivenShare & { readonly split_from: NodeId },
  listed: readonly NodeId[],
  shares: Shares,
): void {
  for (let attempt = 1; !with_short_locks(() => add(conninfo, share), attempt === ATTEMPTS); attempt++) {
    row(SLEEP);
  }
  const source = share.split_from;
  const online = own_report().members_online.filter((id) => listed.includes(id));
  const better = better_sources(source, online, shares);
  if (better.length === 0) return;
  plv8.elog(
    NOTICE,
    `node ${share.id} gets half of the sequence values of node ${source}; of node ` +
      `${better.join(', ')} it would get more, as a copy of that one`,
  );
}

/** False: some transaction has a lock; `last`: that is an error. */
function with_short_locks(act: () => void, last: boolean): boolean {
  const before = row(LOCK_TIMEOUT)['set'];
  try {
    plv8.subtransaction(() => {
      row(SET_LOCK_TIMEOUT, ['text'], [SHORT]);
      act();
      row(SET_LOCK_TIMEOUT, ['text'], [before]);
    });
    return true;
  } catch (error) {
    if (sqlstate_of(error) !== LOCK_NOT_AVAILABLE) throw error;
    if (!last) return false;
    throw new SqlError(LOCK_NOT_AVAILABLE, 'a transaction has got values of a sequence and does not end', {
      detail: 'Half of the values of this node are for the new one, and the division waits for it.',
      hint: 'Try again, or let the new node join as a copy of another node.',
    });
  }
}

function sqlstate_of(error: unknown): unknown {
  return (error as { sqlerrcode?: unknown }).sqlerrcode;
}

function too_small(source: NodeId, listed: readonly NodeId[], shares: Shares): never {
  const better = better_sources(source, listed, shares);
  throw new SqlError('53400', `node ${source} has too few sequence values left to share them`, {
    hint:
      better.length === 0
        ? 'Move the database to a new cluster, by pg_dump.'
        : `Let the new node join as a copy of node ${better.join(' or ')}.`,
  });
}
