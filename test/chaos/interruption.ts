// How long nodes took no writes, as their clients saw it.
import type { Listener, LoggedLoad } from '../cluster/logged_load.ts';

/** Silence that is shorter is a busy machine's. */
const SILENCE_MS = 1_500;

/** From now on: the longest time in which one of these nodes acknowledged nothing. */
export class Interruption {
  private readonly last_ms: Map<number, number>;
  private longest_ms = 0;

  constructor(
    private readonly load: Pick<LoggedLoad, 'listeners'>,
    nodes: number[],
    private readonly now: () => number = Date.now,
  ) {
    this.last_ms = new Map(nodes.map((node) => [node, now()]));
    load.listeners.add(this.listen);
  }

  /** Every one of them has acknowledged something lately. */
  is_over(): boolean {
    const times = [...this.last_ms.values()];
    return times.length > 0 && times.every((last_ms) => this.now() - last_ms < SILENCE_MS);
  }

  /** null: it lasts. */
  end(): number | null {
    this.load.listeners.delete(this.listen);
    return this.is_over() ? this.longest_ms : null;
  }

  private readonly listen: Listener = (node, _began_ms, known_ms) => {
    const last_ms = this.last_ms.get(node);
    if (last_ms === undefined) return;
    this.longest_ms = Math.max(this.longest_ms, known_ms - last_ms);
    this.last_ms.set(node, Math.max(last_ms, known_ms));
  };
}

/** From now until each of these nodes has acknowledged what began after now. */
export class WritesAgain {
  private readonly waiting: Set<number>;
  private readonly from_ms: number;
  private last_ms: number | null = null;

  constructor(
    private readonly load: Pick<LoggedLoad, 'listeners'>,
    nodes: number[],
    now: () => number = Date.now,
  ) {
    this.from_ms = now();
    this.waiting = new Set(nodes);
    load.listeners.add(this.listen);
  }

  after_ms(): number | null {
    return this.last_ms === null ? null : this.last_ms - this.from_ms;
  }

  private readonly listen: Listener = (node, began_ms, known_ms) => {
    if (began_ms < this.from_ms || !this.waiting.delete(node)) return;
    if (this.waiting.size > 0) return;
    this.last_ms = known_ms;
    this.load.listeners.delete(this.listen);
  };
}
