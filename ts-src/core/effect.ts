// Effects: what a step wants done, as data. Those in `durable` are done, in order, only
// after the new durable state is on disk; those in `now` need not wait for it.
import type { Value } from './ballot.ts';
import type { Gid } from './gid.ts';
import type { Message } from './message.ts';
import type { Major } from './quorum.ts';
import type { NodeId, NodeSet } from './node_set.ts';
import type { Decision } from './pick.ts';
import type { Status } from './status.ts';

/** The cluster as this node's data plane sees it. */
export interface View {
  readonly generation: number;
  readonly members: NodeSet;
  readonly configured: NodeSet;
  readonly incarnation: number;
  readonly status: Status;
  /**
   * 0: read the streams of all peers. n: read only node n's stream, in recover mode.
   * -1: read none; this node is away and has no donor yet.
   */
  readonly donor: NodeId | 0 | -1;
  /** Who breaks the tie of two halves, by the generation's record. */
  readonly major: Major;
}

/** Why the core wants to know what is prepared here; it comes back with the answer. */
export type LookPurpose =
  | {
      readonly of: 'report';
      readonly number: number;
      readonly seq: number;
      readonly after: Gid;
    }
  | {
      readonly of: 'answer';
      readonly number: number;
      readonly seq: number;
      readonly gids: readonly Gid[];
    }
  | {
      readonly of: 'accept';
      readonly number: number;
      readonly seq: number;
      readonly values: Readonly<Record<Gid, Value>>;
      readonly meant: Readonly<Record<Gid, string | null>>;
    }
  | { readonly of: 'execute'; readonly number: number; readonly seq: number }
  | { readonly of: 'decide'; readonly gid: Gid; readonly value: Value }
  | {
      readonly of: 'absent';
      readonly decisions: Readonly<Record<Gid, Decision>>;
    }
  | { readonly of: 'survey' };

export type Effect =
  /**
   * Set the view that the data plane acts by. Done only when nobody acts by the one
   * before it any more.
   */
  | { readonly kind: 'publish'; readonly view: View }
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  /**
   * Answered by a looked event. `gids` are those whose outcome is asked: this node's own,
   * by its commit log; others', by its WAL, which must be read from as far back as the
   * slots of the nodes `remembered_by` go.
   */
  | {
      readonly kind: 'look';
      readonly purpose: LookPurpose;
      readonly gids: readonly Gid[];
      readonly remembered_by: NodeSet;
    }
  /** Write the mark of that generation into the WAL, flushed. */
  | { readonly kind: 'mark'; readonly generation: number }
  /** Answered by a measured event. */
  | { readonly kind: 'measure' }
  /** The slot that this node reads on `peer` may be confirmed up to `position`. */
  | { readonly kind: 'confirm'; readonly peer: NodeId; readonly position: string }
  /** Answered by a referee event, or never. */
  | { readonly kind: 'ask_referee'; readonly number: number }
  /** Answered by a finished event. */
  | { readonly kind: 'finish'; readonly gid: Gid; readonly value: Value }
  | { readonly kind: 'log'; readonly level: 'log' | 'warning'; readonly message: string };

export interface Effects {
  readonly durable: readonly Effect[];
  readonly now: readonly Effect[];
}
