// The all-knowing observer: checks the invariants of PROTOCOL.md over all nodes, while
// the simulation runs and when it has come to rest. Each check says which one it holds.
import { is_ours, parse_gid } from '../../ts-src/core/gid.ts';
import { is_quorum } from '../../ts-src/core/quorum.ts';
import type { DataPlane } from './data_plane.ts';
import type { Durable } from '../../ts-src/core/state.ts';
import type { Generation } from '../../ts-src/core/generation.ts';
import type { Message } from '../../ts-src/core/message.ts';
import type { Transaction } from './transaction.ts';
import type { Value } from '../../ts-src/core/ballot.ts';
import type { View } from '../../ts-src/core/effect.ts';

export class Violation extends Error {}

export class Observer {
  readonly transactions: Transaction[] = [];
  private readonly votes = new Map<string, string>();
  private readonly won = new Map<number, string>();
  private readonly members_online = new Map<number, string>();
  /** Everything committed, in the order in which it was first. */
  private readonly committed: Transaction[] = [];
  /** For each row its writers, in the order of the node that was first. */
  private readonly written: Transaction[][] = [];
  /** Who ever accepted a value in a ballot. */
  private readonly accepted = new Map<string, Set<number>>();

  private demand(holds: boolean, what: () => string): void {
    if (!holds) throw new Violation(what());
  }

  /** Anything leaves a node: does it find all of that after a crash? */
  left(from: number, is_saved: boolean): void {
    this.demand(is_saved, () => `I2, I3: node ${from} is ahead of its disk`);
  }

  /** The data plane acts under a generation; the node has promised to take part in one. */
  acted(id: number, generation: number, promised: number, what: string): void {
    const now = `node ${id} ${what} of generation ${generation}, but is in ${promised}`;
    this.demand(generation === promised, () => `I2, I4: ${now}`);
  }

  /** A message leaves a node; `disk` is what that node would find after a crash. */
  sent(from: number, message: Message, disk: Durable): void {
    if (message.kind === 'vote' || message.kind === 'campaign') this.voted(from, message, disk);
    if (message.kind === 'won') this.generation_won(message.generation);
    if (message.kind === 'accept') {
      const { number, seq } = message;
      const all = Object.values(disk.accepted);
      const saved = all.some((a) => a.ballot.number === number && a.ballot.seq === seq);
      this.demand(saved, () => `I5: node ${from} accepted ballot ${number}.${seq} in memory only`);
    }
    if ('number' in message && message.kind !== 'refuse') {
      const promised = disk.promised?.number ?? 0;
      const moved = promised >= message.number;
      this.demand(moved, () => `I2: ${message.kind} of ${from} before its vote`);
    }
  }

  private voted(from: number, message: Message & { proposal: Generation }, disk: Durable): void {
    const { proposal } = message;
    const key = `${from} ${proposal.number}`;
    const text = JSON.stringify(proposal);
    this.demand((this.votes.get(key) ?? text) === text, () => `I3: node ${key}: two votes`);
    this.votes.set(key, text);
    const promised = disk.promised?.number ?? 0;
    this.demand(promised >= proposal.number, () => `I3: vote of node ${key} is not on disk`);
  }

  private generation_won(generation: Generation): void {
    const text = JSON.stringify(generation);
    const { number, members } = generation;
    this.demand((this.won.get(number) ?? text) === text, () => `I1: two generations ${number}`);
    if (this.won.has(number)) return;
    this.won.set(number, text);
    const numbers = [...this.won.keys()].sort((a, b) => a - b);
    const at = numbers.indexOf(number);
    for (const other of [numbers[at - 1], numbers[at + 1]]) {
      if (other === undefined) continue;
      const theirs = (JSON.parse(this.won.get(other)!) as Generation).members;
      const meets = theirs.some((id) => members.includes(id));
      this.demand(meets, () => `I1: generations ${number} and ${other} have no member in common`);
    }
    const enough = is_quorum(generation.configured, members, generation.major);
    this.demand(enough, () => `I1: generation ${number} holds no quorum`);
    for (const id of members) {
      const voted = this.votes.has(`${id} ${number}`) || id === generation.campaigner;
      this.demand(voted, () => `I1: generation ${number} was won without node ${id}`);
    }
  }

  published(id: number, view: View, data: DataPlane): void {
    if (view.status !== 'online') return;
    const members = JSON.stringify(view.members);
    const known = this.members_online.get(view.generation) ?? members;
    this.demand(known === members, () => `two sets are online in generation ${view.generation}`);
    this.members_online.set(view.generation, members);
    for (const gid of data.prepared.keys()) {
      const parts = is_ours(gid) ? parse_gid(gid) : null;
      const old = parts !== null && parts.generation < view.generation;
      const now = `online in ${view.generation} with ${gid} prepared`;
      this.demand(!old, () => `I7: node ${id} is ${now}`);
    }
    const lacking = this.committed.find(
      (tx) => tx.committed_in! < view.generation && tx.ended.get(id) !== 'commit',
    );
    const now = () => `online in ${view.generation} without ${lacking!.gid}`;
    this.demand(lacking === undefined, () => `I7: node ${id} is ${now()}: ${describe(lacking!)}`);
  }

  /** Its rows are written on a node. */
  applied(id: number, tx: Transaction, data: DataPlane): void {
    if (tx.ended.size === 1) this.committed.push(tx);
    for (const key of tx.keys) {
      const here = data.rows[key]!;
      const twice = here.indexOf(tx) < here.length - 1;
      this.demand(!twice, () => `I8: ${tx.gid} is applied twice on node ${id}`);
      const order = (this.written[key] ??= []);
      const at = here.length - 1;
      if (at === order.length) order.push(tx);
      const first = order[at]!;
      const where = `row ${key} of node ${id} has ${tx.gid} where others have ${first.gid}`;
      this.demand(first === tx, () => `I9: ${where}`);
    }
  }

  /** What a node has on disk now. */
  saved(id: number, before: Durable | null, after: Durable): void {
    if (before?.accepted === after.accepted) return;
    for (const [gid, { ballot, value }] of Object.entries(after.accepted)) {
      const key = `${gid} ${ballot.number}.${ballot.seq} ${value}`;
      const nodes = this.accepted.get(key) ?? new Set();
      this.accepted.set(key, nodes.add(id));
    }
  }

  /** A ballot's value is executed on a node. */
  executed(gid: string, value: Value, durable: Durable): void {
    const entry = durable.accepted[gid];
    const { number, seq } = entry?.ballot ?? { number: 0, seq: 0 };
    const nodes = [...(this.accepted.get(`${gid} ${number}.${seq} ${value}`) ?? [])];
    const { configured, major } = durable.generation!;
    const enough = is_quorum(configured, nodes, major);
    this.demand(enough, () => `I5: ${gid} executed with acceptances of ${nodes}`);
  }

  /** Committed for the first time: nobody answers who may have been left behind. */
  committed_in({ gid, ended, committed_in }: Transaction, answering: readonly { id: number; data: DataPlane }[]): void {
    if (ended.size > 1) return;
    for (const { id, data } of answering) {
      const left_behind = data.view!.generation < committed_in!;
      const where = `node ${id}, which answers in generation ${data.view!.generation}`;
      this.demand(!left_behind, () => `I10: ${gid} is committed in ${committed_in} without ${where}`);
    }
  }

  /** A coordinator decided by itself. */
  decided(tx: Transaction, views: ReadonlyMap<number, View | null>): void {
    for (const [id, view] of views) {
      if (view?.status !== 'online' || view.generation <= tx.generation) continue;
      const has = tx.ended.get(id) === 'commit';
      const now = `committed while node ${id} is online in ${view.generation} without it`;
      this.demand(has, () => `I10: ${tx.gid} is ${now}`);
    }
  }

  /** Its only user hears of the outcome: the name must be free on all nodes. */
  answered(tx: Transaction, still_prepared: readonly number[]): void {
    if (tx.askers.size > 1) return;
    const where = `still prepared on ${still_prepared.join(', ')}`;
    this.demand(still_prepared.length === 0, () => `${tx.gid} is answered, but ${where}`);
  }

  /** Whenever it ended somewhere, or its client was told. */
  check(tx: Transaction): void {
    const values = new Set<string>(tx.ended.values());
    this.demand(values.size < 2, () => `${tx.gid} ended two ways: ${describe(tx)}`);
    if (tx.told === 'commit' || tx.told === 'abort') values.add(tx.told);
    this.demand(values.size < 2, () => `I6: the client of ${tx.gid} was told ${describe(tx)}`);
    if (tx.user && tx.told === 'prepared' && values.size === 1) {
      const value = [...values][0] as Value;
      this.demand(tx.asked.has(value), () => `${tx.gid} ended as nobody decided: ${describe(tx)}`);
    }
  }

  /** After all came to rest: what was committed is everywhere. */
  check_ended(tx: Transaction, ids: readonly number[]): void {
    this.check(tx);
    const committed = [...tx.ended.values()].includes('commit');
    if (!committed && tx.told !== 'commit') return;
    const lacking = ids.filter((id) => tx.ended.get(id) !== 'commit');
    const where = `${tx.gid} is lost on node ${lacking}`;
    this.demand(lacking.length === 0, () => `I7: ${where}: ${describe(tx)}`);
  }
}

export function describe(tx: Transaction): string {
  const ended = [...tx.ended].map(([id, value]) => `${id}:${value}`).join(' ');
  return `[${ended}], told ${tx.told}, asked ${[...tx.asked]}`;
}
