// A model of the recovery process of a node that was away (docs/majority.md, 3): it ends
// what is left prepared here, then reads one donor's stream in recover mode.
import type { DataPlane } from './data_plane.ts';
import type { Transaction } from './transaction.ts';
import type { WalRecord } from './wal.ts';

export class Recovery {
  private position: number | null = null;
  private asked = false;
  private passed = 0;

  constructor(
    private readonly here: DataPlane,
    readonly donor: number,
  ) {}

  /** As much as happens at once: some records, or one transaction that was left here. */
  step(donor: DataPlane, count: number): void {
    if (!this.asked) {
      this.asked = !this.end_one(donor);
      return;
    }
    this.position ??= donor.wal.slot(this.here.id);
    for (; count > 0 && this.may_read(donor); count--) {
      this.take(donor, donor.wal.records[this.position]!, this.position);
      this.position++;
      if (this.here.around.chance(0.3)) donor.wal.confirm(this.here.id, this.confirmed(donor));
    }
    if (this.here.around.chance(0.2)) return;
    const lag_bytes = donor.wal.insert - this.position;
    const { donor: id, passed } = this;
    this.here.around.event({ kind: 'recovering', donor: id, lag_bytes, passed });
  }

  /** It stops at the donor's mark of the generation that this node is a member of now. */
  private may_read(donor: DataPlane): boolean {
    if (this.position! >= donor.wal.insert) return false;
    return this.passed === 0 || this.passed !== this.target();
  }

  private target(): number {
    const { generation, members, status } = this.here.view!;
    // In `catchup` the newest one it voted for is over for it.
    return members.includes(this.here.id) && status !== 'catchup' ? generation : -1;
  }

  /**
   * Up to a mark only, and not past that of its own generation: should the donor recover
   * from this node later, it knows what is older by its generation.
   */
  private confirmed(donor: DataPlane): number {
    return Math.max(0, donor.wal.mark_of(this.passed));
  }

  /** 3.6: the donor has ended all that is left of the cluster's own. */
  private end_one(donor: DataPlane): boolean {
    const { here } = this;
    const left = [...here.prepared.values()].find(({ tx }) => !tx.user);
    if (left === undefined) return false;
    const { tx } = left;
    const value = donor.wal.has('commit', tx, donor.wal.slot(here.id)) ? 'commit' : 'abort';
    const own = tx.coordinator === here.id;
    if (value === 'commit') here.end(tx, value, own ? here.wal.insert : null);
    else if (donor.prepared.get(tx.gid)?.tx === tx) here.let_go(tx);
    else this.roll_back(tx);
    here.tell_driver(tx.gid, value);
    return true;
  }

  private roll_back(tx: Transaction): void {
    this.here.end(tx, 'abort', tx.coordinator === this.here.id ? this.here.wal.insert : null);
  }

  private take(donor: DataPlane, record: WalRecord, position: number): void {
    const { here } = this;
    if (record.kind === 'mark') {
      this.passed = record.number;
      return;
    }
    const { kind, tx } = record;
    if (kind === 'refused') return;
    if (tx.user) {
      if (kind === 'prepare') this.take_users_prepare(donor, record.tx, record.at, position);
      else if (here.prepared.get(tx.gid)?.tx === tx) here.end(tx, kind, record.at);
    } else if (kind === 'commit' && !this.has_had(donor, tx, record.at)) {
      here.end(tx, 'commit', record.at);
    }
  }

  private take_users_prepare(
    donor: DataPlane,
    tx: Transaction,
    at: number | null,
    position: number,
  ): void {
    const { here } = this;
    if (tx.coordinator === here.id || here.prepared.has(tx.gid)) return;
    if (this.is_older(donor, position)) return;
    const slot = here.wal.slot(donor.id);
    const known = ['prepare', 'commit', 'abort'] as const;
    if (known.some((kind) => here.wal.has(kind, tx, slot))) return;
    // Ended here before that: see DataPlane.horizon(). A refusal is known behind it, too.
    const passed = at !== null && at <= here.progress_of(tx);
    if (passed && !here.wal.has('refused', tx, slot)) return;
    here.prepare(tx, at);
  }

  /** 3.7: it ended here before. */
  protected has_had(donor: DataPlane, tx: Transaction, at: number | null): boolean {
    const { here } = this;
    // Settled before this node was online in a newer generation than its own.
    if (tx.generation < here.around.online_in()) return true;
    if (at !== null && at <= here.progress_of(tx)) return true;
    if (tx.coordinator === here.id && here.outcomes.get(tx.gid) === 'commit') return true;
    return here.wal.has('commit', tx, here.wal.slot(donor.id));
  }

  /** Before a mark of the donor that is not newer than what this node was online in. */
  private is_older(donor: DataPlane, position: number): boolean {
    return position < donor.wal.mark_up_to(this.here.around.online_in());
  }
}
