// A few control planes over an ideal network, for tests of single rules: messages arrive
// at once and in order, disks and databases are maps, time moves only when told to.
import { Control, type World } from '../../ts-src/core/control.ts';
import { coordinator_of } from '../../ts-src/core/gid.ts';
import { decode_message, type Message } from '../../ts-src/core/message.ts';
import { initial_state, type Config, type Durable } from '../../ts-src/core/state.ts';
import type { Event, FinishResult } from '../../ts-src/core/event.ts';
import type { Look } from '../../ts-src/core/holding.ts';
import type { Value } from '../../ts-src/core/ballot.ts';
import type { View } from '../../ts-src/core/effect.ts';

export interface TestNode {
  control: Control;
  disk: Durable | null;
  readonly prepared: Record<string, string>;
  readonly driven: Set<string>;
  readonly outcomes: Record<string, Look['outcomes'][string]>;
  readonly finished: [string, Value, FinishResult][];
  readonly published: View[];
  readonly logged: string[];
  /** Generations that it asked the referee about. */
  readonly asked: number[];
  /** What happened, in order: save, publish, send <kind>. */
  readonly trace: string[];
  busy: number;
}

export class LosslessCluster {
  now_ms = 10_000;
  readonly nodes = new Map<number, TestNode>();
  /** Nodes in the order in which they ended something. */
  readonly finish_order: number[] = [];
  /** Messages for which this is true are lost. */
  lose: (from: number, to: number, message: Message) => boolean = () => false;
  private readonly configured: readonly number[];
  private readonly mail: { to: number; from: number; body: string }[] = [];

  constructor(
    count: number,
    private readonly major = 0,
    /** A number: only this node has it. */
    private readonly referee: boolean | number = false,
  ) {
    this.configured = Array.from({ length: count }, (_, i) => i + 1);
    for (const id of this.configured) this.start(id);
  }

  config(id: number): Config {
    return {
      node_id: id,
      configured: this.configured,
      listed: this.configured,
      source: 0,
      cluster_name: 'test',
      heartbeat_send_ms: 200,
      heartbeat_recv_ms: 2_000,
      major_node: id === this.major,
      referee: this.referee === true || this.referee === id,
      referee_grace_ms: 2_000,
      min_recovery_lag_bytes: 1_000,
    };
  }

  node(id: number): TestNode {
    return this.nodes.get(id)!;
  }

  status(id: number): string {
    return this.node(id).control.state.view?.status ?? 'none';
  }

  statuses(): string[] {
    return this.configured.map((id) => this.status(id));
  }

  /** A new process over the same disk and database. */
  start(id: number): void {
    const before = this.nodes.get(id);
    const node: TestNode = {
      control: undefined as unknown as Control,
      disk: before?.disk ?? null,
      prepared: before?.prepared ?? {},
      driven: new Set(),
      outcomes: before?.outcomes ?? {},
      finished: [],
      published: [],
      logged: [],
      asked: [],
      trace: [],
      busy: 0,
    };
    const saved = node.disk;
    node.control = new Control(initial_state(this.config(id), saved), this.world_of(id, node));
    this.nodes.set(id, node);
    this.event(id, { kind: 'start' });
  }

  private world_of(id: number, node: TestNode): World {
    return {
      clock: () => ({ now_ms: this.now_ms, wall_ms: this.now_ms, random: 0.5 }),
      save: (durable) => {
        node.trace.push('save');
        node.disk = JSON.parse(JSON.stringify(durable)) as Durable;
      },
      publish: (view) => {
        node.trace.push(`publish ${view.status}`);
        node.published.push(view);
      },
      send: (to, body) => {
        const decoded = decode_message(body, id, 'test');
        if ('refused' in decoded) throw new Error(decoded.refused);
        const { message } = decoded.envelope;
        node.trace.push(`send ${message.kind}`);
        if (!this.lose(id, to, message)) this.mail.push({ to, from: id, body });
      },
      look: (gids) => this.look(id, node, gids),
      finish: (gid, value) => {
        this.finish_order.push(id);
        return this.finish(node, gid, value);
      },
      mark: (generation) => node.trace.push(`mark ${generation}`),
      measure: () => ({ insert: '0', peers: {} }),
      confirm: (peer, position) => node.trace.push(`confirm ${peer} ${position}`),
      ask_referee: (number) => node.asked.push(number),
      log: (_, message) => node.logged.push(message),
    };
  }

  private look(id: number, node: TestNode, gids: readonly string[]): Look {
    const own = gids.filter((gid) => coordinator_of(gid) === id);
    const outcome = (gid: string) =>
      node.outcomes[gid] ?? (node.prepared[gid] === undefined ? 'aborted' : 'in progress');
    return {
      prepared: { ...node.prepared },
      driven: [...node.driven],
      outcomes: {
        ...Object.fromEntries(own.map((gid) => [gid, outcome(gid)])),
        ...Object.fromEntries(gids.flatMap((gid) => (node.outcomes[gid] ? [[gid, outcome(gid)]] : []))),
      },
    };
  }

  private finish(node: TestNode, gid: string, value: Value): FinishResult {
    let result: FinishResult = 'absent';
    if (node.busy > 0) {
      node.busy--;
      result = 'busy';
    } else if (gid in node.prepared) {
      delete node.prepared[gid];
      result = 'done';
    }
    node.finished.push([gid, value, result]);
    return result;
  }

  event(id: number, event: Event): void {
    this.node(id).control.handle(event);
    this.deliver();
  }

  private deliver(): void {
    for (let next = this.mail.shift(); next !== undefined; next = this.mail.shift()) {
      const { to, from, body } = next;
      this.node(to).control.handle({ kind: 'message', from, body });
    }
  }

  connect(a: number, b: number): void {
    for (const [at, peer] of [[a, b], [b, a]] as const) {
      this.event(at, { kind: 'link_up', peer });
      this.event(at, { kind: 'stream_up', peer });
    }
  }

  /** Each takes the other's server for gone: nobody waits for a lease. */
  disconnect(a: number, b: number): void {
    this.reset(a, b);
    this.event(a, { kind: 'gone', peer: b });
    this.event(b, { kind: 'gone', peer: a });
  }

  reset(a: number, b: number): void {
    this.event(a, { kind: 'link_down', peer: b });
    this.event(b, { kind: 'link_down', peer: a });
  }

  connect_all(): void {
    for (const a of this.configured) for (const b of this.configured) if (a < b) this.connect(a, b);
  }

  tick(times = 1): void {
    for (let i = 0; i < times; i++) {
      this.now_ms += 200;
      for (const id of this.configured) this.event(id, { kind: 'tick' });
    }
  }

  /** All connected, and a generation won. */
  static online(count: number, major = 0, referee: boolean | number = false): LosslessCluster {
    const cluster = new LosslessCluster(count, major, referee);
    cluster.connect_all();
    cluster.tick(3);
    return cluster;
  }
}
