// WAL that is kept for nodes that are away: warned of while it grows, and when it is more than
// multimaster.max_recovery_lag, the node is to be dropped (docs/membership.md, 3.6 to 3.8).
// It is a wish like any other change of the list; nothing of the protocol depends on it.
import { in_words } from './byte_size.ts';
import { configured_nodes, may_leave } from './configured.ts';
import { difference, intersection, type NodeId } from './node_set.ts';
import { in_force } from './force.ts';
import { is_connected, peer_of } from './connectivity.ts';
import type { Standing, State } from './state.ts';

/**
 * The members try one after the other: the first one may keep less WAL. And a node that only
 * changes its donor has the time to begin.
 */
const TURN_MS = 5_000;
/** A node that reads is given up when it has not come nearer for so long. */
const STANDS_STILL_MS = 600_000;
/** And has more left than may be kept. */
const FALLS_BEHIND_MS = 60_000;
/** Warned of from half of the limit on, at each tenth of it; beyond it at each half. */
const TENTHS = 10;
const HALF = 5;

const WHAT_TO_DO = 'bring nodes back, or make room for more WAL';

/** What is remembered of a node that is away. */
interface Watch {
  /** Tenths of the limit that were warned of. */
  readonly warned: number;
  /** Since when it could be dropped. */
  readonly over_since_ms: number | null;
  /** The least that was left to read, and when that was first so. */
  readonly least_left: number;
  readonly least_ms: number;
  readonly tried_ms: number;
}

export type Watches = Readonly<Record<NodeId, Watch>>;

export interface KeptWal {
  readonly now_ms: number;
  /** Limit in bytes; 0: none. */
  readonly most: number;
  /** In bytes, by the slots of this node. */
  readonly kept: Readonly<Record<NodeId, number>>;
}

export interface Judged {
  readonly watches: Watches;
  readonly warnings: readonly string[];
  readonly drop: readonly NodeId[];
}

export function judge_kept_wal(state: State, before: Watches, { now_ms, most, kept }: KeptWal): Judged {
  const watches: Record<NodeId, Watch> = {};
  const warnings: string[] = [];
  const drop: NodeId[] = [];
  if (most === 0) return { watches, warnings, drop };
  for (const id of absent_nodes(state)) {
    const bytes = kept[id];
    if (bytes === undefined) continue;
    const seen = observe(state, id, before[id], now_ms);
    const hindrance = hindrance_of(state, id, seen, most, now_ms);
    const over_since_ms =
      bytes > most && hindrance === null ? (seen.over_since_ms ?? now_ms) : null;
    const is_due = is_turn(state, { ...seen, over_since_ms }, now_ms);
    if (is_due) drop.push(id);
    const tenths = Math.floor((bytes * TENTHS) / most);
    const warned = tenths < TENTHS ? tenths : tenths - (tenths % HALF);
    const warns = warned >= HALF && warned > seen.warned;
    if (warns) warnings.push(warning(id, bytes, most, hindrance));
    watches[id] = {
      ...seen,
      over_since_ms,
      warned: Math.max(seen.warned, warned),
      tried_ms: is_due ? now_ms : seen.tried_ms,
    };
  }
  return { watches, warnings, drop };
}

/**
 * Configured nodes that the present generation goes on without. One that joins is not among
 * them: whoever adds it waits for it. A node that is not online knows only whom it does not hear.
 */
function absent_nodes(state: Standing): readonly NodeId[] {
  const { node_id } = state.config;
  const others = difference(intersection(configured_nodes(state), state.listed), [node_id]);
  const generation = in_force(state);
  if (state.view?.status === 'online' && generation !== null) {
    return difference(others, generation.members);
  }
  return others.filter((id) => !is_connected(state, id));
}

/** What it says is left to read for it; null: it does not read. */
function left_of(state: Standing, id: NodeId): number | null {
  if (!is_connected(state, id)) return null;
  return peer_of(state, id).said?.recovery?.lag_bytes ?? null;
}

function observe(
  state: State,
  id: NodeId,
  before: Watch | undefined,
  now_ms: number,
): Watch {
  const left = left_of(state, id) ?? Infinity;
  const nearer = before === undefined || left === Infinity || left < before.least_left;
  return {
    warned: before?.warned ?? 0,
    over_since_ms: before?.over_since_ms ?? null,
    least_left: nearer ? left : before.least_left,
    least_ms: nearer ? now_ms : before.least_ms,
    tried_ms: before?.tried_ms ?? -Infinity,
  };
}

/** Why it is not dropped although too much is kept for it; null: nothing is in the way. */
function hindrance_of(
  state: State,
  id: NodeId,
  { least_ms }: Watch,
  most: number,
  now_ms: number,
): string | null {
  const generation = in_force(state);
  if (state.view?.status !== 'online' || generation === null) return `this node is not online: ${WHAT_TO_DO}`;
  const [online, configured] = [generation.members, configured_nodes(state)];
  const { major } = generation;
  if (!may_leave(id, { online, configured, listed: state.listed, major })) {
    return `no quorum would be left: ${WHAT_TO_DO}`;
  }
  const left = left_of(state, id);
  if (left === null) return null;
  const patience_ms = left > most ? FALLS_BEHIND_MS : STANDS_STILL_MS;
  return now_ms - least_ms < patience_ms ? 'it is catching up' : null;
}

function is_turn(state: Standing, { over_since_ms, tried_ms }: Watch, now_ms: number): boolean {
  const place = in_force(state)?.members.indexOf(state.config.node_id) ?? 0;
  if (over_since_ms === null || now_ms - over_since_ms < (place + 1) * TURN_MS) return false;
  return now_ms - tried_ms >= TURN_MS;
}

function warning(id: NodeId, bytes: number, most: number, hindrance: string | null): string {
  const limit = `multimaster.max_recovery_lag = ${in_words(most)}`;
  const [kept, least] = [in_words(bytes), bytes <= most ? '' : `, more than ${limit}`];
  const away = `node ${id} is away and ${kept} of WAL is kept for it here${least}`;
  if (hindrance !== null && bytes > most) {
    return `${away}; it is not dropped, since ${hindrance}`;
  }
  if (bytes > most) return `${away}: it is dropped from the cluster`;
  return `${away}: beyond ${limit} it is dropped from the cluster`;
}
