// What the world around a node's data plane gives it, and hears of it.
import type { EventOf } from '../../ts-src/core/event.ts';
import type { Transaction } from './transaction.ts';

export interface Vote {
  readonly kind: 'yes' | 'no' | 'undo' | 'undone';
  readonly tx: Transaction;
}

export interface Surroundings {
  send_vote(to: number, vote: Vote): void;
  /** An event for the control plane, through the queue in shared memory. */
  event(
    event: EventOf<'orphan' | 'decide' | 'recovering' | 'stream_up' | 'stream_down' | 'listed'>,
  ): void;
  chance(probability: number): boolean;
  /** The node votes, prepares, takes back or decides something of this generation. */
  acts_in(generation: number, what: string): void;
  /** The newest generation in which this node was online, as it is on disk. */
  online_in(): number;
  /** A user hears that the transaction ended. */
  answered(tx: Transaction): void;
  /** It ended here, or its client was told something. */
  changed(tx: Transaction): void;
  /** Its rows are written here. */
  applied(tx: Transaction): void;
  now_us(): number;
}
