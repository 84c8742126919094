// What happened, as moments and what must have come before what.
//
// A transaction takes a snapshot (at READ COMMITTED one for each statement), runs statements,
// is decided, and then committed on one node after the other, each node in an order of its
// own. Every edge is what the cluster claims (docs/isolation.md): so a cycle breaks a claim.
//   own   snapshot, statement, decided, committed on each node
//   wr    committed on this node -> the snapshot that shows it
//   rw    the snapshot that does not show it -> committed on this node
//   ww    a version -> the one that replaced it, on every node alike
//   time  a client was answered before another one asked
import { Graph } from './graph.ts';
import {
  is_read,
  version_read,
  type History,
  type Key,
  type Read,
  type Transaction,
  type Version,
} from './history.ts';
import type { Versions } from './versions.ts';
import type { Writers } from './writers.ts';

export type Kind = 'own' | 'ww' | 'wr' | 'rw' | 'time';

export interface Moment {
  what: 'snapshot' | 'statement' | 'decided' | 'committed' | 'clock';
  transaction: Transaction | null;
  /** Where it was committed. */
  node?: number;
}

export type Events = Graph<Moment, Kind>;

/** One transaction's vertices. */
interface Vertices {
  /** By statement. */
  snapshots: number[];
  statements: number[];
  decided: number | null;
  /** By node. */
  committed: Map<number, number>;
}

export class EventGraph {
  readonly graph: Events = new Graph();
  private readonly vertices = new Map<Transaction, Vertices>();
  private readonly nodes: number[];
  private readonly history: History;

  constructor(
    private readonly writers: Writers,
    private readonly versions: Versions,
  ) {
    this.history = writers.history;
    this.nodes = [...new Set(this.history.transactions.map(({ node }) => node))];
    for (const transaction of this.history.transactions) this.add(transaction);
    for (const transaction of this.history.transactions) this.add_reads(transaction);
    for (const [key, chains] of versions.chains) {
      for (const chain of chains) this.add_chain(key, chain);
    }
    this.add_clock();
    if (this.history.asks !== undefined) {
      for (const node of this.nodes) this.add_acknowledged(node);
    }
  }

  private add(transaction: Transaction): void {
    const { graph } = this;
    const each = this.history.isolation === 'read committed';
    const snapshots: number[] = [];
    const statements: number[] = [];
    for (let i = 0; i < transaction.statements.length; i++) {
      if (each || i === 0) snapshots.push(graph.vertex({ what: 'snapshot', transaction }));
      else snapshots.push(snapshots[0]!);
      statements.push(graph.vertex({ what: 'statement', transaction }));
      if (i > 0) graph.edge(statements[i - 1]!, each ? snapshots[i]! : statements[i]!, 'own');
      if (each || i === 0) graph.edge(snapshots[i]!, statements[i]!, 'own');
    }
    const committed = new Map<number, number>();
    let decided: number | null = null;
    if (this.writers.is_committed(transaction) && statements.length > 0) {
      decided = graph.vertex({ what: 'decided', transaction });
      graph.edge(statements.at(-1)!, decided, 'own');
      for (const node of this.nodes) {
        const here = graph.vertex({ what: 'committed', transaction, node });
        committed.set(node, here);
        graph.edge(decided, here, 'own');
      }
    }
    this.vertices.set(transaction, { snapshots, statements, decided, committed });
  }

  private add_reads(transaction: Transaction): void {
    const { snapshots } = this.vertices.get(transaction)!;
    for (const [i, { operations }] of transaction.statements.entries()) {
      for (const read of operations.filter(is_read)) this.add_read(transaction, snapshots[i]!, read);
    }
  }

  private add_read(reader: Transaction, snapshot: number, read: Read): void {
    const { key } = read;
    const version = version_read(read);
    const writer = this.writer(key, version);
    if (writer === reader) return; // The version that its own replaced counts as its write.
    const shown = this.committed_on(writer, reader.node);
    if (shown !== null) this.graph.edge(shown, snapshot, 'wr', key);
    const next = this.writer(key, this.versions.after(key, version));
    if (next === null || next === reader || next === writer) return;
    const hidden = this.committed_on(next, reader.node);
    if (hidden !== null) this.graph.edge(snapshot, hidden, 'rw', key);
  }

  private add_chain(key: Key, chain: Version[]): void {
    for (let i = 1; i < chain.length; i++) {
      const before = this.writer(key, chain[i - 1]);
      const after = this.writer(key, chain[i]);
      if (before === null || after === null || before === after) continue;
      for (const node of this.nodes) {
        const [one, other] = [this.committed_on(before, node), this.committed_on(after, node)];
        if (one !== null && other !== null) this.graph.edge(one, other, 'ww', key);
      }
      this.add_replacing(key, before, after, this.writers.of(key, chain[i]!)!.statement);
    }
  }

  /** Who replaces a version waits for its commit here; its own snapshot must show it. */
  private add_replacing(key: Key, before: Transaction, after: Transaction, statement: number): void {
    const here = this.committed_on(before, after.node);
    const { snapshots, statements } = this.vertices.get(after)!;
    const in_snapshot = this.history.isolation === 'repeatable read';
    if (here === null) return;
    this.graph.edge(here, in_snapshot ? snapshots[0]! : statements[statement]!, 'ww', key);
  }

  /** What was told before something else was asked came before it. */
  private add_clock(): void {
    const ends: Point[] = [];
    const begins: Point[] = [];
    for (const [transaction, vertices] of this.vertices) {
      const { snapshots, statements, decided, committed } = vertices;
      for (const [i, { began_ms, ended_ms }] of transaction.statements.entries()) {
        if (i === 0 || snapshots[i] !== snapshots[0]) begins.push({ at_ms: began_ms, vertex: snapshots[i]! });
        if (ended_ms !== null) ends.push({ at_ms: ended_ms, vertex: statements[i]! });
      }
      if (transaction.outcome !== 'committed' || decided === null) continue;
      ends.push({ at_ms: transaction.ended_ms, vertex: committed.get(transaction.node)! });
    }
    this.add_times(ends, begins);
  }

  /** What was asked for: snapshots of this node show what was acknowledged anywhere. */
  private add_acknowledged(node: number): void {
    const { isolation, asks } = this.history;
    const at_begin = isolation === 'repeatable read' && asks === 'causal reads';
    const ends: Point[] = [];
    const begins: Point[] = [];
    for (const [transaction, { snapshots, committed }] of this.vertices) {
      const here = committed.get(node);
      if (transaction.outcome === 'committed' && here !== undefined) {
        ends.push({ at_ms: transaction.ended_ms, vertex: here });
      }
      if (transaction.node !== node) continue;
      for (const [i, { began_ms }] of transaction.statements.entries()) {
        if (i > 0 && snapshots[i] === snapshots[0]) continue;
        begins.push({ at_ms: at_begin ? transaction.began_ms : began_ms, vertex: snapshots[i]! });
      }
    }
    this.add_times(ends, begins);
  }

  /** By a chain of clocks: an edge from each end to each later begin would be too many. */
  private add_times(ends: Point[], begins: Point[]): void {
    const by_time = (one: Point, other: Point) => one.at_ms - other.at_ms;
    begins.sort(by_time);
    let clock: number | null = null;
    let next = 0;
    for (const end of ends.sort(by_time)) {
      const tick = this.graph.vertex({ what: 'clock', transaction: null });
      for (; next < begins.length && begins[next]!.at_ms <= end.at_ms; next++) {
        if (clock !== null) this.graph.edge(clock, begins[next]!.vertex, 'time');
      }
      if (clock !== null) this.graph.edge(clock, tick, 'time');
      this.graph.edge(end.vertex, tick, 'time');
      clock = tick;
    }
    for (; next < begins.length; next++) {
      if (clock !== null) this.graph.edge(clock, begins[next]!.vertex, 'time');
    }
  }

  private writer(key: Key, version: Version | undefined): Transaction | null {
    if (version === null || version === undefined) return null;
    return this.writers.of(key, version)?.transaction ?? null;
  }

  private committed_on(transaction: Transaction | null, node: number): number | null {
    if (transaction === null) return null;
    return this.vertices.get(transaction)?.committed.get(node) ?? null;
  }
}

interface Point {
  at_ms: number;
  vertex: number;
}
