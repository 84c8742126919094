// What one node has on disk, in the model: the WAL, what is prepared, the commit log, how
// far each lane is executed, rows; and the list of nodes, which is a row, too.
import { is_ours } from '../../ts-src/core/gid.ts';
import { Wal } from './wal.ts';
import type { ListChange, Transaction } from './transaction.ts';
import type { Surroundings } from './surroundings.ts';
import type { Value } from '../../ts-src/core/ballot.ts';

export const KEYS = 6;
/** The row that stands for the list of nodes. */
export const LIST_KEY = KEYS;
export const LANES = 2;

export class Database {
  readonly wal = new Wal();
  readonly prepared = new Map<string, { xid: number; tx: Transaction }>();
  /** The commit log, of its own transactions. */
  readonly outcomes = new Map<string, Value>();
  /** Progress of each lane of each coordinator: its last outcome that was executed. */
  readonly progress = new Map<string, number>();
  /** The rows: who wrote each, in order. */
  readonly rows: Transaction[][] = Array.from({ length: KEYS + 1 }, () => []);
  /** The nodes that the cluster should consist of. */
  listed: readonly number[];
  protected next_xid = 700;

  constructor(
    readonly id: number,
    listed: readonly number[],
    readonly around: Surroundings,
  ) {
    this.listed = listed;
  }

  is_locked(keys: readonly number[]): boolean {
    for (const { tx } of this.prepared.values()) {
      if (tx.keys.some((key) => keys.includes(key))) return true;
    }
    return false;
  }

  prepare(tx: Transaction, at: number | null): void {
    this.prepared.set(tx.gid, { xid: this.next_xid++, tx });
    this.wal.records.push({ kind: 'prepare', tx, at });
  }

  /** A copy's source has it open: it comes whole, if it is committed. */
  let_go(tx: Transaction): void {
    this.prepared.delete(tx.gid);
    this.wal.records.push({ kind: 'abort', tx, at: null });
  }

  /** `at`: of its outcome in the coordinator's WAL; null: by a ballot, or by recovery. */
  end(tx: Transaction, value: Value, at: number | null): void {
    this.prepared.delete(tx.gid);
    if (tx.coordinator === this.id && is_ours(tx.gid)) this.outcomes.set(tx.gid, value);
    this.wal.records.push({ kind: value, tx, at });
    tx.ended.set(this.id, value);
    if (value === 'commit') this.write_rows(tx);
    this.around.changed(tx);
  }

  progress_of(tx: Transaction): number {
    return this.progress.get(`${tx.coordinator} ${tx.lane}`) ?? -1;
  }

  /** What its WAL has as committed, from where the slots of these nodes begin. */
  remembered(gids: ReadonlySet<string>, by: readonly number[]): readonly string[] {
    const from = Math.min(...by.map((id) => this.wal.slot(id)), this.wal.insert);
    const found = this.wal.records.slice(from).filter((r) => r.kind === 'commit');
    return found.map((r) => (r as { tx: Transaction }).tx.gid).filter((gid) => gids.has(gid));
  }

  protected xact_status(gid: string): 'committed' | 'aborted' | 'in progress' {
    if (this.prepared.has(gid)) return 'in progress';
    return this.outcomes.get(gid) === 'commit' ? 'committed' : 'aborted';
  }

  private write_rows(tx: Transaction): void {
    for (const key of tx.keys) this.rows[key]!.push(tx);
    if (tx.list !== null) this.change_list(tx.list);
    this.around.applied(tx);
  }

  private change_list({ change, node }: ListChange): void {
    const others = this.listed.filter((id) => id !== node);
    this.listed = change === 'drop' ? others : [...others, node].sort((a, b) => a - b);
    // From here on this node's WAL is kept for it.
    if (change === 'add') this.wal.confirm(node, this.wal.insert);
    this.around.event({ kind: 'listed', nodes: this.listed });
  }

  /**
   * A base backup of another node: all that is on its disk but its WAL, in which its slot for
   * this node begins now (docs/membership.md, 4).
   */
  copy(source: Database): void {
    for (const [gid, entry] of source.prepared) this.prepared.set(gid, entry);
    for (const [lane, at] of source.progress) this.progress.set(lane, at);
    for (let lane = 0; lane < LANES; lane++) {
      this.progress.set(`${source.id} ${lane}`, source.wal.insert - 1);
    }
    source.rows.forEach((row, key) => this.rows[key]!.push(...row));
    this.listed = source.listed;
    this.next_xid = source.next_xid;
    this.begins_at(source);
  }

  protected begins_at({ wal }: Database): void {
    wal.confirm(this.id, wal.insert);
  }
}
