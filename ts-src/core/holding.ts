// Holding: what one node has of one transaction, as it answers the resolver.
//
//   committed, aborted  an executed decision. Known exactly by the coordinator's node,
//                       from its clog; `committed` also by others, from their WAL. A
//                       rollback there is none: it may have been a mere refusal
//   prepared            durable here, outcome open
//   preparing           a user's PREPARE TRANSACTION that its backend here still drives
//   none                not prepared here, and never will be in its generation
//   away                whatever it is: that member missed what followed, and its
//                       recovery ends it; so says the resolver, not the member
//   unknown             the coordinator's node cannot tell any more
import { is_ours, coordinator_of, type Gid } from './gid.ts';
import type { NodeId } from './node_set.ts';

export type HoldingState =
  | 'committed'
  | 'aborted'
  | 'prepared'
  | 'preparing'
  | 'none'
  | 'away'
  | 'unknown';

export interface Holding {
  readonly state: HoldingState;
  /** Local xid of what is prepared, null if nothing is. */
  readonly xid: string | null;
}

/** What the shell read, in this order: prepared, driven, prepared again, outcomes. */
export interface Look {
  /** gid -> local xid. */
  readonly prepared: Readonly<Record<Gid, string>>;
  /** Transactions that a backend of this node drives now. */
  readonly driven: readonly Gid[];
  /**
   * For the asked gids: from pg_xact_status, of those that this node coordinated; from
   * its WAL, 'committed' of others' that it executed and that are not prepared here.
   */
  readonly outcomes: Readonly<Record<Gid, 'committed' | 'aborted' | 'in progress' | 'unknown'>>;
}

export function holding(self: NodeId, gid: Gid, look: Look): Holding {
  const xid = look.prepared[gid] ?? null;
  if (!is_ours(gid)) return { state: user_state(gid, xid, look), xid };
  if (coordinator_of(gid) === self) {
    const outcome = look.outcomes[gid];
    if (outcome === 'committed' || outcome === 'aborted') return { state: outcome, xid };
    if (xid === null && outcome !== 'in progress') return { state: 'unknown', xid };
  } else if (xid === null && look.outcomes[gid] === 'committed') {
    return { state: 'committed', xid };
  }
  return { state: xid === null ? 'none' : 'prepared', xid };
}

function user_state(gid: Gid, xid: string | null, look: Look): HoldingState {
  if (look.driven.includes(gid)) return 'preparing';
  return xid === null ? 'none' : 'prepared';
}
