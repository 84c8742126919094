// Events: all that can happen to a node's control plane. Time and randomness come with
// each of them; the core has none of its own.
import type { Value } from './ballot.ts';
import type { Gid } from './gid.ts';
import type { Look } from './holding.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { LookPurpose } from './effect.ts';
import type { Positions } from './horizon.ts';

export interface Clock {
  /** Monotonic. */
  readonly now_ms: number;
  /** For people to read. */
  readonly wall_ms: number;
  /** In [0, 1). */
  readonly random: number;
}

export type FinishResult = 'done' | 'absent' | 'busy';

export type Event =
  | { readonly kind: 'start' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly from: NodeId; readonly body: string }
  | { readonly kind: 'link_up'; readonly peer: NodeId }
  | { readonly kind: 'link_down'; readonly peer: NodeId }
  /** Since its link went down it was seen that its server does not run: nobody listens there. */
  | { readonly kind: 'gone'; readonly peer: NodeId }
  | { readonly kind: 'stream_up'; readonly peer: NodeId }
  | { readonly kind: 'stream_down'; readonly peer: NodeId }
  /**
   * Told by the recovery process, again and again while it runs. `passed`: number of the
   * donor's newest mark up to which everything is applied here, 0 for none.
   */
  | {
      readonly kind: 'recovering';
      readonly donor: NodeId;
      readonly lag_bytes: number;
      readonly passed: number;
    }
  /** The list of nodes has changed. */
  | {
      readonly kind: 'listed';
      readonly nodes: NodeSet;
      /** Of them, those that shall be no members for now; none where it is left out. */
      readonly stopped?: NodeSet;
      /** Why this node is not in it. */
      readonly why_not?: string;
    }
  /** The answer to a measure effect. */
  | { readonly kind: 'measured'; readonly positions: Positions }
  /** The newest generation that the referee was asked about, and who may go on alone. */
  | { readonly kind: 'referee'; readonly number: number; readonly winner: NodeId }
  /** Its backend gave up: only a ballot of a newer generation can end it. */
  | { readonly kind: 'orphan'; readonly gid: Gid }
  /** A user's COMMIT or ROLLBACK PREPARED. */
  | { readonly kind: 'decide'; readonly gid: Gid; readonly commit: boolean }
  /** The answer to a look effect. */
  | { readonly kind: 'looked'; readonly purpose: LookPurpose; readonly look: Look }
  /** The answer to a finish effect. */
  | {
      readonly kind: 'finished';
      readonly gid: Gid;
      readonly value: Value;
      readonly result: FinishResult;
    };

export type EventKind = Event['kind'];
export type EventOf<K extends EventKind> = Extract<Event, { readonly kind: K }>;
