// A model of one node's data plane: backends that prepare and wait for votes, streams
// that carry prepares and outcomes, participants that vote, users' two-phase
// transactions. It keeps the rules that PROTOCOL.md and docs/majority.md give the C
// code; the control plane beside it is the real one. What it has on disk is in
// database.ts, what it does as a node that was away in recovery.ts.
import { coordinator_of } from '../../ts-src/core/gid.ts';
import { Database, LANES } from './database.ts';
import { meets_every_quorum } from '../../ts-src/core/quorum.ts';
import { Recovery } from './recovery.ts';
import type { FinishResult } from '../../ts-src/core/event.ts';
import type { Look } from '../../ts-src/core/holding.ts';
import type { Positions } from '../../ts-src/core/horizon.ts';
import type { ListChange, Transaction } from './transaction.ts';
import type { Value } from '../../ts-src/core/ballot.ts';
import type { View } from '../../ts-src/core/effect.ts';
import type { Vote } from './surroundings.ts';
import type { WalRecord } from './wal.ts';

/** A backend that drives its transaction. */
interface Driver {
  readonly tx: Transaction;
  readonly yes: Set<number>;
  readonly never: Set<number>;
  aborting: boolean;
  /** It has asked the others to take it back. */
  asked: boolean;
  handed_over: boolean;
}

/** A peer's stream, as far as it is read. */
interface Reading {
  /** Null: it begins at the peer's mark of `from_mark`, which is not written yet. */
  position: number | null;
  /** Users' transactions whose outcome has not come, and where their PREPARE was. */
  readonly open_users: Map<Transaction, number>;
}

export class DataPlane extends Database {
  // In memory.
  view: View | null = null;
  drivers = new Map<string, Driver>();
  refused = new Set<Transaction>();
  recovery: Recovery | null = null;
  /** Backends in COMMIT or ROLLBACK PREPARED. */
  waiting = new Map<string, { tx: Transaction; commit: boolean }>();
  private readings = new Map<number, Reading>();
  /** Streams are read from the peers' marks of this generation; 0: from their slots. */
  private from_mark = 0;

  crash(): void {
    this.view = null;
    this.drivers = new Map();
    this.refused = new Set();
    this.waiting = new Map();
    this.recovery = null;
    this.stop_reading(0);
  }

  /** Is this node online in this generation? Every action under a generation asks. */
  private online_in(generation: number): boolean {
    return this.view?.status === 'online' && this.view.generation === generation;
  }

  // ---- coordinator ---------------------------------------------------------------

  begin(
    user_gid: string | null,
    keys: readonly number[],
    list: ListChange | null = null,
  ): Transaction | null {
    const { view } = this;
    if (view === null || view.status !== 'online') return null;
    if (user_gid !== null && this.prepared.has(user_gid)) return null;
    if (this.is_locked(keys)) return null;
    const xid = this.next_xid++;
    const start = Math.floor(this.around.now_us());
    const name = `MTM-${this.id}-${xid}-${view.generation}-${view.incarnation}-${start}`;
    const tx: Transaction = {
      gid: user_gid ?? name,
      user: user_gid !== null,
      coordinator: this.id,
      generation: view.generation,
      members: view.members,
      keys,
      list,
      lane: xid % LANES,
      prepared_at: this.wal.insert,
      ended: new Map(),
      committed_in: null,
      told: null,
      asked: new Set(),
      askers: new Set(),
    };
    this.prepared.set(tx.gid, { xid, tx });
    this.wal.records.push({ kind: 'prepare', tx, at: this.wal.insert });
    const yes = new Set([this.id]);
    const never = new Set<number>();
    const driver = { tx, yes, never, aborting: false, asked: false, handed_over: false };
    this.drivers.set(tx.gid, driver);
    this.conclude(driver);
    return tx;
  }

  take_vote(from: number, { kind, tx }: Vote): void {
    if (kind === 'undo') {
      this.undo(from, tx);
      return;
    }
    const driver = this.drivers.get(tx.gid);
    if (driver === undefined || driver.tx !== tx) return;
    if (kind === 'yes') driver.yes.add(from);
    else driver.never.add(from);
    this.conclude(driver);
  }

  /** I4 and I6. */
  private conclude(driver: Driver): void {
    const { tx, yes, never } = driver;
    if (driver.handed_over || !this.online_in(tx.generation)) return;
    if (this.prepared.get(tx.gid)?.tx !== tx) return;
    if (!driver.aborting && this.is_unanimous(tx, yes)) {
      this.drivers.delete(tx.gid);
      if (tx.user) this.tell(tx, 'prepared');
      else this.decide(tx, 'commit');
      return;
    }
    if (never.size === 0 && !driver.aborting) return;
    driver.aborting = true;
    // A user's is never committed while its coordinator lacks it: nobody need be asked.
    if (tx.user || this.none_can_commit([...never, this.id])) {
      this.decide(tx, 'abort');
      this.drivers.delete(tx.gid);
    } else if (!driver.asked) {
      driver.asked = true;
      this.ask_to_undo(driver);
    }
  }

  private ask_to_undo({ tx, never }: Driver): void {
    for (const to of tx.members) {
      if (to !== this.id && !never.has(to)) this.around.send_vote(to, { kind: 'undo', tx });
    }
  }

  protected is_unanimous(tx: Transaction, yes: ReadonlySet<number>): boolean {
    return tx.members.every((id) => yes.has(id));
  }

  protected none_can_commit(never: readonly number[]): boolean {
    return meets_every_quorum(this.view!.configured, never, this.view!.major);
  }

  private decide(tx: Transaction, value: Value): void {
    this.around.acts_in(tx.generation, `decides ${tx.gid}`);
    if (value === 'commit') tx.committed_in ??= tx.generation;
    this.end(tx, value, this.wal.insert);
    this.tell(tx, value);
  }

  private tell(tx: Transaction, told: Value | 'prepared'): void {
    tx.told ??= told;
    this.around.changed(tx);
  }

  cancel(gid: string): void {
    const driver = this.drivers.get(gid);
    if (driver === undefined || driver.handed_over) return;
    driver.aborting = true;
    this.conclude(driver);
  }

  /** Its backend gives up; what it asked of others may still arrive. */
  give_up(gid: string): void {
    if (!this.drivers.delete(gid)) return;
    if (this.around.chance(0.9)) this.around.event({ kind: 'orphan', gid });
  }

  // ---- streams -------------------------------------------------------------------

  /** Which peers does it read in the ordinary way? */
  reads_streams(): boolean {
    return this.view?.donor === 0;
  }

  private stop_reading(from_mark: number): void {
    this.readings = new Map();
    this.from_mark = from_mark;
  }

  /** Up to `count` records of a peer's stream. */
  read_stream(peer: DataPlane, count: number): void {
    if (!this.reads_streams()) return;
    const reading = this.reading_of(peer);
    if (reading.position === null) return;
    const { records } = peer.wal;
    for (; count > 0 && reading.position < records.length; count--) {
      const record = records[reading.position]!;
      if (!this.take_record(peer, record, reading)) return;
      reading.position++;
    }
  }

  private reading_of(peer: DataPlane): Reading {
    let reading = this.readings.get(peer.id);
    if (reading === undefined || reading.position === null) {
      reading = { position: this.start_of(peer), open_users: new Map() };
      this.readings.set(peer.id, reading);
    }
    return reading;
  }

  /** 3.9: what lies before its mark is older, and this node has it. */
  private start_of(peer: DataPlane): number | null {
    const slot = peer.wal.slot(this.id);
    if (this.from_mark === 0 || !this.view!.members.includes(peer.id)) return slot;
    // It may never have been online in that one: then of the one that both are in now.
    const now = this.view!.status === 'online' ? this.view!.generation : this.from_mark;
    const first = peer.wal.mark_of(this.from_mark);
    const mark = first >= 0 ? first : peer.wal.mark_of(now);
    return mark < 0 ? null : Math.max(mark, slot);
  }

  /** False: it cannot be taken yet, the stream stands still. */
  private take_record(peer: DataPlane, record: WalRecord, reading: Reading): boolean {
    if (record.kind === 'mark' || record.tx.coordinator !== peer.id) return true;
    const { kind, tx } = record;
    if (kind === 'refused') return true;
    const at = reading.position!;
    if (kind === 'prepare') {
      if (tx.user && !tx.ended.has(this.id)) reading.open_users.set(tx, at);
      return this.take_prepare(peer, tx, at);
    }
    if (!this.take_outcome(tx, kind, at)) return false;
    reading.open_users.delete(tx);
    return true;
  }

  private take_prepare(peer: DataPlane, tx: Transaction, at: number): boolean {
    if (this.prepared.get(tx.gid)?.tx === tx) {
      this.vote(peer.id, { kind: 'yes', tx });
      return true;
    }
    // Its outcome lies at or before the progress of its lane: it ended here.
    const ended = peer.wal.outcome_of(tx);
    if (ended >= 0 && ended <= this.progress_of(tx)) return true;
    const number = this.view?.generation ?? 0;
    // A no counts for the coordinator's abort: only who is online in T's generation votes.
    if (!this.online_in(tx.generation)) {
      if (tx.generation >= number) return false;
      this.pass_over(tx, at);
      return true;
    }
    if (!this.may_prepare(tx)) {
      this.refused.add(tx);
      this.pass_over(tx, at);
      this.vote(peer.id, { kind: 'no', tx });
      return true;
    }
    this.around.acts_in(tx.generation, `prepares ${tx.gid}`);
    this.prepare(tx, at);
    this.vote(peer.id, { kind: 'yes', tx });
    return true;
  }

  /** The progress of its lane will say that it was here: its recovery must know better. */
  private pass_over(tx: Transaction, at: number): void {
    if (tx.user) this.wal.records.push({ kind: 'refused', tx, at });
  }

  private vote(to: number, vote: Vote): void {
    if (this.online_in(vote.tx.generation)) this.around.send_vote(to, vote);
  }

  /** I2. */
  private may_prepare(tx: Transaction): boolean {
    if (!this.online_in(tx.generation) || this.refused.has(tx)) return false;
    if (this.is_locked(tx.keys)) return false;
    return !this.prepared.has(tx.gid) && !this.around.chance(0.04);
  }

  private take_outcome(tx: Transaction, value: Value, at: number): boolean {
    if (at <= this.progress_of(tx)) return true;
    if (this.prepared.get(tx.gid)?.tx === tx) {
      this.end(tx, value, at);
    } else if (value === 'commit' && !this.may_pass(tx)) return false;
    this.progress.set(`${tx.coordinator} ${tx.lane}`, at);
    return true;
  }

  /** A COMMIT of what is not prepared here: it was executed here before, or it is missing. */
  protected may_pass(tx: Transaction): boolean {
    return tx.user || this.around.online_in() > tx.generation;
  }

  // ---- participant ---------------------------------------------------------------

  /** The coordinator asks for a rollback: no outcome, but never prepared again. */
  private undo(from: number, tx: Transaction): void {
    if (!this.online_in(tx.generation)) return;
    this.around.acts_in(tx.generation, `takes back ${tx.gid}`);
    if (this.prepared.get(tx.gid)?.tx === tx) {
      this.prepared.delete(tx.gid);
      this.wal.records.push({ kind: 'abort', tx, at: null });
    }
    this.refused.add(tx);
    this.vote(from, { kind: 'undone', tx });
  }

  /** Links send every vote again, and backends their wishes. */
  repeat(): void {
    for (const { tx } of this.prepared.values()) {
      if (tx.coordinator !== this.id) this.vote(tx.coordinator, { kind: 'yes', tx });
    }
    for (const tx of this.refused) this.vote(tx.coordinator, { kind: 'no', tx });
    for (const driver of this.drivers.values()) {
      if (driver.aborting && !driver.handed_over) this.ask_to_undo(driver);
    }
    for (const [gid, { commit }] of this.waiting) {
      this.around.event({ kind: 'decide', gid, commit });
    }
  }

  // ---- users' decisions ------------------------------------------------------------

  user_decides(tx: Transaction, commit: boolean): void {
    if (this.view?.status !== 'online' || this.waiting.has(tx.gid)) return;
    if (this.prepared.get(tx.gid)?.tx !== tx) return;
    tx.asked.add(commit ? 'commit' : 'abort');
    tx.askers.add(this.id);
    this.waiting.set(tx.gid, { tx, commit });
    this.around.event({ kind: 'decide', gid: tx.gid, commit });
  }

  // ---- what the control plane asks for ---------------------------------------------

  publish(view: View): void {
    const before = this.view;
    this.view = view;
    for (const driver of this.drivers.values()) {
      if (driver.tx.generation === view.generation) continue;
      driver.handed_over = true;
      // A user's PREPARE waits for no outcome: the user decides.
      if (driver.tx.user) this.drivers.delete(driver.tx.gid);
    }
    const old = [...this.refused].filter((tx) => tx.generation === view.generation);
    this.refused = new Set(old);
    if (before?.donor !== view.donor) this.change_donor(before, view);
    // Back in the same generation: what was isolated goes on.
    for (const driver of [...this.drivers.values()]) this.conclude(driver);
  }

  private change_donor(before: View | null, view: View): void {
    const recovered = (before?.donor ?? 0) !== 0 && view.status === 'online';
    this.stop_reading(recovered ? view.generation : 0);
    this.recovery = view.donor > 0 ? new Recovery(this, view.donor) : null;
    for (const peer of this.known()) {
      if (peer === this.id) continue;
      this.around.event({ kind: view.donor === 0 ? 'stream_up' : 'stream_down', peer });
    }
  }

  mark(generation: number): void {
    this.wal.records.push({ kind: 'mark', number: generation });
  }

  measure(): Positions {
    const peers = [...this.readings].map(([id, { position, open_users }]) => {
      const received = position ?? 0;
      const done = Math.min(received, ...open_users.values());
      return [id, { received: String(received), done: String(done) }] as const;
    });
    return { insert: String(this.horizon()), peers: Object.fromEntries(peers) };
  }

  /**
   * A user's transaction that a ballot ended is recognised later by the progress of its
   * lane: what comes behind it may be forgotten only when that has passed its PREPARE.
   */
  private horizon(): number {
    const { wal, view } = this;
    const from = Math.min(wal.insert, ...this.known().map((id) => this.needed_by(id)));
    for (let i = from; i < wal.insert; i++) {
      const record = wal.records[i]!;
      if (record.kind !== 'commit' && record.kind !== 'abort') continue;
      const { tx, at } = record;
      if (!tx.user || at !== null || !view!.members.includes(tx.coordinator)) continue;
      if (this.progress_of(tx) < tx.prepared_at) return i;
    }
    return wal.insert;
  }

  /** Who is not listed any more still takes part while it is configured. */
  private known(): readonly number[] {
    return [...new Set([...this.listed, ...this.view!.configured])];
  }

  private needed_by(id: number): number {
    return id === this.id ? this.wal.insert : this.wal.slot(id);
  }

  look(gids: readonly string[], remembered_by: readonly number[]): Look {
    const prepared = [...this.prepared].map(([gid, { xid }]) => [gid, String(xid)] as const);
    const outcomes: Record<string, Look['outcomes'][string]> = {};
    const others = new Set<string>();
    for (const gid of gids) {
      if (coordinator_of(gid) === this.id) outcomes[gid] = this.xact_status(gid);
      else if (!this.prepared.has(gid)) others.add(gid);
    }
    if (others.size > 0) {
      for (const gid of this.remembered(others, remembered_by)) outcomes[gid] = 'committed';
    }
    return {
      prepared: Object.fromEntries(prepared),
      driven: [...this.drivers.values()].filter((d) => !d.handed_over).map((d) => d.tx.gid),
      outcomes,
    };
  }

  finish(gid: string, value: Value): FinishResult {
    const entry = this.prepared.get(gid);
    if (entry !== undefined && this.around.chance(0.1)) return 'busy';
    const waiting = this.waiting.get(gid);
    if (entry !== undefined) {
      if (value === 'commit') entry.tx.committed_in ??= this.view!.generation;
      const own = entry.tx.coordinator === this.id;
      this.end(entry.tx, value, own ? this.wal.insert : null);
    }
    this.tell_driver(gid, value);
    this.waiting.delete(gid);
    if (waiting !== undefined && this.view?.status === 'online') this.around.answered(waiting.tx);
    return entry === undefined ? 'absent' : 'done';
  }

  /** Its backend waits for the outcome that others found. */
  tell_driver(gid: string, value: Value): void {
    const driver = this.drivers.get(gid);
    if (driver === undefined) return;
    this.tell(driver.tx, value);
    this.drivers.delete(gid);
  }

  /** Whoever ends it here tells the backend that waits for it. */
  override end(tx: Transaction, value: Value, at: number | null): void {
    this.waiting.delete(tx.gid);
    for (const { open_users } of this.readings.values()) open_users.delete(tx);
    super.end(tx, value, at);
  }
}
