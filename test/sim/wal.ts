// A model of one node's WAL, as far as others read it: an ordered log, and the slots
// that say from where it is still needed. A position is the number of records before it.
import type { Transaction } from './transaction.ts';

export type WalRecord =
  | {
      /** `refused`: a user's PREPARE that this node refused. */
      readonly kind: 'prepare' | 'refused' | 'commit' | 'abort';
      readonly tx: Transaction;
      /** Of this record in its coordinator's WAL; null: not executed out of its stream. */
      readonly at: number | null;
    }
  | { readonly kind: 'mark'; readonly number: number };

export class Wal {
  readonly records: WalRecord[] = [];
  /** For each other node, the position up to which its slot here is confirmed. */
  readonly slots = new Map<number, number>();

  get insert(): number {
    return this.records.length;
  }

  slot(node: number): number {
    return this.slots.get(node) ?? 0;
  }

  confirm(node: number, position: number): void {
    this.slots.set(node, Math.max(this.slot(node), position));
  }

  /** Has it such a record of the transaction at or behind the position? */
  has(kind: WalRecord['kind'], tx: Transaction, from: number): boolean {
    for (let i = this.records.length - 1; i >= from; i--) {
      const record = this.records[i]!;
      if (record.kind === kind && record.kind !== 'mark' && record.tx === tx) return true;
    }
    return false;
  }

  /** Where the transaction was prepared; -1: not here. */
  prepare_of(tx: Transaction): number {
    return this.records.findIndex((r) => r.kind === 'prepare' && r.tx === tx);
  }

  outcome_of(tx: Transaction): number {
    const is_outcome = (r: WalRecord) => r.kind === 'commit' || r.kind === 'abort';
    return this.records.findLastIndex((r) => is_outcome(r) && (r as { tx: Transaction }).tx === tx);
  }

  /** Position of the newest mark of a generation up to `number`; -1: there is none. */
  mark_up_to(number: number): number {
    return this.records.findLastIndex((r) => r.kind === 'mark' && r.number <= number);
  }

  mark_of(number: number): number {
    return this.records.findLastIndex((r) => r.kind === 'mark' && r.number === number);
  }
}
