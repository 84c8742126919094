// Turn: one step under way. Rules read turn.state, replace it, and add effects; nothing
// of it lives longer than the step.
import type { Effect } from './effect.ts';
import type { Clock } from './event.ts';
import type { Message } from './message.ts';
import type { NodeId } from './node_set.ts';
import type { Durable, State, Tenure } from './state.ts';

export class Turn {
  state: State;
  readonly clock: Clock;
  readonly durable: Effect[] = [];
  readonly now: Effect[] = [];

  constructor(state: State, clock: Clock) {
    this.state = state;
    this.clock = clock;
  }

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
  }

  /** Change what must be on disk before the durable effects of this step. */
  save(change: Partial<Durable>): void {
    this.set({ durable: { ...this.state.durable, ...change } });
  }

  set_tenure(change: Partial<Tenure>): void {
    this.set({ tenure: { ...this.state.tenure, ...change } });
  }

  /** A message to this node itself goes the same way as to others. */
  send(to: NodeId, message: Message): void {
    this.durable.push({ kind: 'send', to, message });
  }

  log(message: string): void {
    this.now.push({ kind: 'log', level: 'log', message });
  }

  warn(message: string): void {
    this.now.push({ kind: 'log', level: 'warning', message });
  }
}
