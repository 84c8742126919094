// The list of nodes: those of the settings and those that were added, without the dropped
// ones. It is replicated; the monitor follows it (docs/membership.md).
import { row, rows } from './sql.ts';
import type { GivenShare } from '../core/sequence_share.ts';
import type { NodeId, NodeSet } from '../core/node_set.ts';

const LOCK = 'LOCK TABLE mtm.cluster_nodes IN SHARE ROW EXCLUSIVE MODE';

const STOPPED = 'SELECT id FROM mtm.cluster_nodes WHERE stopped AND NOT dropped ORDER BY id';
const NUMBERS = 'SELECT id FROM mtm.cluster_nodes';
const SHARES = `
  SELECT id, share_remainder, share_modulus, share_split_from FROM mtm.cluster_nodes
  WHERE share_modulus IS NOT NULL ORDER BY id`;
const ADDED = 'SELECT id, dropped, conninfo FROM mtm.cluster_nodes WHERE conninfo IS NOT NULL ORDER BY id';
const LEARN = 'SELECT mtm.shell_add_node($1, $2)';
const MAKE_SLOT = 'SELECT mtm.shell_make_slot($1)';

const DROPPED = 'SELECT id FROM mtm.cluster_nodes WHERE dropped ORDER BY id';

export function dropped_nodes(): NodeSet {
  return rows(DROPPED).map(({ id }) => Number(id));
}

/** Whoever changes the list is alone with it until the end of the transaction. */
export function lock_list(): void {
  rows(LOCK);
}

/** Those that shall be no members for now. */
export function stopped_nodes(): NodeSet {
  return rows(STOPPED).map(({ id }) => Number(id));
}

/** Numbers in the list, dropped ones as well. */
export function numbers_given(): readonly NodeId[] {
  return rows(NUMBERS).map(({ id }) => Number(id));
}

/** Which sequence values the added nodes got, dropped ones as well. */
export function shares_given(): readonly GivenShare[] {
  return rows(SHARES).map((row) => ({
    id: Number(row['id']),
    remainder: Number(row['share_remainder']),
    modulus: Number(row['share_modulus']),
    split_from: row['share_split_from'] === null ? null : Number(row['share_split_from']),
  }));
}

/** Added nodes that are listed, whether this server knows them already or not. */
export function added_nodes(): NodeSet {
  return rows(ADDED)
    .filter(({ dropped }) => dropped !== true)
    .map(({ id }) => Number(id));
}

/** This server knows all nodes that were added; which of them are not dropped? */
export function learn_added_nodes(): NodeSet {
  const added = rows(ADDED);
  for (const { id, conninfo } of added) rows(LEARN, ['int4', 'text'], [id, conninfo]);
  return added.filter(({ dropped }) => dropped !== true).map(({ id }) => Number(id));
}

/**
 * Of nodes that were added, those that can find here what they will not have: before a node
 * counts as listed its slot is there, and so it is before any mark that it reads from.
 */
export function with_slots(added: NodeSet, self: NodeId, warn: (text: string) => void): NodeSet {
  return added.filter((id) => {
    if (id === self) return true;
    const why = failure_of(() => make_slot(id));
    if (why !== null && why !== no_slot.get(id)) warn(`no slot for node ${id} yet, which joins: ${why}`);
    no_slot.set(id, why);
    return why === null;
  });
}

/** Why there is none for these, as it was said last. */
const no_slot = new Map<NodeId, string | null>();

export function make_slot(id: NodeId): void {
  rows(MAKE_SLOT, ['int4'], [id]);
}

const WHY = 'SELECT reason FROM mtm.cluster_nodes WHERE id = $1 AND dropped AND reason IS NOT NULL';
const TOLD_WHY = 'SELECT mtm.shell_dropped_why() AS why';

/** Why a node was dropped, as the list says; empty: it does not. */
export function why_dropped(node_id: NodeId): string {
  return rows(WHY, ['int4'], [node_id]).map(({ reason }) => String(reason))[0] ?? '';
}

/** Why this one was, as the list or a peer says. */
export function why_dropped_here(node_id: NodeId): string {
  return why_dropped(node_id) || String(row(TOLD_WHY)['why'] ?? '');
}

/** Those that were dropped because they were away too long. */
export function lost_nodes(): { readonly id: NodeId; readonly reason: string }[] {
  return rows(LOST).map(({ id, reason }) => ({ id: Number(id), reason: String(reason) }));
}

const LOST = `
  SELECT id, reason FROM mtm.cluster_nodes WHERE dropped AND reason IS NOT NULL ORDER BY id`;
const END_SENDER = `
  SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots
  WHERE slot_name = $1 AND active_pid IS NOT NULL`;
const DROP_SLOT = `
  SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots
  WHERE slot_name = $1 AND active_pid IS NULL`;
const SLOTS = 'SELECT count(*)::int4 AS left FROM pg_catalog.pg_replication_slots WHERE slot_name = $1';
const POSITION = 'SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS position';
/** Does a node that comes back read what lies before the position? */
const READ_BEFORE = `
  SELECT EXISTS (SELECT FROM pg_catalog.pg_replication_slots
                 WHERE plugin = 'multimaster' AND restart_lsn <= $1::pg_lsn) AS found`;
const DROP_ORIGINS = `
  SELECT pg_catalog.pg_replication_origin_drop(roname)
  FROM pg_catalog.pg_replication_origin WHERE roname LIKE $1`;

/**
 * What is kept here for a dropped node, taken away step by step: its slot at once; its
 * lanes' origins when nobody reads records any more that name them, since PostgreSQL gives
 * their numbers again. Only where the node is not configured any more, and this one online.
 */
export class DroppedNode {
  private slot_left = true;
  private ended_at: string | null = null;

  constructor(readonly id: NodeId) {}

  /** True when nothing is left. */
  forget(): boolean {
    if (this.slot_left) this.slot_left = !this.forget_slot();
    if (this.slot_left) return false;
    this.ended_at ??= row(POSITION)['position'] as string;
    if (row(READ_BEFORE, ['text'], [this.ended_at])['found'] === true) return false;
    return attempt(() => rows(DROP_ORIGINS, ['text'], [`mtm\\_lane\\_${this.id}\\_%`]));
  }

  private forget_slot(): boolean {
    const slot = [`mtm_slot_${this.id}`];
    rows(END_SENDER, ['name'], slot);
    attempt(() => rows(DROP_SLOT, ['name'], slot));
    const ended = row('SELECT mtm.shell_forget_node($1) AS ended', ['int4'], [this.id])['ended'];
    return ended === true && row(SLOTS, ['name'], slot)['left'] === 0;
  }
}

/** Somebody may use it just now: the next time it is free. */
function attempt(act: () => void): boolean {
  return failure_of(act) === null;
}

function failure_of(act: () => void): string | null {
  try {
    plv8.subtransaction(act);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
