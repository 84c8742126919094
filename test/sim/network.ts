// The network: which nodes are linked, and what becomes of a message between them. It
// loses, delays, repeats and reorders while things are faulty.
import type { Agenda } from './agenda.ts';
import type { Node } from './node.ts';
import type { Random } from './random.ts';

export class Network {
  /** Edges that are cut: connections break, and are not made. */
  readonly cut = new Set<string>();
  /** `from>to`: what is sent that way is lost, silently. */
  readonly deaf = new Set<string>();
  faulty = true;
  private readonly agenda: Agenda;
  private readonly random: Random;
  private readonly loss: number;
  private readonly slowness_ms: number;

  constructor(agenda: Agenda, random: Random, loss: number, slowness_ms: number) {
    this.agenda = agenda;
    this.random = random;
    this.loss = loss;
    this.slowness_ms = slowness_ms;
  }

  edge(a: Node, b: Node): string {
    return a.id < b.id ? `${a.id}-${b.id}` : `${b.id}-${a.id}`;
  }

  is_linked(a: Node, b: Node): boolean {
    return a.server_up && b.server_up && !this.cut.has(this.edge(a, b));
  }

  transmit(from: Node, to: Node, deliver: () => void): void {
    if (!this.is_linked(from, to)) return;
    const lost = this.is_lost();
    if (lost || this.deaf.has(`${from.id}>${to.id}`)) return;
    this.agenda.after(this.delay_ms(), deliver);
    if (this.faulty && this.random.chance(0.05)) this.agenda.after(this.delay_ms(), deliver);
  }

  is_lost(): boolean {
    return this.faulty && this.random.chance(this.loss);
  }

  delay_ms(): number {
    if (!this.faulty) return this.random.between(0.1, 2);
    return this.random.between(0.1, this.random.chance(0.02) ? 5_000 : this.slowness_ms);
  }

  heal(): void {
    this.faulty = false;
    this.cut.clear();
    this.deaf.clear();
  }
}
