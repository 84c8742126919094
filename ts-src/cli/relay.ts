// The relays of one cluster, in one process: they listen for each pair of nodes and
// pass on what the nodes say to each other, as far as the rules let them.
import { all_ended } from './all_ended.ts';
import type { FlowRule, Later } from './relay_flow.ts';
import type { Route } from './relay_routes.ts';
import { RelayedConnection } from './relayed_connection.ts';
import { RelayListener } from './relay_listener.ts';

/** Bytes from one node to another, in whichever node's connection. */
export interface Direction {
  from: number;
  to: number;
}

export type FlowState = Direction & FlowRule;

const OPEN: FlowRule = { cut: 'no', delay_ms: 0, dropped: 0 };

export class Relay {
  private readonly rules = new Map<string, FlowState>();
  private readonly connections = new Set<RelayedConnection>();
  private readonly listeners: RelayListener[] = [];

  constructor(
    private readonly routes: Route[],
    private readonly later: Later = setTimeout,
  ) {
    // Both ways: the referee answers in the nodes' connections.
    for (const { from, to } of routes) {
      this.rules.set(key({ from, to }), { from, to, ...OPEN });
      this.rules.set(key({ from: to, to: from }), { from: to, to: from, ...OPEN });
    }
  }

  async listen(): Promise<void> {
    await all_ended(this.routes.map((route) => this.listen_for(route)));
  }

  /** Those that something is wrong with. */
  get disturbed(): FlowState[] {
    return [...this.rules.values()].filter((rule) => rule.cut !== 'no' || rule.delay_ms > 0);
  }

  cut(directions: Direction[], how: 'drop' | 'reset'): void {
    for (const rule of directions.map((each) => this.rule(each))) rule.cut = how;
    for (const connection of this.connections) connection.obey();
  }

  delay(directions: Direction[], delay_ms: number): void {
    for (const rule of directions.map((each) => this.rule(each))) rule.delay_ms = delay_ms;
  }

  heal(): void {
    for (const rule of this.rules.values()) Object.assign(rule, OPEN);
    for (const connection of this.connections) connection.heal();
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.reset();
    await all_ended(this.listeners.map((listener) => listener.close()));
  }

  private rule(direction: Direction): FlowState {
    const rule = this.rules.get(key(direction));
    if (rule !== undefined) return rule;
    throw new Error(`nothing is relayed from node ${direction.from} to node ${direction.to}`);
  }

  private listen_for(route: Route): Promise<void> {
    const { from, to, target } = route;
    const rules = { out: this.rule({ from, to }), back: this.rule({ from: to, to: from }) };
    const forget = (closed: RelayedConnection) => this.connections.delete(closed);
    const listener = new RelayListener(route, (near) => {
      const hears = { closed: forget, refused: () => listener.refuse() };
      this.connections.add(new RelayedConnection(near, target, rules, this.later, hears));
    });
    this.listeners.push(listener);
    return listener.listen();
  }
}

function key({ from, to }: Direction): string {
  return `${from} ${to}`;
}
