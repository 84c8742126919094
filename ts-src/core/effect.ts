// Effects: what a step wants done, as data. Those in `durable` are done, in order, only
// after the new durable state is on disk; those in `now` need not wait for it.
import type { Value } from './ballot.ts';
import type { Gid } from './gid.ts';
import type { Message } from './message.ts';
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
}

/** Why the core wants to know what is prepared here; it comes back with the answer. */
export type LookPurpose =
  | { readonly of: 'report'; readonly number: number; readonly seq: number }
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
  /** Answered by a looked event; `gids` are those whose own outcome is asked. */
  | { readonly kind: 'look'; readonly purpose: LookPurpose; readonly gids: readonly Gid[] }
  /** Answered by a finished event. */
  | { readonly kind: 'finish'; readonly gid: Gid; readonly value: Value }
  | { readonly kind: 'log'; readonly level: 'log' | 'warning'; readonly message: string };

export interface Effects {
  readonly durable: readonly Effect[];
  readonly now: readonly Effect[];
}
