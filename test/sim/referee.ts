// The referee: one register that survives everything, and is not always reached.
import type { NodeId } from '../../ts-src/core/node_set.ts';
import type { Ruling } from '../../ts-src/core/referee.ts';

/** What it holds once it was asked, and answers. */
export function ruled(held: Ruling | null, number: number, asker: NodeId): Ruling {
  return held === null || number > held.number ? { number, winner: asker } : held;
}

export class Referee {
  held: Ruling | null = null;
  /** Until when nobody, or not this node, reaches it. */
  private down_until_ms = 0;
  private readonly cut_until_ms = new Map<NodeId, number>();

  ask(number: number, asker: NodeId): Ruling {
    this.held = ruled(this.held, number, asker);
    return this.held;
  }

  is_reached(from: NodeId, now_ms: number): boolean {
    return now_ms >= this.down_until_ms && now_ms >= (this.cut_until_ms.get(from) ?? 0);
  }

  /** Down for all, or cut off from one of them. */
  fail(from: NodeId | null, until_ms: number): void {
    if (from === null) this.down_until_ms = until_ms;
    else this.cut_until_ms.set(from, until_ms);
  }

  heal(): void {
    this.down_until_ms = 0;
    this.cut_until_ms.clear();
  }
}
