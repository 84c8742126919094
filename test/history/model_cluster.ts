// A cluster in memory that keeps just what docs/isolation.md claims, for tests of the checker:
// its random histories must pass, and with one rule broken some must not.
import { Random } from '../sim/random.ts';
import type { History, Isolation, Key, Operation, Read, Transaction, Value, Version } from './history.ts';
import { Keys, random_plan, type Plan, type Step } from './plan.ts';

export interface ModelOptions {
  isolation: Isolation;
  nodes: number;
  clients: number;
  moments: number;
  /** Every commit is everywhere at once. */
  at_once?: boolean;
  /** The rule that it breaks. */
  breaks?:
    | 'a conflict aborts'
    | 'one snapshot'
    | 'all or none'
    | 'conflicting commits in one order'
    | 'nothing is forgotten'
    | 'what is rolled back is gone';
}

interface Running {
  transaction: Transaction;
  plan: Plan;
  next: number;
  snapshot: Set<Transaction> | null;
  wrote: { key: Key; value: Value; over: Version }[];
}

interface Decided {
  transaction: Transaction;
  writes: { key: Key; value: Value; over: Version }[];
}

export class ModelCluster {
  private readonly random: Random;
  private readonly keys = new Keys(4, 3, 12);
  private readonly transactions: Transaction[] = [];
  private readonly decided: Decided[] = [];
  private readonly shown: Set<Transaction>[];
  private readonly locks = new Map<Key, Running>();
  private readonly clients: (Running | null)[];
  private values = 0;
  private now_ms = 0;

  constructor(
    seed: number,
    private readonly options: ModelOptions,
  ) {
    this.random = new Random(seed);
    this.shown = Array.from({ length: options.nodes }, () => new Set());
    this.clients = Array.from({ length: options.clients }, () => null);
  }

  history(): History {
    const { moments, isolation } = this.options;
    for (this.now_ms = 1; this.now_ms <= moments; this.now_ms++) this.moment();
    const everything = new Set(this.decided.map(({ transaction }) => transaction));
    const keys = [...new Set(this.decided.flatMap(({ writes }) => writes.map(({ key }) => key)))];
    const reads = keys.map((key) => this.read(key, everything, []));
    const at_rest = this.shown.map((_, index) => ({ node: index + 1, reads }));
    return { isolation, transactions: this.transactions, at_rest };
  }

  private moment(): void {
    if (this.random.chance(0.3)) return this.show(this.random.integer(1, this.options.nodes));
    const index = this.random.integer(0, this.clients.length - 1);
    const running = this.clients[index];
    if (running) this.clients[index] = this.go_on(running);
    else this.clients[index] = this.begin();
  }

  private begin(): Running {
    const transaction: Transaction = {
      name: `T${this.transactions.length + 1}`,
      node: this.random.integer(1, this.options.nodes),
      began_ms: this.now_ms,
      statements: [],
      outcome: 'unknown',
      ended_ms: this.options.moments,
    };
    this.transactions.push(transaction);
    const plan = random_plan(this.random, this.keys);
    return { transaction, plan, next: 0, snapshot: null, wrote: [] };
  }

  private go_on(running: Running): Running | null {
    const step = running.plan.steps[running.next];
    if (step === undefined) return this.end(running, !running.plan.rolls_back);
    const result = this.run(running, step);
    if (result === 'wait') return running;
    if (result === 'conflict') return this.end(running, false);
    running.next++;
    const at_ms = this.now_ms;
    running.transaction.statements.push({ began_ms: at_ms, ended_ms: at_ms + 0.5, operations: result });
    return running;
  }

  private run(running: Running, step: Step): Operation[] | 'wait' | 'conflict' {
    const { isolation, breaks } = this.options;
    const { transaction, wrote } = running;
    const here = this.shown[transaction.node - 1]!;
    if (isolation === 'read committed' || breaks === 'one snapshot' || running.snapshot === null) {
      running.snapshot = new Set(here);
    }
    const { snapshot } = running;
    if (step.does === 'read') {
      const { uncommitted } = this;
      return step.keys.map((key) => {
        const dirty = breaks === 'what is rolled back is gone' ? uncommitted(key) : [];
        return this.read(key, snapshot, dirty.length > 0 ? dirty : wrote);
      });
    }
    const holder = this.locks.get(step.key);
    if (holder !== undefined && holder !== running) return 'conflict';
    const writers = this.decided.filter(({ writes }) => writes.some(({ key }) => key === step.key));
    if (!writers.every(({ transaction }) => here.has(transaction))) return 'wait';
    const seen = writers.every(({ transaction }) => snapshot.has(transaction));
    if (isolation === 'repeatable read' && !seen && breaks !== 'a conflict aborts') return 'conflict';
    this.locks.set(step.key, running);
    const found = this.read(step.key, here, wrote);
    const over = found.does === 'read list' ? (found.items.at(-1) ?? null) : found.value;
    const value = ++this.values;
    wrote.push({ key: step.key, value, over });
    const { does, key } = step;
    return [does === 'append' ? { does, key, value } : { does, key, value, over }];
  }

  /** What others have written and not committed. */
  private readonly uncommitted = (key: Key) => this.locks.get(key)?.wrote ?? [];

  private end(running: Running, commits: boolean): null {
    const { transaction, wrote } = running;
    for (const [key, holder] of this.locks) if (holder === running) this.locks.delete(key);
    transaction.outcome = commits ? 'committed' : 'aborted';
    transaction.ended_ms = this.now_ms + 0.5;
    if (!commits || wrote.length === 0) return null;
    const forgets = this.options.breaks === 'nothing is forgotten' && this.random.chance(0.1);
    this.decided.push({ transaction, writes: forgets ? wrote.slice(1) : wrote });
    const { at_once, nodes } = this.options;
    for (let node = 1; node <= nodes; node++) {
      if (at_once || node === transaction.node) this.shown[node - 1]!.add(transaction);
    }
    return null;
  }

  /** A node commits one that others have decided: after those whose rows it wrote, too. */
  private show(node: number): void {
    const here = this.shown[node - 1]!;
    const missing = this.decided.filter(({ transaction }) => !here.has(transaction));
    if (missing.length === 0) return;
    const one = this.random.pick(missing);
    const earlier = missing.slice(0, missing.indexOf(one));
    const keys = new Set(one.writes.map(({ key }) => key));
    const waits = earlier.some(({ writes }) => writes.some(({ key }) => keys.has(key)));
    if (!waits || this.options.breaks === 'conflicting commits in one order') here.add(one.transaction);
  }

  private read(key: Key, snapshot: Set<Transaction>, own: Running['wrote']): Read {
    const committed = this.decided.flatMap(({ transaction, writes }) =>
      snapshot.has(transaction) ? writes.slice(0, this.torn(writes.length)) : [],
    );
    const writes = [...committed, ...own].filter((write) => write.key === key);
    if (key.startsWith('list')) return { does: 'read list', key, items: writes.map(({ value }) => value) };
    const last = writes.at(-1);
    return { does: 'read register', key, value: last?.value ?? null, over: last?.over ?? null };
  }

  private torn(count: number): number {
    const torn = this.options.breaks === 'all or none' && this.now_ms <= this.options.moments;
    return torn && this.random.chance(0.1) ? count - 1 : count;
  }
}
