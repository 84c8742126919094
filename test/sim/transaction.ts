// One distributed transaction as an all-knowing observer sees it. A user may give a gid
// to one transaction after another, so each is an object of its own.
import type { Value } from '../../ts-src/core/ballot.ts';

export interface ListChange {
  readonly change: 'add' | 'drop';
  readonly node: number;
}

export interface Transaction {
  readonly gid: string;
  readonly user: boolean;
  readonly coordinator: number;
  readonly generation: number;
  readonly members: readonly number[];
  /** The rows that it writes. */
  readonly keys: readonly number[];
  /** The node that it adds to the list, or takes out of it. */
  readonly list: ListChange | null;
  /** Transactions of one lane are executed in their coordinator's order. */
  readonly lane: number;
  /** Position of its PREPARE in its coordinator's WAL. */
  readonly prepared_at: number;
  /** Where it was executed, and how. A mere rollback at its coordinator's wish is none. */
  readonly ended: Map<number, Value>;
  /** The generation in which it was committed: its own, or that of the ballot. */
  committed_in: number | null;
  /** What its client was told; for a user's, of PREPARE TRANSACTION. */
  told: Value | 'prepared' | null;
  /** Decisions that users asked for, in a user's transaction. */
  readonly asked: Set<Value>;
  /** Nodes on which users did. */
  readonly askers: Set<number>;
}
