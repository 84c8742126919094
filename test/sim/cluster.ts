// A whole cluster in one process, from one seed: the real control plane of each node, a
// model of its data plane, a network that loses, delays, repeats and reorders, disks
// that keep only what was saved, crashes in the middle of a step, pauses, cuts.
import { Agenda } from './agenda.ts';
import { Control, type World } from '../../ts-src/core/control.ts';
import { DataPlane, KEYS, LIST_KEY, type Surroundings, type Vote } from './data_plane.ts';
import { decode_durable, encode_durable } from '../../ts-src/core/durable.ts';
import { initial_state, type Config, type Durable } from '../../ts-src/core/state.ts';
import { describe, Observer, Violation } from './observer.ts';
import { is_quorum, REFEREE } from '../../ts-src/core/quorum.ts';
import { Random } from './random.ts';
import { Referee } from './referee.ts';
import type { ListChange } from './transaction.ts';
import type { Envelope } from '../../ts-src/core/message.ts';
import type { Event } from '../../ts-src/core/event.ts';
import type { View } from '../../ts-src/core/effect.ts';

const SEND_MS = 200;
const RECV_MS = 800;

class Crash extends Error {}

export class Node {
  control: Control | null = null;
  disk: string | null = null;
  /** What was saved last in this life. */
  saved: Durable | null = null;
  server_up = false;
  paused_until_ms = 0;
  /** Grows with every start of the control plane; what an older one planned is void. */
  life = 0;
  /** Of a node that joined: whose copy it began as. */
  source = 0;
  readonly inbox: Event[] = [];

  constructor(
    readonly id: number,
    readonly data: DataPlane,
    /** Jumps with every start. */
    public clock_offset_ms: number,
    /** Has it a data directory? */
    public exists: boolean,
  ) {}
}

export interface Options {
  readonly seed: number;
  readonly nodes: number;
  readonly faults_ms: number;
  /** How many nodes may join; with it, others leave. */
  readonly spares: number;
  /** Called with every line that a node logs. */
  readonly trace?: (line: string) => void;
  /** Instead of one from the seed. */
  readonly random?: Random;
}

export interface Summary {
  readonly steps: number;
  readonly transactions: number;
  readonly committed: number;
  readonly aborted: number;
  readonly generations: number;
  /** Nodes that came to be online, of those that were added; and that were dropped. */
  readonly joined: number;
  readonly left: number;
}

export class Cluster {
  readonly random: Random;
  readonly agenda = new Agenda();
  readonly observer: Observer;
  readonly nodes: Node[] = [];
  readonly configured: readonly number[];
  protected readonly cut = new Set<string>();
  protected readonly deaf = new Set<string>();
  protected faulty = true;
  /** Nodes that are kept down. */
  protected down: Node[] = [];
  protected major: number;
  private readonly referee: Referee | null;
  protected busy_clients = true;
  private steps = 0;
  private readonly loss: number;
  private readonly crash_chance: number;
  private readonly slowness_ms: number;

  constructor(private readonly options: Options) {
    this.random = options.random ?? new Random(options.seed);
    this.loss = this.random.pick([0, 0.01, 0.1, 0.2]);
    this.crash_chance = this.random.pick([0, 0.0005, 0.003]);
    this.slowness_ms = this.random.pick([2, 20, 150]);
    this.configured = Array.from({ length: options.nodes }, (_, i) => i + 1);
    this.major = this.random.chance(0.5) ? this.random.integer(1, options.nodes) : 0;
    const has_referee = options.nodes === 2 && this.random.chance(0.5);
    this.referee = has_referee ? new Referee() : null;
    this.observer = new Observer();
    for (let id = 1; id <= options.nodes + options.spares; id++) this.nodes.push(this.new_node(id));
  }

  private new_node(id: number): Node {
    const data = new DataPlane(id, this.configured, this.surroundings(id));
    return new Node(id, data, this.random.integer(0, 1_000_000), this.configured.includes(id));
  }

  protected surroundings(id: number): Surroundings {
    return {
      send_vote: (to, vote) => this.send_vote(id, to, vote),
      event: (event) => {
        if (event.kind === 'stream_up' && !this.is_linked(this.node(id), this.node(event.peer))) return;
        this.post(this.node(id), event);
        if (event.kind === 'listed') this.agenda.after(this.random.between(1, 200), () => this.connect_all(this.node(id)));
      },
      chance: (probability) => this.random.chance(this.faulty ? probability : 0),
      acts_in: (generation, what) => {
        const promised = this.node(id).saved?.promised?.number ?? 0;
        this.observer.acted(id, generation, promised, what);
      },
      answered: (tx) => {
        const { generation } = this.node(id).data.view!;
        const held = this.nodes.filter(({ data }) => data.prepared.get(tx.gid)?.tx === tx);
        const online = held.filter(({ data: { view } }) => view?.status === 'online');
        const with_it = online.filter(({ data }) => data.view!.generation === generation);
        this.observer.answered(tx, with_it.map((node) => node.id));
      },
      changed: (tx) => {
        this.trace(id, `${tx.gid} is ${describe(tx)}`);
        this.observer.check(tx);
      },
      online_in: () => this.node(id).saved?.online_in ?? 0,
      applied: (tx) => {
        const { data } = this.node(id);
        this.observer.applied(id, tx, data);
        if (id !== tx.coordinator || tx.committed_in !== tx.generation) return;
        if (!tx.user && data.drivers.get(tx.gid) !== undefined) this.observer.decided(tx, this.views());
      },
      now_us: () => this.agenda.now_ms * 1000,
    };
  }

  private views(): Map<number, View | null> {
    return new Map(this.nodes.map(({ id, data }) => [id, data.view]));
  }

  node(id: number): Node {
    return this.nodes[id - 1]!;
  }

  // ---- the run -----------------------------------------------------------------------

  run(): Summary {
    const { faults_ms } = this.options;
    for (const node of this.nodes) {
      if (node.exists) this.agenda.after(this.random.between(0, 300), () => this.start_server(node));
      this.live(node);
    }
    this.misfortune();
    if (this.options.spares > 0) this.changes_of_the_list();
    this.agenda.run_until(faults_ms);
    this.heal();
    this.rest(faults_ms + 6_000, () => this.demand_online('clients are still at work'));
    if (this.random.chance(0.3)) this.lose_minority();
    this.busy_clients = false;
    this.agenda.run_until(this.agenda.now_ms + 300);
    this.end_users_transactions();
    this.rest(this.agenda.now_ms + 20_000, () => this.check_rest());
    return this.summary();
  }

  /** Run until the demand holds, at most until then. */
  private rest(end_ms: number, demand: () => void): void {
    while (this.agenda.now_ms < end_ms) {
      this.agenda.run_until(this.agenda.now_ms + 250);
      try {
        demand();
        return;
      } catch (error) {
        if (!(error instanceof Violation) || !error.message.startsWith('liveness')) throw error;
      }
    }
    demand();
  }

  /** Some nodes stay down: the others go on without them. */
  private lose_minority(): void {
    const configured = this.expected();
    const lost = configured.slice(-this.random.integer(1, configured.length));
    const left = configured.filter((id) => !lost.includes(id));
    const { major, number } = this.node(configured[0]!).control!.state.durable.generation!;
    // The referee chooses who is left, unless it had just chosen the other.
    const is_open = major === REFEREE && configured.length === 2 && left.length === 1 && this.referee?.held?.number !== number;
    if (!is_open && !is_quorum(configured, left, major)) return;
    this.down = lost.map((id) => this.node(id));
    for (const node of this.down) this.crash_server(node);
    const committed = this.summary().committed;
    this.rest(this.agenda.now_ms + 8_000, () => {
      this.demand_online('a minority stays down');
      if (this.summary().committed > committed) return;
      throw new Violation('liveness: nothing is committed while a minority is down');
    });
    for (const node of this.down.splice(0)) this.agenda.after(0, () => this.start_server(node));
    this.rest(this.agenda.now_ms + 8_000, () => this.demand_online('they are back'));
  }

  private summary(): Summary {
    const { transactions } = this.observer;
    const ended = (value: string) =>
      transactions.filter((tx) => [...tx.ended.values()].includes(value as 'commit')).length;
    return {
      steps: this.steps,
      transactions: transactions.length,
      committed: ended('commit'),
      aborted: ended('abort'),
      generations: Math.max(...this.nodes.map((n) => n.data.view?.generation ?? 0)),
      joined: this.nodes.filter(({ id, saved }) => !this.configured.includes(id) && (saved?.online_in ?? 0) > 0).length,
      left: this.configured.filter((id) => !this.expected().includes(id)).length,
    };
  }

  protected demand_online(when: string): void {
    const expected = this.expected();
    const up = expected.map((id) => this.node(id)).filter((node) => !this.down.includes(node));
    const ids = up.map(({ id }) => id).join();
    const first = up[0]!.data.view;
    const all = up.every(
      ({ data: { view } }) =>
        view?.status === 'online' &&
        view.generation === first!.generation &&
        view.configured.join() === expected.join() &&
        view.members.join() === ids,
    );
    if (all) {
      this.demand_offline(expected);
      return;
    }
    const each = up.map(({ id, data: { view }, control }) => {
      const now = `${view?.status}/${view?.generation} of ${view?.configured} donor ${view?.donor}`;
      return `${id}: ${now} (${control?.state.reason})`;
    });
    throw new Violation(`liveness: not all of ${expected} online (${when}): ${each.join('; ')}`);
  }

  /** A dropped node may be online for a moment, until it hears of it, or nothing any more. */
  private demand_offline(listed: readonly number[]): void {
    const dropped = this.nodes.filter(({ id }) => !listed.includes(id));
    const online = dropped.find(({ data }) => data.view?.status === 'online');
    if (online !== undefined) throw new Violation(`liveness: node ${online.id} is online, though dropped`);
  }

  /** The nodes in the list, by who was online last. */
  private expected(): readonly number[] {
    const alive = this.nodes.filter(({ exists }) => exists);
    const online_in = ({ saved }: Node) => saved?.online_in ?? 0;
    const newest = Math.max(...alive.map(online_in));
    return alive.find((node) => online_in(node) === newest)!.data.listed;
  }

  protected check_rest(): void {
    this.demand_online('at rest');
    const expected = this.expected();
    const nodes = expected.map((id) => this.node(id));
    for (const { id, data } of nodes) {
      const left = [...data.prepared.keys()];
      if (left.length > 0) throw new Violation(`liveness, I11: prepared on node ${id}: ${left}`);
      const waiting = [...data.waiting.keys()];
      if (waiting.length > 0) throw new Violation(`liveness: node ${id} waits for ${waiting}`);
      const driven = [...data.drivers.keys()];
      if (driven.length > 0) throw new Violation(`liveness: a client of node ${id} waits: ${driven}`);
    }
    for (const { id, control } of nodes) {
      const { durable } = control!.state;
      const kept = Object.keys(durable.accepted);
      if (kept.length > 0) throw new Violation(`liveness: node ${id} keeps ${kept}`);
    }
    for (const tx of this.observer.transactions) this.observer.check_ended(tx, expected);
  }

  /** All prepared by users is decided by somebody, as an administrator would do. */
  private end_users_transactions(): void {
    for (const node of this.nodes) {
      for (const { tx } of [...node.data.prepared.values()]) {
        if (tx.user) node.data.user_decides(tx, [...tx.asked][0] === 'commit');
      }
    }
    this.agenda.after(4_000, () => {
      for (const node of this.nodes) {
        for (const { tx } of [...node.data.prepared.values()]) {
          node.data.waiting.delete(tx.gid);
          if (tx.user) node.data.user_decides(tx, false);
        }
      }
    });
  }

  // ---- a node's life -----------------------------------------------------------------

  protected start_server(node: Node): void {
    if (!node.exists || node.server_up || this.down.includes(node)) return;
    node.server_up = true;
    this.start_monitor(node);
    this.connect_all(node);
  }

  private connect_all(node: Node): void {
    for (const other of this.nodes) {
      if (other === node) continue;
      this.agenda.after(this.random.between(1, 200), () => this.connect(node, other));
    }
  }

  private start_monitor(node: Node): void {
    const config: Config = {
      node_id: node.id,
      configured: this.configured,
      listed: node.data.listed,
      source: node.source,
      cluster_name: 'sim',
      heartbeat_send_ms: SEND_MS,
      heartbeat_recv_ms: RECV_MS,
      major_node: node.id === this.major,
      referee: this.referee !== null,
      // What it spares in practice must not be what keeps the nodes apart.
      referee_grace_ms: 0,
      min_recovery_lag_bytes: 30,
    };
    node.life++;
    node.clock_offset_ms += this.random.integer(0, 100_000);
    node.inbox.length = 0;
    const life = node.life;
    const saved = node.disk === null ? null : decode_durable(config, node.disk);
    if (saved !== null && 'refused' in saved) throw new Violation(saved.refused);
    const state = initial_state(config, saved?.durable ?? null);
    node.control = new Control(state, this.world_of(node, config));
    this.post(node, { kind: 'start' });
    for (const other of this.nodes) {
      if (other !== node && this.is_linked(node, other)) this.link_events(node, other, true);
    }
    const beat = (): void => {
      if (node.life !== life || node.control === null) return;
      this.work(node);
      this.agenda.after(SEND_MS, beat);
    };
    this.agenda.after(0, beat);
  }

  protected crash_server(node: Node): void {
    if (!node.server_up) return;
    this.trace(node.id, 'the server crashes');
    node.server_up = false;
    node.control = null;
    node.life++;
    node.data.crash();
    for (const other of this.nodes) {
      const late = this.random.between(0, this.random.chance(0.2) ? 3_000 : 50);
      if (other !== node) this.agenda.after(late, () => this.disconnect(node, other));
    }
    this.agenda.after(this.random.between(10, 3_000), () => this.start_server(node));
  }

  /** The monitor alone ends; the data plane goes on, offline. */
  private crash_monitor(node: Node): void {
    if (node.control === null) return;
    this.trace(node.id, 'the monitor crashes');
    node.control = null;
    node.life++;
    const { data } = node;
    if (data.view !== null) data.publish({ ...data.view, status: 'disabled' });
    const life = node.life;
    this.agenda.after(this.random.between(200, 1_500), () => {
      if (node.life === life && node.server_up) this.start_monitor(node);
    });
  }

  private post(node: Node, event: Event): void {
    if (node.control === null) return;
    node.inbox.push(event);
    if (node.inbox.length > 1) return;
    this.agenda.after(this.random.between(0, 2), () => this.work(node));
  }

  private work(node: Node): void {
    const { control } = node;
    if (control === null) return;
    if (this.agenda.now_ms < node.paused_until_ms) {
      const life = node.life;
      this.agenda.after(node.paused_until_ms - this.agenda.now_ms, () => {
        if (node.life === life) this.work(node);
      });
      return;
    }
    const events = [...node.inbox.splice(0), { kind: 'tick' } as const];
    try {
      for (const event of events) {
        this.steps++;
        control.handle(event);
      }
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      if (this.random.chance(0.5)) this.crash_monitor(node);
      else this.crash_server(node);
    }
  }

  protected world_of(node: Node, config: Config): World {
    const { data } = node;
    return {
      clock: () => ({
        now_ms: this.agenda.now_ms + node.clock_offset_ms,
        wall_ms: this.agenda.now_ms,
        random: this.random.next(),
      }),
      save: (durable) => {
        this.maybe_crash();
        node.disk = encode_durable(config, durable);
        this.observer.saved(node.id, node.saved, durable);
        node.saved = durable;
        this.maybe_crash();
      },
      publish: (view) => {
        this.maybe_crash();
        this.observer.left(node.id, node.saved === node.control!.state.durable);
        data.publish(view);
        this.observer.published(node.id, view, data);
      },
      send: (to, body) => {
        this.maybe_crash();
        this.observer.left(node.id, node.saved === node.control!.state.durable);
        if (!body.includes('"kind":"heartbeat"')) {
          this.trace(node.id, `> ${to} ${body}`);
          this.observer.sent(node.id, (JSON.parse(body) as Envelope).message, node.saved!);
        }
        this.send_control(node.id, to, body);
      },
      look: (gids, remembered_by) => data.look(gids, remembered_by),
      mark: (generation) => {
        this.maybe_crash();
        data.mark(generation);
        this.maybe_crash();
      },
      measure: () => data.measure(),
      confirm: (peer, position) => {
        if (this.is_linked(node, this.node(peer))) {
          this.node(peer).data.wal.confirm(node.id, Number(position));
        }
      },
      ask_referee: (number) => {
        this.maybe_crash();
        this.observer.left(node.id, node.saved === node.control!.state.durable);
        this.ask_referee(node, number);
      },
      finish: (gid, value) => {
        this.maybe_crash();
        const result = data.finish(gid, value);
        this.trace(node.id, `finish ${gid} ${value}: ${result}`);
        if (result === 'done') this.observer.executed(gid, value, node.saved!);
        this.maybe_crash();
        return result;
      },
      log: (_, line) => this.trace(node.id, line),
    };
  }

  private trace(id: number, line: string): void {
    this.options.trace?.(`${this.agenda.now_ms.toFixed(1)} node ${id}: ${line}`);
  }

  private maybe_crash(): void {
    if (this.faulty && this.random.chance(this.crash_chance)) throw new Crash();
  }

  // ---- links and streams -------------------------------------------------------------

  protected edge(a: Node, b: Node): string {
    return a.id < b.id ? `${a.id}-${b.id}` : `${b.id}-${a.id}`;
  }

  protected is_linked(a: Node, b: Node): boolean {
    return a.server_up && b.server_up && !this.cut.has(this.edge(a, b));
  }

  protected connect(a: Node, b: Node): void {
    if (!this.is_linked(a, b)) return;
    this.link_events(a, b, true);
    this.link_events(b, a, true);
  }

  protected disconnect(a: Node, b: Node): void {
    if (this.is_linked(a, b)) return;
    this.link_events(a, b, false);
    this.link_events(b, a, false);
  }

  private link_events(at: Node, peer: Node, up: boolean): void {
    this.post(at, { kind: up ? 'link_up' : 'link_down', peer: peer.id });
    const late = up ? this.random.between(0, 100) : 0;
    this.agenda.after(late, () => {
      if (this.is_linked(at, peer) !== up || (up && !at.data.reads_streams())) return;
      this.post(at, { kind: up ? 'stream_up' : 'stream_down', peer: peer.id });
    });
  }

  private delay_ms(): number {
    if (!this.faulty) return this.random.between(0.1, 2);
    return this.random.between(0.1, this.random.chance(0.02) ? 5_000 : this.slowness_ms);
  }

  private transmit(from: number, to: number, deliver: () => void): void {
    if (!this.is_linked(this.node(from), this.node(to))) return;
    const lost = this.faulty && this.random.chance(this.loss);
    if (lost || this.deaf.has(`${from}>${to}`)) return;
    this.agenda.after(this.delay_ms(), deliver);
    if (this.faulty && this.random.chance(0.05)) this.agenda.after(this.delay_ms(), deliver);
  }

  private send_control(from: number, to: number, body: string): void {
    this.transmit(from, to, () => this.post(this.node(to), { kind: 'message', from, body }));
  }

  protected send_vote(from: number, to: number, vote: Vote): void {
    this.transmit(from, to, () => {
      if (this.node(to).server_up) this.node(to).data.take_vote(from, vote);
    });
  }

  private ask_referee(node: Node, number: number): void {
    const { referee, random } = this;
    const on_the_way = (arrive: () => void): void => {
      if (!referee!.is_reached(node.id, this.agenda.now_ms)) return;
      if (!this.faulty || !random.chance(this.loss)) this.agenda.after(this.delay_ms(), arrive);
    };
    on_the_way(() => {
      const ruling = referee!.ask(number, node.id);
      this.trace(node.id, `referee, asked about ${number}: ${ruling.number} to node ${ruling.winner}`);
      on_the_way(() => this.post(node, { kind: 'referee', ...ruling }));
    });
  }

  // ---- clients, streams and misfortune ---------------------------------------------------

  /** Things that happen on a node without its control plane. */
  protected live(node: Node): void {
    const soon = (low: number, high: number, act: () => void): void => {
      const again = (): void => {
        try {
          if (node.server_up) act();
        } finally {
          // It may have crashed in the middle of it.
          this.agenda.after(this.random.between(low, high), again);
        }
      };
      this.agenda.after(this.random.between(low, high), again);
    };
    soon(50, 400, () => this.client(node));
    soon(2, 30, () => this.read_streams(node));
    soon(200, 700, () => node.data.repeat());
  }

  private client(node: Node): void {
    if (!this.busy_clients) return;
    const { data } = node;
    const kind = this.random.next();
    if (kind < 0.7) this.begin(node, null);
    else if (kind < 0.8) this.begin_users(node, `u${this.random.integer(1, 3)}`);
    else if (kind < 0.95) this.decide_something(node);
    else if (data.drivers.size > 0) {
      const gid = this.random.pick([...data.drivers.keys()]);
      data.cancel(gid);
      if (this.random.chance(0.5)) data.give_up(gid);
    }
  }

  /** Users give a name again once it is free, but not to two transactions at a time. */
  private begin_users(node: Node, gid: string): void {
    if (this.nodes.some(({ data }) => data.prepared.has(gid))) return;
    this.begin(node, gid);
  }

  private begin(node: Node, gid: string | null): void {
    const keys = [this.random.integer(0, KEYS - 1)];
    if (this.random.chance(0.3)) keys.push((keys[0]! + 1) % KEYS);
    this.begin_with(node, gid, keys, null);
  }

  private begin_with(node: Node, gid: string | null, keys: number[], list: ListChange | null): void {
    const tx = node.data.begin(gid, keys, list);
    if (tx === null) return;
    this.trace(node.id, `begins ${tx.gid} in generation ${tx.generation}`);
    this.observer.transactions.push(tx);
  }

  private decide_something(node: Node): void {
    const own = [...node.data.prepared.values()].filter(({ tx }) => tx.user);
    if (own.length === 0) return;
    const { tx } = this.random.pick(own);
    if (tx.told === null && this.random.chance(0.8)) return;
    node.data.user_decides(tx, this.random.chance(0.6));
  }

  private read_streams(node: Node): void {
    const { data } = node;
    for (const from of this.nodes) {
      if (from === node || !this.is_linked(node, from) || this.random.chance(0.3)) continue;
      const count = this.random.integer(1, 4);
      if (data.reads_streams()) data.read_stream(from.data, count);
      else if (data.recovery?.donor === from.id) data.recovery.step(from.data, count * 3);
    }
  }

  // ---- nodes that join and leave ---------------------------------------------------------

  private changes_of_the_list(): void {
    const change = (): void => {
      if (this.faulty) this.change_list(this.random.pick(this.nodes));
      this.agenda.after(this.random.between(100, 900), change);
    };
    const join = (): void => {
      for (const node of this.nodes) if (!node.exists) this.join(node);
      this.agenda.after(this.random.between(50, 300), join);
    };
    this.agenda.after(this.random.between(300, 900), change);
    this.agenda.after(0, join);
  }

  private change_list(node: Node): void {
    const { listed } = node.data;
    const spares = this.nodes.filter(({ id, exists }) => !exists && !listed.includes(id));
    if (spares.length > 0 && this.random.chance(0.6)) {
      this.begin_with(node, null, [LIST_KEY], { change: 'add', node: spares[0]!.id });
      return;
    }
    const victim = this.random.pick(listed);
    if (listed.length < 3 || this.is_needed(victim)) return;
    this.begin_with(node, null, [LIST_KEY], { change: 'drop', node: victim });
  }

  /** Who still gets its copy's rest from it could never join. */
  private is_needed(id: number): boolean {
    return this.nodes.some(
      (node) => !this.configured.includes(node.id) && (node.saved?.online_in ?? 0) === 0 &&
        (node.source === id || node.id === id),
    );
  }

  private is_leaving(id: number): boolean {
    return this.observer.transactions.some(
      ({ list, ended, told }) =>
        list?.change === 'drop' && list.node === id && told !== 'abort' && ![...ended.values()].includes('abort'),
    );
  }

  /** A copy of a node that is online, which goes on while it is made. */
  private join(node: Node): void {
    const able = this.nodes.filter(
      ({ id, data }) => data.view?.status === 'online' && data.listed.includes(node.id) && !this.is_leaving(id),
    );
    if (able.length === 0) return;
    const source = this.random.pick(able);
    node.exists = true;
    node.source = source.id;
    node.data.copy(source.data);
    for (const { ended } of this.observer.transactions) {
      const value = ended.get(source.id);
      if (value !== undefined) ended.set(node.id, value);
    }
    this.trace(node.id, `begins as a copy of node ${source.id}`);
    this.agenda.after(this.random.between(0, 500), () => this.start_server(node));
  }

  private misfortune(): void {
    const strike = (): void => {
      if (!this.faulty) return;
      this.strike(this.random.pick(this.nodes));
      this.agenda.after(this.random.between(50, 1_500), strike);
    };
    this.agenda.after(this.random.between(300, 1_500), strike);
  }

  private strike(node: Node): void {
    const other = this.random.pick(this.nodes);
    if (this.referee !== null && this.random.chance(0.2)) {
      const until_ms = this.agenda.now_ms + this.random.between(100, 4_000);
      this.referee.fail(this.random.chance(0.5) ? null : node.id, until_ms);
      return;
    }
    const kind = this.random.next();
    if (kind < 0.25) this.crash_server(node);
    else if (kind < 0.4) this.crash_monitor(node);
    else if (kind < 0.55) {
      node.paused_until_ms = this.agenda.now_ms + this.random.between(100, 4_000);
    } else if (kind < 0.75) this.cut_edge(node, other);
    else if (kind < 0.9) {
      const way = `${node.id}>${other.id}`;
      this.deaf.add(way);
      this.agenda.after(this.random.between(100, 4_000), () => this.deaf.delete(way));
    } else for (const each of this.nodes) this.crash_server(each);
  }

  private cut_edge(a: Node, b: Node): void {
    if (a === b) return;
    this.cut.add(this.edge(a, b));
    this.agenda.after(this.random.between(0, 100), () => this.disconnect(a, b));
    this.agenda.after(this.random.between(200, 3_000), () => {
      this.cut.delete(this.edge(a, b));
      this.connect(a, b);
    });
  }

  private heal(): void {
    this.faulty = false;
    this.cut.clear();
    this.deaf.clear();
    this.referee?.heal();
    for (const node of this.nodes) {
      node.paused_until_ms = 0;
      this.agenda.after(0, () => {
        this.start_server(node);
        if (node.control === null) this.start_monitor(node);
        for (const other of this.nodes) if (other !== node) this.connect(node, other);
      });
    }
  }
}

export function run_seed(options: Options): Summary {
  return new Cluster(options).run();
}
