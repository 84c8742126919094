// A whole cluster in one process: the real control plane of each node, a model of its data
// plane, disks that keep only what was saved, crashes in the middle of a step, pauses. What
// happens to it in a run is in history.ts.
import { Agenda } from './agenda.ts';
import { Control, type World } from '../../ts-src/core/control.ts';
import { Crash, Node } from './node.ts';
import { DataPlane } from './data_plane.ts';
import { decode_durable, encode_durable } from '../../ts-src/core/durable.ts';
import { describe, Observer, Violation } from './observer.ts';
import { initial_state, type Config } from '../../ts-src/core/state.ts';
import { lease_end } from '../../ts-src/core/lease.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { Referee } from './referee.ts';
import type { Envelope } from '../../ts-src/core/message.ts';
import type { Event } from '../../ts-src/core/event.ts';
import type { Surroundings, Vote } from './surroundings.ts';
import type { View } from '../../ts-src/core/effect.ts';

const SEND_MS = 200;
const RECV_MS = 800;

export interface Options {
  readonly seed: number;
  readonly nodes: number;
  readonly faults_ms: number;
  /** How many nodes may join; with it, others leave. */
  readonly spares: number;
  /** Users decide more, and without waiting for the end of the PREPARE. */
  readonly eager_users?: boolean;
  /** Two nodes have a referee, and no major node, in any case. */
  readonly referee?: boolean;
  /** Called with every line that a node logs. */
  readonly trace?: (line: string) => void;
  /** Instead of one from the seed. */
  readonly random?: Random;
}

export class Cluster {
  readonly random: Random;
  readonly agenda = new Agenda();
  readonly observer = new Observer();
  readonly network: Network;
  readonly nodes: Node[] = [];
  readonly configured: readonly number[];
  readonly referee: Referee | null;
  /** Nodes that are kept down. */
  down: Node[] = [];
  busy_clients = true;
  /** `from>to`: that stream stands still at its reader; in stories. */
  readonly held = new Set<string>();
  steps = 0;
  protected major: number;
  private readonly crash_chance: number;

  constructor(readonly options: Options) {
    this.random = options.random ?? new Random(options.seed);
    const loss = this.random.pick([0, 0.01, 0.1, 0.2]);
    this.crash_chance = this.random.pick([0, 0.0005, 0.003]);
    const slowness_ms = this.random.pick([2, 20, 150]);
    this.network = new Network(this.agenda, this.random, loss, slowness_ms);
    this.configured = Array.from({ length: options.nodes }, (_, i) => i + 1);
    const major = this.random.chance(0.5) ? this.random.integer(1, options.nodes) : 0;
    this.major = options.referee === true ? 0 : major;
    const has_referee = options.nodes === 2 && (this.random.chance(0.5) || options.referee === true);
    this.referee = has_referee ? new Referee() : null;
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
        if (event.kind === 'stream_up' && !this.network.is_linked(this.node(id), this.node(event.peer))) return;
        this.post(this.node(id), event);
        if (event.kind === 'listed') this.agenda.after(this.random.between(1, 200), () => this.connect_all(this.node(id)));
      },
      chance: (probability) => this.random.chance(this.network.faulty ? probability : 0),
      acts_in: (generation, what) => {
        const promised = this.node(id).saved?.promised?.number ?? 0;
        this.observer.acted(id, generation, promised, what);
      },
      answered: (tx) => {
        const { generation } = this.node(id).data.view!;
        const held = this.nodes.filter(({ data, saved }) => {
          if (data.prepared.get(tx.gid)?.tx !== tx) return false;
          // A PREPARE that failed may still arrive where nothing was when it was decided:
          // the coordinator's stream, which brings it, ends it (control_plane.md, d.6).
          return tx.told === 'prepared' || saved?.accepted[tx.gid]?.xid !== null;
        });
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
        this.observer.committed_in(tx, this.answering());
        if (id !== tx.coordinator || tx.committed_in !== tx.generation) return;
        if (!tx.user && data.drivers.get(tx.gid) !== undefined) this.observer.decided(tx, this.views());
      },
      now_us: () => this.agenda.now_ms * 1000,
    };
  }

  private views(): Map<number, View | null> {
    return new Map(this.nodes.map(({ id, data }) => [id, data.view]));
  }

  /** Nodes that answer statements now. */
  answering(): Node[] {
    const { now_ms } = this.agenda;
    return this.nodes.filter(({ data, lease_end_ms }) => data.view?.status === 'online' && now_ms < lease_end_ms);
  }

  node(id: number): Node {
    return this.nodes[id - 1]!;
  }

  // ---- a node's life -----------------------------------------------------------------

  start_server(node: Node): void {
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

  start_monitor(node: Node): void {
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
      if (other !== node && this.network.is_linked(node, other)) this.link_events(node, other, true);
    }
    const beat = (): void => {
      if (node.life !== life || node.control === null) return;
      this.work(node);
      this.agenda.after(SEND_MS, beat);
    };
    this.agenda.after(0, beat);
  }

  crash_server(node: Node): void {
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
  crash_monitor(node: Node): void {
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
    const agenda_ms = this.agenda.now_ms;
    const events = [...node.inbox.splice(0), { kind: 'tick' } as const];
    try {
      for (const event of events) {
        this.steps++;
        control.handle(event);
      }
      node.lease_end_ms = lease_end(control.state, agenda_ms + node.clock_offset_ms) - node.clock_offset_ms;
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
        if (this.network.is_linked(node, this.node(peer))) {
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

  trace(id: number, line: string): void {
    this.options.trace?.(`${this.agenda.now_ms.toFixed(1)} node ${id}: ${line}`);
  }

  private maybe_crash(): void {
    if (this.network.faulty && this.random.chance(this.crash_chance)) throw new Crash();
  }

  // ---- links and streams -------------------------------------------------------------

  connect(a: Node, b: Node): void {
    if (!this.network.is_linked(a, b)) return;
    this.link_events(a, b, true);
    this.link_events(b, a, true);
  }

  disconnect(a: Node, b: Node): void {
    if (this.network.is_linked(a, b)) return;
    this.link_events(a, b, false);
    this.link_events(b, a, false);
    for (const [at, other] of [[a, b], [b, a]] as const) {
      // It may have started again before anybody looked.
      if (this.random.chance(0.2)) continue;
      this.agenda.after(this.random.between(0, 100), () => {
        if (!other.server_up) this.post(at, { kind: 'gone', peer: other.id });
      });
    }
  }

  private link_events(at: Node, peer: Node, up: boolean): void {
    this.post(at, { kind: up ? 'link_up' : 'link_down', peer: peer.id });
    const late = up ? this.random.between(0, 100) : 0;
    this.agenda.after(late, () => {
      if (this.network.is_linked(at, peer) !== up || (up && !at.data.reads_streams())) return;
      this.post(at, { kind: up ? 'stream_up' : 'stream_down', peer: peer.id });
    });
  }

  private send_control(from: number, to: number, body: string): void {
    this.network.transmit(this.node(from), this.node(to), () => this.post(this.node(to), { kind: 'message', from, body }));
  }

  protected send_vote(from: number, to: number, vote: Vote): void {
    this.network.transmit(this.node(from), this.node(to), () => {
      if (this.node(to).server_up) this.node(to).data.take_vote(from, vote);
    });
  }

  private ask_referee(node: Node, number: number): void {
    const { referee, network } = this;
    const on_the_way = (arrive: () => void): void => {
      if (!referee!.is_reached(node.id, this.agenda.now_ms)) return;
      if (!network.is_lost()) this.agenda.after(network.delay_ms(), arrive);
    };
    on_the_way(() => {
      const ruling = referee!.ask(number, node.id);
      this.trace(node.id, `referee, asked about ${number}: ${ruling.number} to node ${ruling.winner}`);
      on_the_way(() => this.post(node, { kind: 'referee', ...ruling }));
    });
  }
}
