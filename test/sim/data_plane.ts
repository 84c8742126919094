// A model of one node's data plane: backends that prepare and wait for votes, streams
// that carry prepares and outcomes, participants that vote, users' two-phase
// transactions. It keeps the rules that PROTOCOL.md gives the C code; the control plane
// beside it is the real one.
import { meets_every_quorum } from '../../ts-src/core/quorum.ts';
import type { EventOf, FinishResult } from '../../ts-src/core/event.ts';
import type { Look } from '../../ts-src/core/holding.ts';
import type { Transaction } from './transaction.ts';
import type { Value } from '../../ts-src/core/ballot.ts';
import type { View } from '../../ts-src/core/effect.ts';
import { coordinator_of, is_ours } from '../../ts-src/core/gid.ts';

export interface StreamRecord {
  readonly kind: 'prepare' | Value;
  readonly tx: Transaction;
}

export interface Vote {
  readonly kind: 'yes' | 'no' | 'undo' | 'undone';
  readonly tx: Transaction;
}

/** A backend that drives its transaction. */
interface Driver {
  readonly tx: Transaction;
  readonly yes: Set<number>;
  readonly never: Set<number>;
  aborting: boolean;
  handed_over: boolean;
}

/** What the world around the node gives it. */
export interface Surroundings {
  send_vote(to: number, vote: Vote): void;
  /** An event for the control plane, through the queue in shared memory. */
  event(event: EventOf<'orphan' | 'decide'>): void;
  chance(probability: number): boolean;
  /** The node votes, prepares, takes back or decides something of this generation. */
  acts_in(generation: number, what: string): void;
  /** A user hears that the transaction ended. */
  answered(tx: Transaction): void;
  /** It ended here, or its client was told something. */
  changed(tx: Transaction): void;
  now_us(): number;
}

export class DataPlane {
  // On disk.
  readonly prepared = new Map<string, { xid: number; tx: Transaction }>();
  readonly outcomes = new Map<string, Value>();
  readonly log: StreamRecord[] = [];
  readonly positions = new Map<number, number>();
  private next_xid = 700;

  // In memory.
  view: View | null = null;
  drivers = new Map<string, Driver>();
  refused = new Set<Transaction>();
  /** Backends in COMMIT or ROLLBACK PREPARED. */
  waiting = new Map<string, { tx: Transaction; commit: boolean }>();

  constructor(
    readonly id: number,
    readonly configured: readonly number[],
    private readonly around: Surroundings,
  ) {}

  crash(): void {
    this.view = null;
    this.drivers = new Map();
    this.refused = new Set();
    this.waiting = new Map();
  }

  /** Is this node online in this generation? Every action under a generation asks. */
  private online_in(generation: number): boolean {
    return this.view?.status === 'online' && this.view.generation === generation;
  }

  // ---- coordinator ---------------------------------------------------------------

  begin(user_gid: string | null): Transaction | null {
    const { view } = this;
    if (view === null || view.status !== 'online') return null;
    if (user_gid !== null && this.prepared.has(user_gid)) return null;
    const xid = this.next_xid++;
    const start = Math.floor(this.around.now_us());
    const name = `MTM-${this.id}-${xid}-${view.generation}-${view.incarnation}-${start}`;
    const tx: Transaction = {
      gid: user_gid ?? name,
      user: user_gid !== null,
      coordinator: this.id,
      generation: view.generation,
      members: view.members,
      ended: new Map(),
      told: null,
      asked: new Set(),
      askers: new Set(),
    };
    this.prepared.set(tx.gid, { xid, tx });
    this.log.push({ kind: 'prepare', tx });
    const yes = new Set([this.id]);
    const driver = { tx, yes, never: new Set<number>(), aborting: false, handed_over: false };
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
    if (!driver.aborting && tx.members.every((id) => yes.has(id))) {
      this.drivers.delete(tx.gid);
      if (tx.user) this.tell(tx, 'prepared');
      else this.decide(tx, 'commit');
      return;
    }
    if (never.size === 0 && !driver.aborting) return;
    driver.aborting = true;
    // A user's is never committed while its coordinator lacks it: nobody need be asked.
    if (tx.user || meets_every_quorum(this.configured, [...never, this.id])) {
      this.decide(tx, 'abort');
      this.drivers.delete(tx.gid);
    }
  }

  private decide(tx: Transaction, value: Value): void {
    this.around.acts_in(tx.generation, `decides ${tx.gid}`);
    this.tell(tx, value);
    this.end(tx, value);
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

  // ---- participant ---------------------------------------------------------------

  /** Take the next record of a peer's stream. */
  take_record(from: number, { kind, tx }: StreamRecord): void {
    if (kind !== 'prepare') {
      if (this.prepared.get(tx.gid)?.tx === tx) this.end(tx, kind);
      return;
    }
    // The stream stands still while the node is not online in its newest generation.
    if (!this.may_prepare(tx)) {
      this.refused.add(tx);
      this.around.send_vote(from, { kind: 'no', tx });
      return;
    }
    this.around.acts_in(tx.generation, `prepares ${tx.gid}`);
    this.prepared.set(tx.gid, { xid: this.next_xid++, tx });
    this.around.send_vote(from, { kind: 'yes', tx });
  }

  /** I2. */
  private may_prepare(tx: Transaction): boolean {
    if (!this.online_in(tx.generation) || this.refused.has(tx)) return false;
    return !this.prepared.has(tx.gid) && !this.around.chance(0.04);
  }

  /** The coordinator asks for a rollback: no outcome, but never prepared again. */
  private undo(from: number, tx: Transaction): void {
    if (!this.online_in(tx.generation)) return;
    this.around.acts_in(tx.generation, `takes back ${tx.gid}`);
    if (this.prepared.get(tx.gid)?.tx === tx) this.prepared.delete(tx.gid);
    this.refused.add(tx);
    this.around.send_vote(from, { kind: 'undone', tx });
  }

  /** Links send every vote again, and backends their wishes. */
  repeat(): void {
    for (const { tx } of this.prepared.values()) {
      if (tx.coordinator !== this.id) this.around.send_vote(tx.coordinator, { kind: 'yes', tx });
    }
    for (const tx of this.refused) this.around.send_vote(tx.coordinator, { kind: 'no', tx });
    for (const { tx, aborting, handed_over } of this.drivers.values()) {
      if (!aborting || handed_over) continue;
      for (const to of tx.members) {
        if (to !== this.id) this.around.send_vote(to, { kind: 'undo', tx });
      }
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
    this.view = view;
    for (const driver of this.drivers.values()) {
      if (driver.tx.generation === view.generation) continue;
      driver.handed_over = true;
      // A user's PREPARE waits for no outcome: the user decides.
      if (driver.tx.user) this.drivers.delete(driver.tx.gid);
    }
    const old = [...this.refused].filter((tx) => tx.generation === view.generation);
    this.refused = new Set(old);
  }

  look(gids: readonly string[]): Look {
    const prepared = [...this.prepared].map(([gid, { xid }]) => [gid, String(xid)] as const);
    const own = gids.filter((gid) => coordinator_of(gid) === this.id);
    return {
      prepared: Object.fromEntries(prepared),
      driven: [...this.drivers.values()].filter((d) => !d.handed_over).map((d) => d.tx.gid),
      outcomes: Object.fromEntries(own.map((gid) => [gid, this.xact_status(gid)])),
    };
  }

  private xact_status(gid: string): 'committed' | 'aborted' | 'in progress' {
    if (this.prepared.has(gid)) return 'in progress';
    return this.outcomes.get(gid) === 'commit' ? 'committed' : 'aborted';
  }

  finish(gid: string, value: Value): FinishResult {
    const entry = this.prepared.get(gid);
    if (entry !== undefined && this.around.chance(0.1)) return 'busy';
    const waiting = this.waiting.get(gid);
    const driver = this.drivers.get(gid);
    if (driver?.handed_over) {
      this.tell(driver.tx, value);
      this.drivers.delete(gid);
    }
    if (entry !== undefined) this.end(entry.tx, value);
    this.waiting.delete(gid);
    if (waiting !== undefined && this.view?.status === 'online') this.around.answered(waiting.tx);
    return entry === undefined ? 'absent' : 'done';
  }

  private end(tx: Transaction, value: Value): void {
    this.prepared.delete(tx.gid);
    // Whoever ends it here tells the backend that waits for it.
    this.waiting.delete(tx.gid);
    tx.ended.set(this.id, value);
    this.around.changed(tx);
    if (tx.coordinator !== this.id) return;
    if (is_ours(tx.gid)) this.outcomes.set(tx.gid, value);
    this.log.push({ kind: value, tx });
  }
}
