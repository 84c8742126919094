// The simulator's cluster with nothing left to chance: it does what a story says, and
// tells what happens on each node in words that the story's steps can point at. What
// every node repeats (heartbeats, votes, questions) is told once; horizons not at all.
import { Cluster } from '../sim/cluster.ts';
import { demand_online, demand_rest } from '../sim/demands.ts';
import { live } from '../sim/clients.ts';
import { answer_of, saved_words, sent_words } from './words.ts';
import { holding } from '../../ts-src/core/holding.ts';
import { Random } from '../sim/random.ts';
import { copy } from '../sim/list_changes.ts';
import { KEYS, LIST_KEY } from '../sim/database.ts';
import type { Config, Durable } from '../../ts-src/core/state.ts';
import type { Envelope } from '../../ts-src/core/message.ts';
import type { Node } from '../sim/node.ts';
import type { Surroundings, Vote } from '../sim/surroundings.ts';
import type { ListChange, Transaction } from '../sim/transaction.ts';
import type { View } from '../../ts-src/core/effect.ts';
import type { World } from '../../ts-src/core/control.ts';

/** Every delay is the middle of its range. */
class NoChance extends Random {
  override next(): number {
    return 0.5;
  }
}

/** The node crashes in the middle of what it does. */
class Stopped extends Error {
  constructor(readonly id: number) {
    super(`node ${id} is stopped`);
  }
}

/** Something that a story waits for. */
interface Point {
  readonly id: number;
  readonly when: 'before' | 'after';
  readonly text: string;
  readonly crash: boolean;
}

const START_APART_MS = 10;
const MOST_MS = 10_000;

export class TracedCluster extends Cluster {
  readonly lines: string[] = [];
  /** The names that the story gives. */
  readonly transactions = new Map<string, Transaction>();
  private point: Point | null = null;
  private origin_ms = 0;
  private readonly told = new Set<string>();
  /** Who ends transactions now, if not their coordinator. */
  private by = '';

  constructor(nodes: number, major: number, spares: number) {
    super({ seed: 0, nodes, faults_ms: 0, spares, random: new NoChance(0) });
    this.major = major;
    this.network.faulty = false;
    this.busy_clients = false;
    for (const node of this.nodes) {
      this.agenda.after(node.id * START_APART_MS, () => this.start_server(node));
      live(this, node);
    }
    this.run_for(3_000);
    demand_online(this, 'a story begins');
    this.origin_ms = this.agenda.now_ms;
    this.lines.length = 0;
  }

  // ---- steps of a story --------------------------------------------------------------

  run_for(ms: number): void {
    this.run_until(this.agenda.now_ms + ms);
  }

  /** Until that has happened on the node. */
  wait_for(id: number, text: string): void {
    this.reach({ id, when: 'after', text, crash: false });
  }

  crash_when(id: number, when: Point['when'], text: string): void {
    this.reach({ id, when, text, crash: true });
  }

  private reach(point: Point): void {
    this.point = point;
    this.run_until(this.agenda.now_ms + MOST_MS);
    if (this.point === null) return;
    throw new Error(`node ${point.id} never "${point.text}":\n${this.lines.join('\n')}`);
  }

  private run_until(end_ms: number): void {
    const waits = this.point !== null;
    try {
      this.agenda.run_until(end_ms, () => waits && this.point === null);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      this.crash(error.id);
    }
  }

  crash(id: number): void {
    this.down.push(this.node(id));
    this.crash_server(this.node(id));
  }

  start(id: number): void {
    this.down = this.down.filter((node) => node.id !== id);
    this.start_server(this.node(id));
  }

  /** The connections between these nodes and those break. */
  cut_off(some: readonly number[], others: readonly number[]): void {
    for (const [a, b] of this.pairs(some, others)) {
      this.network.cut.add(this.network.edge(a, b));
      this.disconnect(a, b);
    }
  }

  /** Messages of `from` to `to` are lost; the connections stay. */
  deafen(from: number, to: number): void {
    this.network.deaf.add(`${from}>${to}`);
  }

  pause(id: number, for_ms: number): void {
    this.node(id).paused_until_ms = this.agenda.now_ms + for_ms;
  }

  mend(): void {
    this.network.cut.clear();
    this.network.deaf.clear();
    const all = this.nodes.map(({ id }) => id);
    for (const [a, b] of this.pairs(all, all)) {
      if (a.id < b.id) this.connect(a, b);
    }
  }

  private pairs(some: readonly number[], others: readonly number[]): [Node, Node][] {
    return some.flatMap((a) => others.map((b): [Node, Node] => [this.node(a), this.node(b)]));
  }

  /** `user_gid`: of PREPARE TRANSACTION. Each writes a row of its own. */
  begin_transaction(name: string, id: number, user_gid: string | null): void {
    this.begin(name, id, this.node(id).data.begin(user_gid, [this.transactions.size % KEYS]));
  }

  begin_list_change(name: string, id: number, change: ListChange): void {
    this.begin(name, id, this.node(id).data.begin(null, [LIST_KEY], change));
  }

  private begin(name: string, id: number, tx: Transaction | null): void {
    if (tx === null) throw new Error(`node ${id} cannot begin ${name}`);
    this.observer.transactions.push(tx);
    this.transactions.set(name, tx);
  }

  join(id: number, source: number): void {
    copy(this, this.node(id), this.node(source));
    this.start_server(this.node(id));
  }

  transaction(name: string): Transaction {
    const tx = this.transactions.get(name);
    if (tx === undefined) throw new Error(`there is no transaction ${name}`);
    return tx;
  }

  demand_rest(): void {
    demand_rest(this);
  }

  // ---- what happens ------------------------------------------------------------------

  tell(line: string): void {
    this.lines.push(line);
  }

  /** It is about to happen: nobody has seen anything of it. */
  private before(id: number, text: string): void {
    this.pass(id, 'before', text, `crashes before it ${this.named(text)}`);
  }

  private happens(id: number, text: string): void {
    this.tell_of(id, this.named(text));
    this.pass(id, 'after', text, 'crashes');
  }

  /** Is it what the story waits for? */
  private pass(id: number, when: Point['when'], text: string, crash: string): void {
    const { point } = this;
    if (point === null || point.id !== id || point.when !== when) return;
    if (!this.named(text).startsWith(point.text)) return;
    this.point = null;
    if (!point.crash) return;
    this.tell_of(id, crash);
    throw new Stopped(id);
  }

  private tell_of(id: number, text: string): void {
    const seconds = ((this.agenda.now_ms - this.origin_ms) / 1_000).toFixed(3);
    this.tell(`${seconds.padStart(8)}  node ${id}: ${text}`);
  }

  /** Again and again by itself, but told once. */
  private once(id: number, key: string, text: string, effect: () => void = () => {}): void {
    const whole = this.key_of(id, key, text);
    if (this.told.has(whole)) {
      effect();
      return;
    }
    this.before(id, text);
    effect();
    this.told.add(whole);
    this.happens(id, text);
  }

  private key_of(id: number, key: string, text: string): string {
    return `${id} ${this.node(id).life} ${key} ${text}`;
  }

  private named(text: string): string {
    let named = text;
    for (const [name, { gid }] of this.transactions) named = named.replaceAll(gid, name);
    return named;
  }

  // ---- the data plane ----------------------------------------------------------------

  protected override surroundings(id: number): Surroundings {
    const real = super.surroundings(id);
    return {
      ...real,
      chance: (probability) => probability > 0.5,
      acts_in: (generation, what) => {
        real.acts_in(generation, what);
        this.before(id, what);
      },
      changed: (tx) => {
        real.changed(tx);
        this.changed(id, tx);
      },
      answered: (tx) => {
        real.answered(tx);
        this.happens(id, `tells who decided on ${tx.gid} that it is done`);
      },
    };
  }

  private changed(id: number, tx: Transaction): void {
    const value = tx.ended.get(id);
    const recovers = this.node(id).data.recovery !== null;
    const by = this.by !== '' ? this.by : recovers ? ' by its recovery' : '';
    if (value !== undefined && !this.told.has(`${id} ended ${tx.gid}`)) {
      this.told.add(`${id} ended ${tx.gid}`);
      this.happens(id, `${value === 'commit' ? 'commits' : 'rolls back'} ${tx.gid}${by}`);
    }
    if (id !== tx.coordinator || tx.told === null || this.told.has(`told ${tx.gid}`)) return;
    this.told.add(`told ${tx.gid}`);
    this.happens(id, `tells the client of ${tx.gid}: ${answer_of(tx)}`);
  }

  protected override send_vote(from: number, to: number, vote: Vote): void {
    const { gid } = vote.tx;
    const text = {
      yes: `votes yes on ${gid}`,
      no: `votes no on ${gid}`,
      undo: `asks node ${to} to take ${gid} back`,
      undone: `has taken ${gid} back`,
    }[vote.kind];
    const send = () => super.send_vote(from, to, vote);
    // Whoever took it back says no from then on.
    const was_undone = this.told.has(this.key_of(from, '', `has taken ${gid} back`));
    if (vote.kind === 'no' && was_undone) send();
    else this.once(from, '', text, send);
  }

  // ---- the control plane -------------------------------------------------------------

  protected override world_of(node: Node, config: Config): World {
    const real = super.world_of(node, config);
    const { id } = node;
    return {
      ...real,
      save: (durable) => this.save(node, durable, () => real.save(durable)),
      publish: (view) => {
        const before = node.data.view;
        real.publish(view);
        this.published(id, before, view);
      },
      send: (to, body) => {
        const text = sent_words((JSON.parse(body) as Envelope).message, to);
        if (text === null) real.send(to, body);
        else this.once(id, '', text, () => real.send(to, body));
      },
      look: (gids, remembered_by) => {
        const look = real.look(gids, remembered_by);
        const number = node.saved?.promised?.number ?? 0;
        for (const gid of gids) {
          this.once(id, `${number}`, `has ${gid} ${holding(id, gid, look).state}`);
        }
        return look;
      },
      finish: (gid, value) => {
        this.by = ' by the ballot';
        try {
          return real.finish(gid, value);
        } finally {
          this.by = '';
        }
      },
      log: (_, line) => this.happens(id, line),
    };
  }

  private save(node: Node, after: Durable, effect: () => void): void {
    const texts = saved_words(node.id, node.saved, after);
    for (const text of texts) this.before(node.id, text);
    effect();
    for (const text of texts) this.happens(node.id, text);
  }

  private published(id: number, before: View | null, { donor }: View): void {
    if (donor > 0 && donor !== before?.donor) this.happens(id, `recovers from node ${donor}`);
  }
}
